#pragma once
// Spoilt files for fuzzing: a seed (the bytes of a good file) with a few mutations. The same random seed gives the
// same files on every machine, so that a failure can be repeated.
//
//     Random random(1);
//     for (..) read(mutate(good_bytes, random));      // must succeed or throw an Error, nothing else

#include "tangram/support/random.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tangram::test {

/// Random numbers, one after the other.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(splitmix64(seed)) {}
    /// 0 .. count - 1; 0 for a count of 0.
    std::size_t below(std::size_t count) {
        return count == 0 ? 0 : static_cast<std::size_t>(splitmix64(state_++) % count);
    }

private:
    std::uint64_t state_;
};

/// How many mutations a fuzzing test tries: TANGRAM_FUZZ_MUTATIONS, or `fallback`, a second's worth.
inline std::size_t fuzz_mutations(std::size_t fallback) {
    const char* wanted = std::getenv("TANGRAM_FUZZ_MUTATIONS");
    return wanted == nullptr ? fallback : std::strtoull(wanted, nullptr, 10);
}

/// The first of them, TANGRAM_FUZZ_FIRST: to repeat one, or to share them among processes, where each has a seed of its own.
inline std::size_t first_mutation() {
    const char* first = std::getenv("TANGRAM_FUZZ_FIRST");
    return first == nullptr ? 0 : std::strtoull(first, nullptr, 10);
}

/// Another number in the place of a run of digits: near it, or at the edge of a type.
inline void edit_number(std::string& bytes, Random& random) {
    static const std::array<const char*, 14> edges{"0",
                                                   "1",
                                                   "-1",
                                                   "1.5",
                                                   "1e3",
                                                   "2147483648",
                                                   "4294967296",
                                                   "1099511627776",
                                                   "4611686018427387904",
                                                   "9223372036854775807",
                                                   "9223372036854775808",
                                                   "18446744073709551615",
                                                   "99999999999999999999",
                                                   "null"};
    const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    const auto start = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size()));
    const auto first = std::find_if(start, bytes.end(), is_digit);
    const auto last = std::find_if_not(first, bytes.end(), is_digit);
    if (first == bytes.end()) return;
    std::string number(first, last);
    if (number.size() < 18 && random.below(2) == 0) {
        number = std::to_string(std::strtoll(number.c_str(), nullptr, 10) +
                                static_cast<long long>(random.below(17)) - 8);
    } else {
        number = edges[random.below(edges.size())];
    }
    bytes.replace(first, last, number);
}

/// A number at the edge of a type, or near the file's size, in 2, 4 or 8 bytes of either order.
inline void put_extreme(std::string& bytes, std::size_t at, Random& random) {
    const std::uint64_t size = bytes.size();
    const std::array<std::uint64_t, 12> edges{0,           1,           0x7f,        0x7fff,
                                              0xffff,      0x7fffffff,  0x80000000,  0xffffffff,
                                              1ULL << 62U, ~0ULL >> 1U, 1ULL << 63U, ~0ULL};
    const std::size_t width = std::size_t{2} << random.below(3);
    const std::size_t kind = random.below(edges.size() + 2);
    const std::uint64_t value = kind < edges.size() ? edges[kind] : size - random.below(2 * size);
    const bool is_big = random.below(2) == 0;
    for (std::size_t k = 0; k < width && at + k < bytes.size(); ++k)
        bytes[at + k] = static_cast<char>(value >> (8 * (is_big ? width - 1 - k : k)) & 0xffU);
}

/// One mutation; an empty text stays one, or gains a byte.
inline void mutate_once(std::string& bytes, Random& random) {
    static constexpr std::string_view telling{"\0\xff\n\"\\{}[]:,0-\x80 ", 15};
    const std::size_t at = random.below(bytes.size());
    const std::size_t span = 1 + random.below(std::min<std::size_t>(bytes.size() - at, 40));
    switch (random.below(11)) {
        case 0:
            if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
            break;
        case 1:
            if (!bytes.empty()) bytes[at] = telling[random.below(telling.size())];
            break;
        case 2:
            bytes.insert(at, 1 + random.below(4), telling[random.below(telling.size())]);
            break;
        case 3:
            bytes.erase(at, span);
            break;
        case 4:
            bytes.resize(at);
            break;
        case 5:  // a span twice
            bytes.insert(at, bytes.substr(at, span));
            break;
        case 6:  // a span somewhere else too
            bytes.insert(random.below(bytes.size() + 1), bytes.substr(at, span));
            break;
        case 7:  // eight bytes that are a count in a binary format
            for (std::size_t k = 0; k < 8 && at + k < bytes.size(); ++k)
                bytes[at + k] = static_cast<char>(random.below(3) == 0 ? random.below(256) : 0);
            break;
        case 8:
        case 9:
            put_extreme(bytes, at, random);
            break;
        default:
            edit_number(bytes, random);
    }
}

/// `seed` with one to four mutations.
inline std::string mutate(const std::string& seed, Random& random) {
    std::string bytes = seed;
    for (std::size_t times = 1 + random.below(4); times > 0; --times) mutate_once(bytes, random);
    return bytes;
}

}  // namespace tangram::test
