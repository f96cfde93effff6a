#include "tangram/support/random.hpp"

#include <cmath>
#include <numbers>

namespace tangram {

namespace {

/// Entry `counter` of the splitmix64 sequence that starts from `seed`.
std::uint64_t hash(std::uint64_t seed, std::uint64_t counter) {
    return splitmix64(seed + counter * 0x9e3779b97f4a7c15U);
}

/// A number in (0, 1], a multiple of 2^-53.
double unit(std::uint64_t bits) {
    return static_cast<double>((bits >> 11U) + 1) * 0x1p-53;
}

}  // namespace

std::uint64_t stream_key(std::uint64_t seed, std::uint64_t stream) {
    return hash(seed, stream);
}

// By Box and Muller (1958), written out because std::normal_distribution differs between standard libraries.
// The last bits are those of libm's log and cos, and are gone after the rounding to float32.
double normal_number(std::uint64_t key, std::uint64_t counter, double std_deviation) {
    const double radius = std::sqrt(-2.0 * std::log(unit(hash(key, 2 * counter))));
    const double angle = 2.0 * std::numbers::pi * unit(hash(key, 2 * counter + 1));
    return static_cast<double>(static_cast<float>(std_deviation * radius * std::cos(angle)));
}

}  // namespace tangram
