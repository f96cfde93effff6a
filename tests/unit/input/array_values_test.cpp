// What single entries of .npy, .npz and IDX files mean: the ends of each type, texts, axes in every order; and shards.

#include "array_files.hpp"
#include "input_file.hpp"
#include "tangram/input/input_dataset.hpp"
#include "tangram/input/tensors.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace tangram;
using test::counting;
using test::error_of;
using test::Numbers;
using test::says;
using test::stored;
using test::TemporaryFile;
using Texts = std::vector<std::string>;

namespace {

Numbers read(const std::string& location, Index rows, Index width, bool transpose = false) {
    SampleOptions options{{location}, "", ""};
    if (transpose) options.transpose = true;
    const SampleSelection selection = select_samples(options, width);
    CHECK(selection.count() == rows);
    Numbers values(at(rows * width), -999);
    read_samples(options, selection, 0, {values.data(), rows, width, width});
    return values;
}

/// The least and the greatest number of a type.
template <class Stored>
std::string ends_of(bool big_endian) {
    std::string all;
    for (const Stored end : {std::numeric_limits<Stored>::lowest(), std::numeric_limits<Stored>::max()}) {
        std::string own(sizeof(Stored), '\0');
        std::memcpy(own.data(), &end, sizeof(Stored));
        if (big_endian) std::reverse(own.begin(), own.end());
        all += own;
    }
    return all;
}

struct Type {
    std::string descr;
    std::string (*bytes)(bool big_endian);
    Numbers ends;
    unsigned idx;  ///< its number in IDX; 0 where it has none
};

const std::vector<Type>& types() {
    static const std::vector<Type> all{
        {"i1", ends_of<std::int8_t>, {-128, 127}, 9},
        {"u1", ends_of<std::uint8_t>, {0, 255}, 8},
        {"i2", ends_of<std::int16_t>, {-32768, 32767}, 0x0b},
        {"u2", ends_of<std::uint16_t>, {0, 65535}, 0},
        {"i4", ends_of<std::int32_t>, {-2147483648.0, 2147483647}, 0x0c},
        {"u4", ends_of<std::uint32_t>, {0, 4294967295}, 0},
        {"i8", ends_of<std::int64_t>, {-0x1p63, 0x1p63}, 0},
        {"u8", ends_of<std::uint64_t>, {0, 0x1p64}, 0},
        {"f4", ends_of<float>, {-0x1.fffffep127, 0x1.fffffep127}, 0x0d},
        {"f8", ends_of<double>, {-0x1.fffffffffffffp1023, 0x1.fffffffffffffp1023}, 0x0e}};
    return all;
}

/// Code points as NumPy's U: four bytes each.
std::string wide(const std::vector<std::uint32_t>& points, bool big_endian) {
    std::string bytes;
    for (const std::uint32_t point : points)
        bytes += big_endian ? test::big(point, 4) : test::little(point, 4);
    return bytes;
}

}  // namespace

TEST_CASE("the ends of every type are read as they are, in either byte order") {
    for (const Type& type : types()) {
        INFO(type.descr);
        const TemporaryFile little("x.npy", test::npy("<" + type.descr, "(2, 1)", type.bytes(false)));
        const TemporaryFile big("x.npy", test::npy(">" + type.descr, "(2, 1)", type.bytes(true)));
        const TemporaryFile own("x.npy", test::npy("=" + type.descr, "(2, 1)", type.bytes(false)));
        CHECK(read(little.path(), 2, 1) == type.ends);
        CHECK(read(big.path(), 2, 1) == type.ends);
        CHECK(read(own.path(), 2, 1) == type.ends);
        if (type.idx == 0) continue;
        const TemporaryFile idx("x.idx", test::idx(type.idx, {2, 1}, type.bytes(true)));
        CHECK(read(idx.path(), 2, 1) == type.ends);
    }
    const TemporaryFile unknown("x.idx", test::idx(0x0a, {2, 1}, "ab"));
    CHECK(
        says(error_of(ExitCode::bad_input, [&] { read(unknown.path(), 2, 1); }), "no format that is known"));
}

TEST_CASE("texts are UTF-8, whatever the width and order of their letters") {
    const std::vector<std::uint32_t> points{0x41, 0, 0xe9, 0x20ac, 0x1f600, 0, 0x110000, 0x42};
    const Texts expected{"A", "\xc3\xa9\xe2\x82\xac", "\xf0\x9f\x98\x80", "?B"};
    for (const bool is_big : {false, true}) {
        const TemporaryFile file("y.npy", test::npy(is_big ? ">U2" : "<U2", "(4,)", wide(points, is_big)));
        CHECK(read_texts(file.path()) == expected);
    }
    const TemporaryFile bytes("y.npy", test::npy("|S3", "(3,)", std::string("abc\0\0\0x\0y", 9)));
    CHECK(read_texts(bytes.path()) == Texts{"abc", "", std::string("x\0y", 3)});
    const TemporaryFile archive("y.npz", test::zip({{"names.npy", test::npy("|S1", "(1, 2)", "pq"), true}}));
    CHECK(read_texts(archive.path()) == Texts{"p", "q"});
    const TemporaryFile square("y.npy", test::npy("|S1", "(2, 2)", "pqrs"));
    CHECK(read_texts(square.path()).empty());
    CHECK(read_texts(archive.path() + ":names") == Texts{"p", "q"});
}

