// Samples and labels from .npy, .npz and IDX files: every type, order and packing gives the same rows.

#include "array_files.hpp"

#include "input_file.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace tangram;
using test::counting;
using test::error_of;
using test::Numbers;
using test::says;
using test::stored;
using test::TemporaryFile;

namespace {

SampleOptions samples_of(const std::string& location) {
    return {{location}, "", ""};
}

/// All samples, read in pieces of `piece`, first to last or last to first.
Numbers read_all(const SampleOptions& options, Index width, Index piece = 1000, bool backwards = false) {
    const SampleSelection selection = select_samples(options, width);
    Numbers values(at(selection.count() * width), -999);
    const Index pieces = (selection.count() + piece - 1) / piece;
    for (Index k = 0; k < pieces; ++k) {
        const Index first = (backwards ? pieces - 1 - k : k) * piece;
        const Index rows = std::min(piece, selection.count() - first);
        read_samples(options, selection, first, {values.data() + first * width, rows, width, width});
    }
    return values;
}

std::string refusal(const std::string& bytes, const std::string& name = "x.npy", Index width = 6) {
    const TemporaryFile file(name, bytes);
    return error_of(ExitCode::bad_input, [&] { read_all(samples_of(file.path()), width); });
}

/// counting(60) as (10, 6), column by column.
Numbers column_by_column() {
    Numbers values;
    for (int j = 0; j < 6; ++j) {
        for (int i = 0; i < 10; ++i) values.push_back(6 * i + j);
    }
    return values;
}

std::string doubles(const std::string& shape = "(10, 6)") {
    return test::npy("<f8", shape, stored<double>(counting(60)));
}

}  // namespace

TEST_CASE(".npy of every type and byte order holds the same samples") {
    const Numbers x = counting(60);
    std::string half;
    for (const double value : x) {  // 0, and 2^e (1 + f / 1024)
        const int exponent = value == 0 ? 0 : static_cast<int>(std::floor(std::log2(value)));
        const double fraction = value == 0 ? 0 : (value / std::exp2(exponent) - 1) * 1024;
        half += test::big(value == 0 ? 0 : static_cast<std::uint64_t>((exponent + 15) * 1024 + fraction), 2);
    }
    const std::vector<std::pair<std::string, std::string>> types{{"<f8", stored<double>(x)},
                                                                 {">f8", stored<double>(x, true)},
                                                                 {"<f4", stored<float>(x)},
                                                                 {">f4", stored<float>(x, true)},
                                                                 {">f2", half},
                                                                 {"|i1", stored<std::int8_t>(x)},
                                                                 {"|u1", stored<std::uint8_t>(x)},
                                                                 {"<i2", stored<std::int16_t>(x)},
                                                                 {">u2", stored<std::uint16_t>(x, true)},
                                                                 {"<i4", stored<std::int32_t>(x)},
                                                                 {">u4", stored<std::uint32_t>(x, true)},
                                                                 {"<i8", stored<std::int64_t>(x)},
                                                                 {">u8", stored<std::uint64_t>(x, true)}};
    for (const auto& each : types) {
        const auto& type = each.first;
        const auto& data = each.second;
        INFO(type);
        const TemporaryFile file("x.npy", test::npy(type, "(10, 6)", data));
        CHECK(read_all(samples_of(file.path()), 6) == x);
        CHECK(read_all(samples_of(file.path()), 6, 3) == x);
        CHECK(select_samples(samples_of(file.path()), 6).integers == (type[1] != 'f'));
        const TemporaryFile images("x.npy", test::npy(type, "(10, 2, 3)", data, false, 2));
        CHECK(read_all(samples_of(images.path()), 6, 4) == x);
    }
}

TEST_CASE("booleans are 0 and 1, negative integers negative") {
    const TemporaryFile yes("x.npy", test::npy("|b1", "(2, 3)", std::string("\0\1\1\1\0\0", 6)));
    CHECK(read_all(samples_of(yes.path()), 3) == Numbers{0, 1, 1, 1, 0, 0});
    const TemporaryFile minus("x.npy", test::npy(">i2", "(2, 1)", stored<std::int16_t>({-300, 7}, true)));
    CHECK(read_all(samples_of(minus.path()), 1) == Numbers{-300, 7});
}

TEST_CASE("column-major .npy and chosen rows are the rows that NumPy sees") {
    const TemporaryFile file("x.npy", test::npy("<f8", "(10, 6)", stored<double>(column_by_column()), true));
    for (const Index piece : {1, 3, 10}) CHECK(read_all(samples_of(file.path()), 6, piece) == counting(60));
    const TemporaryFile rows("rows.npy", test::npy("<i8", "(3,)", stored<std::int64_t>({7, 8, 1})));
    SampleOptions options = samples_of(file.path());
    options.indices = rows.path();
    CHECK(read_all(options, 6) ==
          Numbers{42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 6, 7, 8, 9, 10, 11});
}

