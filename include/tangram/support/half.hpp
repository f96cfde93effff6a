#pragma once
// The two 16-bit floating-point formats as float64, which holds them exactly.

#include <bit>
#include <cmath>
#include <cstdint>

namespace tangram {

/// IEEE binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
inline double from_half(std::uint16_t bits) {
    const int exponent = bits / 1024 % 32;
    const int fraction = bits % 1024;
    double magnitude = 0;
    if (exponent == 31) {
        magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
    } else if (exponent == 0) {
        magnitude = std::ldexp(fraction, -24);
    } else {
        magnitude = std::ldexp(1024 + fraction, exponent - 25);
    }
    return (bits & 0x8000U) != 0 ? -magnitude : magnitude;
}

/// bfloat16 is the upper half of a float.
inline double from_bfloat(std::uint16_t bits) {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U));
}

}  // namespace tangram