TEST_CASE("axes in any order: rows of column-major arrays of three axes, and of transposed ones") {
    // Entry (i, j, k) of (4, 3, 2) is 100 i + 10 j + k.
    Numbers row_major, column_major;
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 3; ++j) {
            for (int k = 0; k < 2; ++k) row_major.push_back(100 * i + 10 * j + k);
        }
    }
    for (int k = 0; k < 2; ++k) {
        for (int j = 0; j < 3; ++j) {
            for (int i = 0; i < 4; ++i) column_major.push_back(100 * i + 10 * j + k);
        }
    }
    const TemporaryFile c("c.npy", test::npy("<f8", "(4, 3, 2)", stored<double>(row_major)));
    const TemporaryFile f("f.npy", test::npy("<f8", "(4, 3, 2)", stored<double>(column_major), true));
    CHECK(read(c.path(), 4, 6) == row_major);
    CHECK(read(f.path(), 4, 6) == row_major);
    // Transposed, a row is k, and its columns are (j, i): what a column-major program calls (k, j, i).
    Numbers turned;
    for (int k = 0; k < 2; ++k) {
        for (int j = 0; j < 3; ++j) {
            for (int i = 0; i < 4; ++i) turned.push_back(100 * i + 10 * j + k);
        }
    }
    CHECK(read(c.path(), 2, 12, true) == turned);
    CHECK(read(f.path(), 2, 12, true) == turned);
    SampleOptions last_rows{{f.path()}, "", ""};
    last_rows.rows = "2:4";
    const SampleSelection selection = select_samples(last_rows, 6);
    Numbers one(6);
    read_samples(last_rows, selection, 1, {one.data(), 1, 6, 6});
    CHECK(one == Numbers{300, 301, 310, 311, 320, 321});
}

TEST_CASE("an archive may have a comment, and members that are no arrays") {
    const std::string x = test::npy("<f8", "(2, 3)", stored<double>(counting(6)));
    std::string bytes = test::zip({{"readme.txt", "of mine"}, {"x.npy", x}});
    bytes[bytes.size() - 2] = 5;  // the comment's length
    const TemporaryFile file("x.npz", bytes + "PK\5\6!");
    // The comment looks like the end of an archive: it is one that is cut off.
    CHECK(says(error_of(ExitCode::bad_input, [&] { read(file.path(), 2, 3); }), "zip archive"));
    const TemporaryFile plain("x.npz", bytes + "hello");
    CHECK(read(plain.path(), 2, 3) == counting(6));
    CHECK(read(plain.path() + ":x.npy", 2, 3) == counting(6));
    CHECK(says(error_of(ExitCode::bad_input, [&] { read(plain.path() + ":readme.txt", 2, 3); }), "array"));
    const TemporaryFile empty("x.npz", test::zip({}));
    CHECK(says(error_of(ExitCode::bad_input, [&] { read(empty.path(), 2, 3); }), "no format that is known"));
}

TEST_CASE("an index and its parts hold the same tensors, or it is said which file does not") {
    const TemporaryFile a("a.safetensors"), b("b.safetensors"), index("m.safetensors.index.json");
    write_safetensors(a.path(), {{"net.0.weight", {2, 3}, counting(6)}}, {{"activation", "tanh"}});
    write_safetensors(b.path(), {{"net.2.weight", {1, 2}, {7, 8}}, {"other.bias", {1}, {9}}}, {});
    const auto name = [](const TemporaryFile& file) {
        return std::filesystem::path(file.path()).filename().string();
    };
    const auto with = [&](const std::string& map) {
        std::ofstream(index.path()) << R"({"weight_map": {)" << map << "}}";
    };
    const std::string first = fmt::format(R"("net.0.weight": "{}")", name(a));
    const std::string second = fmt::format(R"("net.2.weight": "{0}", "other.bias": "{0}")", name(b));
    const auto refusal = [&](const std::string& group) {
        return error_of(ExitCode::bad_input, [&] { read_model(index.path() + group); });
    };
    with(first + ", " + second);
    const ModelFile whole = read_model(index.path());
    CHECK(whole.tensors.size() == 3);
    CHECK(whole.metadata.at("activation") == "tanh");
    CHECK(model_files(index.path()).size() == 3);
    const ModelFile part = read_model(index.path() + ":net");
    REQUIRE(part.tensors.size() == 2);
    CHECK(part.tensors[1].name == "2.weight");
    CHECK(part.tensors[1].values == Numbers{7, 8});
    CHECK(says(refusal(":none"), "no tensors under the module 'none'"));
    with(first);
    CHECK(read_model(index.path()).tensors.size() == 1);
    with(first + ", " + second + fmt::format(R"(, "net.4.weight": "{}")", name(b)));
    CHECK(says(refusal(""), "it names 4 tensors, and its files hold 3 of them"));
    with(fmt::format(R"("net.2.weight": "{}")", name(b)));
    CHECK(says(refusal(""), name(b) + " has a tensor 'other.bias' that it does not name"));
    with(fmt::format(R"("net.0.weight": "{}", {})", name(b), second));
    CHECK(says(refusal(""), "it names 3 tensors, and its files hold 2 of them"));
    with("");
    CHECK(says(refusal(""), "it names no file"));
    for (const char* outside :
         {R"("a": "../a.safetensors")", R"("a": "x\ny.safetensors")", R"("a": "x\u0000y")"}) {
        INFO(std::string(outside));
        with(outside);
        CHECK(says(refusal(""), "is no file of its own folder"));
    }
    with(R"("a": "gone.safetensors")");
    CHECK(says(refusal(""), "no such file"));
}
