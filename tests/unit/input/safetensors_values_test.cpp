// Numbers of every type in safetensors files: read exactly, and refused where they are not finite.

#include "safetensors_files.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

using namespace tangram;
using test::entry;
using test::error_of;
using test::packed;
using test::read_bytes;
using test::safetensors_bytes;
using test::says;

namespace {

std::vector<double> read_values(const std::string& dtype, std::size_t count, const std::string& data) {
    return read_bytes(
               safetensors_bytes(fmt::format(R"({{"t":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})",
                                             dtype, count, data.size()),
                                 data))
        .tensors.at(0)
        .values;
}

}  // namespace

TEST_CASE("F64 and F32 are read as they were stored") {
    const std::vector<double> doubles{0.1, -0.0, 5e-324, 1.7976931348623157e308};
    std::vector<std::uint64_t> bits;
    bits.reserve(doubles.size());
    for (const double value : doubles) bits.push_back(std::bit_cast<std::uint64_t>(value));
    CHECK(read_values("F64", 4, packed(bits)) == doubles);
    const std::vector<std::uint32_t> floats{0x3f800000, 0x80000000, 0x00000001, 0x7f7fffff, 0x3dcccccd};
    CHECK(read_values("F32", 5, packed(floats)) ==
          std::vector<double>{1, -0.0, 0x1p-149, 0x1.fffffep127, 0x1.99999ap-4});
}

TEST_CASE("F16 is exact for known bit patterns, subnormals too") {
    const std::vector<std::uint16_t> bits{0x0000, 0x8000, 0x3c00, 0xbc00, 0x7bff,
                                          0x0001, 0x83ff, 0x0400, 0x3555, 0xc248};
    const std::vector<double> expected{0,       -0.0,           1,        -1, 65504, 0x1p-24, -1023 * 0x1p-24,
                                       0x1p-14, 0.333251953125, -3.140625};
    const std::vector<double> values = read_values("F16", bits.size(), packed(bits));
    CHECK(values == expected);
    CHECK(std::signbit(values[1]));
}

TEST_CASE("every finite F16 is read as sign, exponent and fraction say") {
    std::vector<std::uint16_t> bits;
    std::vector<double> expected;
    for (unsigned pattern = 0; pattern < 0x10000; ++pattern) {
        const unsigned exponent = pattern / 1024 % 32;
        if (exponent == 31) continue;
        double value = (pattern % 1024) / 1024.0 + (exponent > 0 ? 1 : 0);
        for (unsigned e = exponent > 0 ? exponent : 1; e < 15; ++e) value /= 2;
        for (unsigned e = 15; e < exponent; ++e) value *= 2;
        bits.push_back(static_cast<std::uint16_t>(pattern));
        expected.push_back(pattern < 0x8000 ? value : -value);
    }
    CHECK(read_values("F16", bits.size(), packed(bits)) == expected);
}

TEST_CASE("BF16 is exact for known bit patterns, subnormals too") {
    const std::vector<std::uint16_t> bits{0x3f80, 0xc000, 0x4049, 0x0001, 0x7f7f, 0x8000, 0x3eab};
    CHECK(read_values("BF16", bits.size(), packed(bits)) ==
          std::vector<double>{1, -2, 3.140625, 0x1p-133, 0x1.fep127, -0.0, 0.333984375});
}

TEST_CASE("NaN and infinity are refused naming tensor and index, in every dtype") {
    const auto refusal = [](const std::string& dtype, const std::string& data) {
        return error_of(ExitCode::bad_input, [&] {
            read_bytes(safetensors_bytes(
                "{" + entry("fc.weight", dtype, "[2,3]", fmt::format("[0,{}]", data.size())) + "}", data));
        });
    };
    CHECK(
        says(refusal("F32", packed<std::uint32_t>({0, 0, 0, 0, 0x7fc00000, 0})), "hold nan at index (1, 1)"));
    CHECK(says(refusal("F64", packed<std::uint64_t>({0, 0, 0xfff0000000000000, 0, 0, 0})),
               "hold -inf at index (0, 2)"));
    CHECK(says(refusal("F16", packed<std::uint16_t>({0, 0, 0, 0x7c00, 0, 0})), "hold inf at index (1, 0)"));
    CHECK(says(refusal("F16", packed<std::uint16_t>({0, 0, 0, 0x7c00, 0, 0})),
               "float16 overflows beyond 65504"));
    CHECK(says(refusal("F16", packed<std::uint16_t>({0, 0, 0, 0x7e00, 0, 0})), "hold nan at index (1, 0)"));
    CHECK(says(refusal("BF16", packed<std::uint16_t>({0x7f80, 0, 0, 0, 0, 0})), "train or export"));
    CHECK(says(refusal("BF16", packed<std::uint16_t>({0, 0, 0, 0, 0, 0x7fc0})), "fc.weight, (2, 3)"));
}
