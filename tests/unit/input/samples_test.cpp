// Samples from datasets of many types and shapes.

#include "input_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
using namespace tangram;
using test::counting;
using test::Dims;
using test::error_of;
using test::Inputs;
using test::Numbers;
using test::put;
using test::Rows;
using test::says;
using test::TemporaryFile;

namespace {

/// A dataset of another kind of type, without values.
void put_empty(const h5::Handle& file, const std::string& name, hid_t type, const Dims& dims) {
    const h5::Handle space(dims.empty()
                               ? H5Screate(H5S_SCALAR)
                               : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                           H5Sclose);
    const h5::Handle dataset(
        H5Dcreate2(file.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
        H5Dclose);
    CHECK(dataset.valid());
}

/// All samples, read in pieces of `piece`.
Numbers read_all(const SampleOptions& options, Index width, Index piece = 1000) {
    const SampleSelection selection = select_samples(options, width);
    Numbers values(static_cast<std::size_t>(selection.count() * width), -999);
    for (Index first = 0; first < selection.count(); first += piece) {
        const Index rows = std::min(piece, selection.count() - first);
        read_samples(options, selection, first, {values.data() + first * width, rows, width, width});
    }
    return values;
}

Numbers rows_of_x(const Rows& rows) {
    Numbers values;
    for (const std::int64_t row : rows) {
        for (int j = 0; j < 6; ++j) values.push_back(static_cast<double>(6 * row + j));
    }
    return values;
}

std::string refusal(const SampleOptions& options, Index width = 6, ExitCode code = ExitCode::bad_input) {
    return error_of(code, [&] { read_all(options, width); });
}

}  // namespace

TEST_CASE("samples of every numeric type, layout and shape are the same rows") {
    const Inputs inputs;
    const std::vector<std::pair<const char*, hid_t>> types{
        {"f32", H5T_IEEE_F32LE}, {"f64", H5T_IEEE_F64BE}, {"i8", H5T_STD_I8LE},      {"u8", H5T_STD_U8LE},
        {"i16", H5T_STD_I16BE},  {"u16", H5T_STD_U16LE},  {"i32", H5T_STD_I32LE},    {"u32", H5T_STD_U32LE},
        {"i64", H5T_STD_I64LE},  {"u64", H5T_STD_U64BE},  {"ld", H5T_NATIVE_LDOUBLE}};
    {
        const h5::Handle file = inputs.reopen();
        for (const auto& [name, type] : types) {
            put(file, fmt::format("{}/flat", name), type, {10, 6}, counting(60));
            put(file, fmt::format("{}/zip", name), type, {10, 6}, counting(60), {4, 5});
            put(file, fmt::format("{}/images", name), type, {10, 2, 3}, counting(60));
            put(file, fmt::format("{}/channels", name), type, {10, 1, 2, 3}, counting(60), {3, 1, 2, 2});
        }
    }
    for (const auto& one : types) {
        const std::string name = one.first;
        for (const char* shape : {"flat", "zip", "images", "channels"}) {
            INFO(name, " ", std::string(shape));
            const SampleOptions options = inputs.samples(fmt::format("{}/{}", name, shape));
            CHECK(read_all(options, 6) == counting(60));
            CHECK(read_all(options, 6, 3) == counting(60));
            const SampleSelection selection = select_samples(options, 6);
            CHECK(selection.integers == (name[0] == 'i' || name[0] == 'u'));
            CHECK(selection.dataset_rows == 10);
            CHECK(selection.width == 6);
        }
    }
}

TEST_CASE("--rows is half-open and may leave out either end") {
    const Inputs inputs;
    const auto rows = [&](const std::string& text) {
        SampleOptions options = inputs.samples();
        options.rows = text;
        CHECK(read_all(options, 6, 2) == rows_of_x(select_samples(options, 6).rows));
        return select_samples(options, 6).rows;
    };
    CHECK(rows("2:5") == Rows{2, 3, 4});
    CHECK(rows("7:") == Rows{7, 8, 9});
    CHECK(rows(":2") == Rows{0, 1});
    CHECK(rows("9:10") == Rows{9});
    CHECK(rows(":").size() == 10);
    CHECK(rows("").size() == 10);
}

TEST_CASE("malformed --rows is a usage error, --rows beyond the data bad input") {
    const Inputs inputs;
    const auto refused = [&](const std::string& text, ExitCode code) {
        SampleOptions options = inputs.samples();
        options.rows = text;
        return refusal(options, 6, code);
    };
    for (const char* text : {"5", "a:b", "1:2:3", "-1:3", "1:-1", "1.5:3", " 1:2", "1:2 ", "5:5", "5:2", ":0",
                             "0x1:3", "99999999999999999999:", "+1:2"}) {
        INFO(std::string(text));
        CHECK(says(refused(text, ExitCode::usage), "--rows"));
    }
    CHECK(says(refused("0:11", ExitCode::bad_input),
               "beyond the 10 rows there are (" + inputs.at("x") + ", (10, 6))"));
    CHECK(says(refused("10:", ExitCode::bad_input), "beyond the 10 rows"));
    CHECK(says(refused("10:11", ExitCode::bad_input), "beyond the 10 rows"));
    SampleOptions both = inputs.samples();
    both.rows = "0:1";
    both.indices = inputs.at("x");
    CHECK(says(refusal(both, 6, ExitCode::usage), "--rows and --indices"));
}

TEST_CASE("index lists choose rows in any order, repeatedly, from compressed data too") {
    const Inputs inputs;
    const std::vector<Rows> lists{{0},       {9, 8, 7},          {3, 4, 5, 0, 1, 2},
                                  {5, 5, 5}, {2, 9, 2, 3, 4, 9}, {0, 2, 4, 6, 8}};
    {
        const h5::Handle file = inputs.reopen();
        put(file, "packed", H5T_STD_U8LE, {10, 3, 2}, counting(60), {4, 2, 2});
        for (std::size_t i = 0; i < lists.size(); ++i) {
            const Numbers values(lists[i].begin(), lists[i].end());
            put(file, fmt::format("list{}", i), i % 2 == 0 ? H5T_STD_I32LE : H5T_STD_U64LE, {values.size()},
                values);
        }
    }
    for (std::size_t i = 0; i < lists.size(); ++i) {
        for (const char* dataset : {"x", "packed"}) {
            SampleOptions options = inputs.samples(dataset);
            options.indices = inputs.at(fmt::format("list{}", i));
            INFO(i);
            CHECK(select_samples(options, 6).rows == lists[i]);
            CHECK(read_all(options, 6) == rows_of_x(lists[i]));
            CHECK(read_all(options, 6, 2) == rows_of_x(lists[i]));
        }
    }
}

TEST_CASE("index lists that point nowhere are refused naming position and value") {
    const Inputs inputs;
    {
        const h5::Handle file = inputs.reopen();
        put(file, "high", H5T_STD_I64LE, {3}, {0, 9, 10});
        put(file, "negative", H5T_STD_I8LE, {2}, {-1, 3});
        put(file, "huge", H5T_STD_U64LE, {1}, {1.8e19});
        put(file, "real", H5T_IEEE_F64LE, {2}, {0, 1});
        put(file, "square", H5T_STD_I64LE, {2, 2}, {0, 1, 2, 3});
        put(file, "none", H5T_STD_I64LE, {0}, {});
    }
    const auto refused = [&](const std::string& dataset) {
        SampleOptions options = inputs.samples();
        options.indices = inputs.at(dataset);
        return refusal(options);
    };
    CHECK(says(refused("high"), "row number 10 at position 2 (" + inputs.at("high") + ", (3))"));
    CHECK(says(refused("negative"), "row number -1 at position 0"));
    CHECK(says(refused("huge"), "at position 0"));
    CHECK(says(refused("real"), "list of integers"));
    CHECK(says(refused("square"), "(2, 2)"));
    CHECK(says(refused("none"), "at least one"));
    CHECK(says(refused("nothing"), "no such dataset for the row numbers"));
}

TEST_CASE("x becomes scale x + shift in double precision") {
    const Inputs inputs;
    {
        const h5::Handle file = inputs.reopen();
        put(file, "bytes", H5T_STD_U8LE, {2, 2}, {0, 1, 128, 255});
        put(file, "large", H5T_IEEE_F64LE, {1, 2}, {1e300, 1});
    }
    SampleOptions options = inputs.samples("bytes");
    options.scale = {1.0 / 255};
    CHECK(read_all(options, 2) == Numbers{0, 1.0 / 255, 128 * (1.0 / 255), 255 * (1.0 / 255)});
    options.shift = {-0.5};
    CHECK(read_all(options, 2) == Numbers{-0.5, 1.0 / 255 - 0.5, 128 * (1.0 / 255) - 0.5, 0.5});
    options.scale.clear();
    CHECK(read_all(options, 2) == Numbers{-0.5, 0.5, 127.5, 254.5});
    SampleOptions overflow = inputs.samples("large");
    overflow.scale = {1e10};
    CHECK(says(refusal(overflow, 2), "row 0, column 0 is inf after scaling"));
}

TEST_CASE("NaN and infinity are refused naming row and column, but only in rows that are asked for") {
    const Inputs inputs;
    {
        const h5::Handle file = inputs.reopen();
        Numbers values = counting(60);
        values[4 * 6 + 2] = std::nan("");
        values[7 * 6 + 5] = -std::numeric_limits<double>::infinity();
        put(file, "nan", H5T_IEEE_F32LE, {10, 6}, values);
        put(file, "list", H5T_STD_I64LE, {3}, {1, 7, 2});
    }
    SampleOptions options = inputs.samples("nan");
    CHECK(says(refusal(options), "row 4, column 2 holds nan (" + inputs.at("nan") + ", (10, 6))"));
    options.rows = "0:4";
    CHECK(read_all(options, 6) == rows_of_x({0, 1, 2, 3}));
    options.rows = "";
    options.indices = inputs.at("list");
    CHECK(says(refusal(options), "row 7, column 5 holds -inf"));
}

TEST_CASE("what is no matrix of numbers is refused saying what it is") {
    const Inputs inputs;
    const TemporaryFile other("other.h5");
    {
        const h5::Handle file = inputs.reopen();
        put(file, "flat", H5T_IEEE_F64LE, {60}, counting(60));
        put(file, "none", H5T_IEEE_F64LE, {0, 6}, {});
        put(file, "group/x", H5T_IEEE_F64LE, {1, 1}, {1});
        put_empty(file, "scalar", H5T_IEEE_F64LE, {});
        const h5::Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(text.get(), H5T_VARIABLE);
        put_empty(file, "text", text.get(), {10, 6});
        const h5::Handle complex(H5Tcreate(H5T_COMPOUND, 16), H5Tclose);
        H5Tinsert(complex.get(), "r", 0, H5T_IEEE_F64LE);
        H5Tinsert(complex.get(), "i", 8, H5T_IEEE_F64LE);
        put_empty(file, "complex", complex.get(), {10, 6});
        const h5::Handle boolean(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
        const signed char no = 0;
        H5Tenum_insert(boolean.get(), "FALSE", &no);
        put_empty(file, "boolean", boolean.get(), {10, 6});
        H5Lcreate_external(other.path().c_str(), "/x", file.get(), "broken", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft("/nowhere", file.get(), "dangling", H5P_DEFAULT, H5P_DEFAULT);
    }
    const auto refused = [&](const std::string& dataset) { return refusal(inputs.samples(dataset)); };
    CHECK(says(refused("flat"), "one dimension only (" + inputs.at("flat") + ", (60))"));
    CHECK(says(refused("none"), "no rows"));
    CHECK(says(refused("group"),
               "no dataset (" + inputs.at("group") + "): name one for the samples; it holds x"));
    CHECK(says(refused("scalar"), "single value"));
    CHECK(says(refused("text"), "strings (" + inputs.at("text")));
    CHECK(says(refused("complex"), "compound"));
    CHECK(says(refused("boolean"), "booleans"));
    CHECK(says(refused("broken"), "cannot open the samples"));
    CHECK(says(refused("dangling"), "cannot open the samples"));
    CHECK(says(refused("y"),
               "no such dataset for the samples (" + inputs.at("y") + "): it holds boolean, complex, flat"));
    CHECK(says(refused("group/y/z"), "no such dataset"));
    CHECK(says(refused(""), "write FILE:DATASET; it holds boolean"));
    CHECK(says(refusal(inputs.samples("x"), 7), "width 6 (" + inputs.at("x") +
                                                    ", (10, 6)) do not fit the network, whose "
                                                    "first layer takes 7"));
}

TEST_CASE("a file that is missing, no HDF5, or cut short is refused in one line") {
    const Inputs inputs;
    const auto refused = [](const std::string& path) { return refusal({{path + ":x"}, "", ""}); };
    CHECK(says(refused(inputs.path() + ".gone"), "no such file (" + inputs.path() + ".gone)"));
    CHECK(says(refused(std::filesystem::temp_directory_path()), "directory"));
    const TemporaryFile text("text.csv", "1,2,3\n");
    CHECK(says(refused(text.path()),
               "a table of text (" + text.path() + "): make an array of it first: jobs/to_npy.py"));
    std::filesystem::resize_file(inputs.path(), std::filesystem::file_size(inputs.path()) - 1);
    CHECK(says(refused(inputs.path()), "cannot open the samples as HDF5"));
}

TEST_CASE("damaged compressed data is refused naming rows and file") {
    const Inputs inputs;
    {
        const h5::Handle file = inputs.reopen();
        Numbers values(4096);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
        put(file, "packed", H5T_IEEE_F64LE, {512, 8}, values, {512, 8});
    }
    haddr_t offset = 0;
    hsize_t size = 0;
    {
        const h5::Handle file = inputs.reopen();
        const h5::Handle dataset(H5Dopen2(file.get(), "packed", H5P_DEFAULT), H5Dclose);
        const h5::Handle space(H5Dget_space(dataset.get()), H5Sclose);
        CHECK(H5Dget_chunk_info(dataset.get(), space.get(), 0, nullptr, nullptr, &offset, &size) >= 0);
    }
    std::fstream bytes(inputs.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(offset + size / 2));
    bytes << std::string(64, '\xff');
    bytes.close();
    CHECK(says(refusal(inputs.samples("packed"), 8), "cannot read rows 0 to 511 (" + inputs.at("packed")));
}
