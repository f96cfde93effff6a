#pragma once
// A counter-based hash in the place of a random number generator: any entry of any stream at once, the same
// on every rank and every machine.

#include <cstdint>

namespace tangram {

/// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the
/// bits of `counter`, mixed.
constexpr std::uint64_t splitmix64(std::uint64_t counter) {
    std::uint64_t z = counter + 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
}

/// +1 or -1, entry `counter` of a stream.
constexpr double random_sign(std::uint64_t stream, std::uint64_t counter) {
    return (splitmix64(stream + counter) >> 63U) != 0 ? 1.0 : -1.0;
}

/// The stream `stream` of a seed, as normal_number() takes it.
std::uint64_t stream_key(std::uint64_t seed, std::uint64_t stream);

/// Entry `counter` of a stream from N(0, std^2), rounded to float32: the same on every machine.
double normal_number(std::uint64_t key, std::uint64_t counter, double std_deviation);

}  // namespace tangram