TEST_CASE(".npz members, stored or deflated, are read by name and in any order of rows") {
    const std::string y = test::npy("<i8", "(10,)", stored<std::int64_t>(counting(10)));
    for (const bool wide : {false, true}) {
        const TemporaryFile file(
            "x.npz", test::zip({{"y.npy", y, true}, {"x.npy", doubles(), true}, {"z.npy", doubles()}}, wide));
        for (const std::string name : {"x", "z"}) {
            CHECK(read_all(samples_of(file.path() + ":" + name), 6, 3) == counting(60));
            CHECK(read_all(samples_of(file.path() + ":" + name), 6, 3, true) == counting(60));
        }
        CHECK(says(error_of(ExitCode::bad_input, [&] { read_all(samples_of(file.path()), 6); }),
                   "write FILE:NAME; it holds y, x, z"));
        CHECK(says(error_of(ExitCode::bad_input, [&] { read_all(samples_of(file.path() + ":w"), 6); }),
                   "no array 'w' (" + file.path() + "): it holds y, x, z"));
    }
    const TemporaryFile single("x.npz", test::zip({{"arr_0.npy", doubles(), true}}));
    CHECK(read_all(samples_of(single.path()), 6) == counting(60));
    CHECK(select_samples(samples_of(single.path()), 6).notes.size() == 1);
}

TEST_CASE("IDX files, also of several gzip members, are uint8 images") {
    Numbers pixels = counting(60);
    const std::string bytes = test::idx(8, {10, 2, 3}, stored<std::uint8_t>(pixels));
    const TemporaryFile plain("train-images-idx3-ubyte", bytes);
    const TemporaryFile packed("train-images-idx3-ubyte.gz", test::deflate_bytes(bytes, 31));
    const TemporaryFile parts(
        "parts.gz", test::deflate_bytes(bytes.substr(0, 30), 31) + test::deflate_bytes(bytes.substr(30), 31));
    CHECK(read_all(samples_of(plain.path()), 6, 4) == pixels);
    CHECK(read_all(samples_of(packed.path()), 6, 4) == pixels);
    CHECK(read_all(samples_of(packed.path()), 6, 4, true) == pixels);
    CHECK(says(error_of(ExitCode::bad_input, [&] { read_all(samples_of(parts.path()), 6); }), "not as long"));
    CHECK(select_samples(samples_of(plain.path()), 6).integers);
    const TemporaryFile floats("x.idx", test::idx(0x0d, {10, 6}, stored<float>(pixels, true)));
    CHECK(read_all(samples_of(floats.path()), 6) == pixels);
}

TEST_CASE("arrays that hold no numbers, or not all they claim, are refused saying what they are") {
    CHECK(says(refusal(test::npy("<c16", "(10, 6)", std::string(960, '\0'))), "complex numbers, dtype <c16"));
    CHECK(says(refusal(test::npy("|O", "(10, 6)", "pickle")), "Python objects"));
    CHECK(says(refusal(test::npy("<U3", "(10, 6)", std::string(720, 'a'))), "strings"));
    CHECK(says(refusal(test::npy("<f16", "(10, 6)", std::string(960, '\0'))), "another width"));
    CHECK(says(refusal(test::npy("<M8[ns]", "(10, 6)", std::string(480, '\0'))), "dates"));
    CHECK(says(refusal(test::npy("<f8", "()", std::string(8, '\0'))), "single value"));
    CHECK(says(refusal(doubles("(10, 7)")), "not as long as its header says"));
    CHECK(says(refusal(doubles("(9223372036854775807, 6)")), "damaged header"));
    CHECK(says(refusal(doubles("(999999999999999, 99999999)")), "not as long"));
    CHECK(says(refusal(doubles() + "x"), "not as long"));
    CHECK(says(refusal(doubles().substr(0, 60)), "cut off"));
    CHECK(says(refusal(doubles("(60,)")), "one dimension only"));
}

TEST_CASE("a compressed array that is damaged is refused, whatever was flipped") {
    const std::string good = test::zip({{"x.npy", doubles(), true}});
    std::string wrong_crc = good;
    const std::size_t directory = good.find("PK\1\2");
    wrong_crc[directory + 16] = static_cast<char>(wrong_crc[directory + 16] ^ 1);
    CHECK(says(refusal(wrong_crc, "x.npz"), "checksum"));
    std::string encrypted = good;
    encrypted[directory + 8] = 1;
    CHECK(says(refusal(encrypted, "x.npz"), "encrypted"));
    CHECK(says(refusal(good.substr(0, good.size() - 30), "x.npz"), "zip archive that is cut off"));
    std::string claims = good;
    claims.replace(directory + 24, 4, "\xff\xff\xff\x7f");
    CHECK(says(refusal(claims, "x.npz"), "claims more than it can hold"));
    const std::string idx =
        test::deflate_bytes(test::idx(8, {10, 6}, stored<std::uint8_t>(counting(60))), 31);
    CHECK(
        says(refusal(idx.substr(0, idx.size() / 2) + idx.substr(idx.size() - 4), "x.gz"), "compressed file"));
}
