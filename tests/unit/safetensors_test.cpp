// Safetensors files written byte by byte here: what the format allows is read exactly, everything else is
// refused.

#include "tangram/model/tensors.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace tangram;
using test::error_of;
using test::says;
using test::TemporaryFile;

namespace {

std::string little_endian(std::uint64_t value, std::size_t bytes = 8) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xffU);
    return text;
}

std::string file_bytes(const std::string& header, const std::string& data) {
    return little_endian(header.size()) + header + data;
}

template <class Bits>
std::string packed(const std::vector<Bits>& values) {
    std::string text;
    for (const Bits value : values) text += little_endian(value, sizeof(Bits));
    return text;
}

ModelFile read_bytes(const std::string& bytes, const std::string& group = "") {
    const TemporaryFile file("m.safetensors", bytes);
    return read_model(group.empty() ? file.path() : file.path() + ":" + group);
}

std::vector<double> read_values(const std::string& dtype, std::size_t count, const std::string& data) {
    return read_bytes(file_bytes(fmt::format(R"({{"t":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})",
                                             dtype, count, data.size()),
                                 data))
        .tensors.at(0)
        .values;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
    return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
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
            read_bytes(file_bytes(
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

TEST_CASE("what the format allows is read") {
    const std::string one = entry("a.weight", "F32", "[1,2]", "[0,8]");
    CHECK(read_bytes(file_bytes("{" + one + "}      ", packed<std::uint32_t>({0, 0}))).tensors.size() == 1);
    CHECK(read_bytes(file_bytes("{}", "")).tensors.empty());
    const ModelFile model = read_bytes(file_bytes(R"({"__metadata__":{"format":"pt","k":"\u00e9"},)" +
                                                      entry("z", "F32", "[]", "[8,12]") + "," + one + "," +
                                                      entry("none", "F16", "[0,3]", "[8,8]") + "}",
                                                  packed<std::uint32_t>({1, 2, 0x40000000})));
    CHECK(model.metadata == std::map<std::string, std::string>{{"format", "pt"}, {"k", "\xc3\xa9"}});
    REQUIRE(model.tensors.size() == 3);
    CHECK(model.tensors[0].name == "a.weight");
    CHECK(model.tensors[0].shape == std::vector<Index>{1, 2});
    CHECK(model.tensors[1].values.empty());
    CHECK(model.tensors[2].shape.empty());
    CHECK(model.tensors[2].values == std::vector<double>{2});
}

TEST_CASE("a header that breaks a rule is refused with one line and exit code 3") {
    struct Spoilt {
        const char* header;
        std::size_t data_bytes;
        const char* message;
    };
    const std::vector<Spoilt> spoilt{
        {"", 0, "does not start with '{'"},
        {" {}", 0, "does not start with '{'"},
        {"[]", 0, "does not start with '{'"},
        {"\xef\xbb\xbf{}", 0, "does not start with '{'"},
        {"{", 0, "not JSON"},
        {"{}x", 0, "not JSON"},
        {"{}{}", 0, "not JSON"},
        {"{'a':1}", 0, "not JSON"},
        {"{\"a\xff\":1}", 0, "not JSON"},
        {"{\"a\xc3\":1}", 0, "not JSON"},
        {"{\"a\n\":1}", 0, "not JSON"},
        {R"({"\ud800":1})", 0, "not JSON"},
        {R"({"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}})", 4, "not JSON"},
        {R"({"a":[[[[[]]]]]})", 0, "nested too deeply"},
        {R"({"a":{"b":{"c":{"d":{"e":1}}}}})", 0, "nested too deeply"},
        {R"({"a":1})", 0, "does not have exactly"},
        {R"({"a":null})", 0, "does not have exactly"},
        {R"({"a":[0,4]})", 0, "does not have exactly"},
        {R"({"a":{}})", 0, "does not have exactly"},
        {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "does not have exactly"},
        {R"({"a":{"dtype":"F32","shape":[1],"offsets":[0,4]}})", 4, "does not have exactly"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":0}})", 4, "does not have exactly"},
        {R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4, "dtype is not a string"},
        {R"({"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", 4, "unknown dtype 'f32'"},
        {R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", 1, "unknown dtype 'F4'"},
        {R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8, "a tensor of dtype I64"},
        {R"({"n.b":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}})", 1, "n.b, ()"},
        {R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4, "a tensor of dtype F8_E4M3"},
        {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "shape is not a list"},
        {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4, "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":[[]],"data_offsets":[0,4]}})", 4, "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}})", 4, "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "nested too deeply"},
        {R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}})", 4,
         "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":[36893488147419103233],"data_offsets":[0,4]}})", 4,
         "shape holds something"},
        {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "overflows"},
        {R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4, "overflows"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":{"b":0}}})", 4, "data_offsets is not a list"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}})", 4, "not [begin, end]"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2,4]}})", 4, "not [begin, end]"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "not [begin, end]"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, "data_offsets holds something"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0.0,4.0]}})", 4, "data_offsets holds something"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}})", 4,
         "data_offsets holds"},
        {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
         "takes 8 bytes, but its data_offsets span 4"},
        {R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}})", 4, "takes 2 bytes"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "starts at byte 4"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3, "but 3 bytes of data are there"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5, "but 5 bytes of data are there"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 0, "but 0 bytes of data are there"},
        {"{}", 1, "its tensors take 0 bytes"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
         12, "'b' starts at byte 8 of the data, but the one before it ends at 4"},
        {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
         8, "'b' starts at byte 4 of the data, but the one before it ends at 8"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
         4, "'b' starts at byte 0"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
         8, "has the key 'a' twice"},
        {R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
         "has the key 'dtype' twice"},
        {R"({"__metadata__":{"k":"1","k":"2"}})", 0, "has the key 'k' twice"},
        {R"({"__metadata__":{},"__metadata__":{}})", 0, "has the key '__metadata__' twice"},
        {R"({"__metadata__":"x"})", 0, "__metadata__ is not an object"},
        {R"({"__metadata__":{"k":1}})", 0, "__metadata__ 'k' is not a string"},
        {R"({"__metadata__":{"k":null}})", 0, "__metadata__ 'k' is not a string"},
        {R"({"a\nb\u001b[31m\u0085\u2028c":1})", 0, "tensor 'a?b?[31m??c'"},
    };
    for (const Spoilt& one : spoilt) {
        INFO(std::string(one.header));
        const std::string bytes = file_bytes(one.header, std::string(one.data_bytes, '\0'));
        const std::string message = error_of(ExitCode::bad_input, [&] { read_bytes(bytes); });
        INFO(message);
        CHECK(says(message, one.message));
        CHECK(says(message, "m.safetensors"));
    }
}

TEST_CASE("a header length that lies is refused") {
    const auto refusal = [](const std::string& bytes) {
        return error_of(ExitCode::bad_input, [&] { read_bytes(bytes); });
    };
    CHECK(says(refusal(little_endian(3) + "{}"), "claims 3 bytes, but the file has 10"));
    CHECK(says(refusal(little_endian(100'000'000) + "{}"), "claims 100000000 bytes, but"));
    CHECK(says(refusal(little_endian(100'000'001) + "{}"), "more than the 100000000 allowed"));
    CHECK(says(refusal(little_endian(~std::uint64_t{0}) + "{}"), "more than the 100000000 allowed"));
    CHECK(says(refusal(little_endian(~std::uint64_t{0} - 7) + "{}"), "more than the 100000000 allowed"));
    CHECK(says(refusal(little_endian(0) + "{}"), "does not start with '{'"));
    CHECK(says(refusal("{}"), "2 bytes are too few"));
}

TEST_CASE("five million open brackets do not overflow the stack") {
    CHECK(says(error_of(ExitCode::bad_input,
                        [] { read_bytes(file_bytes("{\"a\":" + std::string(5'000'000, '['), "")); }),
               "nested too deeply"));
}

TEST_CASE("every truncation of a good file, and every byte more, is refused") {
    const std::string whole = file_bytes("{" + entry("a.weight", "F32", "[1,2]", "[0,8]") + "," +
                                             entry("a.bias", "F16", "[1]", "[8,10]") + "}",
                                         std::string(10, '\1'));
    CHECK(read_bytes(whole).tensors.size() == 2);
    for (std::size_t length = 1; length < whole.size(); ++length) {
        INFO(length);
        CHECK(says(error_of(ExitCode::bad_input, [&] { read_bytes(whole.substr(0, length)); }), ""));
    }
    CHECK(says(error_of(ExitCode::bad_input, [&] { read_bytes(whole + "x"); }), ""));
}

TEST_CASE("what is no model file is refused by what it is") {
    const auto refusal = [](const std::string& path) {
        return error_of(ExitCode::bad_input, [&] { read_model(path); });
    };
    const TemporaryFile missing("missing.safetensors");
    CHECK(says(refusal(missing.path()), "no such file (" + missing.path() + ")"));
    CHECK(says(refusal(missing.path() + ":group"), "no such file (" + missing.path() + ")"));
    CHECK(says(refusal(""), "is empty"));
    CHECK(says(refusal(std::filesystem::temp_directory_path()), "directory"));
    const TemporaryFile empty("empty.safetensors");
    std::ofstream(empty.path()).flush();
    CHECK(says(refusal(empty.path()), "the file is empty"));
    const TemporaryFile pipe("pipe.safetensors");
    REQUIRE(mkfifo(pipe.path().c_str(), 0600) == 0);
    CHECK(says(refusal(pipe.path()), "no regular file"));
    const TemporaryFile zip("m.pt", "PK\x03\x04 and more bytes");
    CHECK(says(refusal(zip.path()), "safetensors.torch.save_file"));
    const TemporaryFile pickle("old.pt", "\x80\x02\x8a and more bytes");
    CHECK(says(refusal(pickle.path()), "safetensors.torch.save_file"));
    const TemporaryFile text("model.txt", "0.1 0.2 0.3\n");
    CHECK(says(refusal(text.path()), "neither a safetensors nor an HDF5 file"));
}

TEST_CASE("a group keeps the tensors under its module and drops the prefix") {
    const std::string header = "{" + entry("net.fc1.weight", "F32", "[1,1]", "[0,4]") + "," +
                               entry("net.fc1.bias", "F32", "[1]", "[4,8]") + "," +
                               entry("network.weight", "F32", "[1,1]", "[8,12]") + "," +
                               entry("norm.count", "I64", "[]", "[12,20]") + "}";
    const std::string bytes = file_bytes(header, std::string(20, '\0'));
    const auto names = [&](const std::string& group) {
        std::vector<std::string> found;
        for (const Tensor& tensor : read_bytes(bytes, group).tensors) found.push_back(tensor.name);
        return found;
    };
    CHECK(names("net") == std::vector<std::string>{"fc1.weight", "fc1.bias"});
    CHECK(names("net.fc1") == std::vector<std::string>{"weight", "bias"});
    CHECK(says(error_of(ExitCode::bad_input, [&] { names("nets"); }),
               "its modules are net.fc1, network, norm"));
    CHECK(says(error_of(ExitCode::bad_input, [&] { names(""); }), "norm.count"));
}

TEST_CASE("a location is split at the colon after an existing file") {
    const TemporaryFile file("a:b.h5", "x");
    CHECK(split_location(file.path()).file == file.path());
    CHECK(split_location(file.path()).name.empty());
    CHECK(split_location(file.path() + ":g/d").file == file.path());
    CHECK(split_location(file.path() + ":g/d").name == "g/d");
    CHECK(split_location(file.path() + ":g:d").name == "g:d");
    CHECK(split_location("/nowhere/x.h5:d").file == "/nowhere/x.h5");
    CHECK(split_location("/nowhere/x.h5").file == "/nowhere/x.h5");
}

TEST_CASE("a written file is laid out as the format says and reads back as floats") {
    const TemporaryFile file("out.safetensors");
    write_safetensors(file.path(), {{"2.weight", {1, 2}, {0.1, -2}}, {"0.bias", {3}, {1, 2, 3}}},
                      {{"activation", "tanh"}, {"note", "a \"quote\""}});
    std::ifstream stream(file.path(), std::ios::binary);
    std::string bytes(std::filesystem::file_size(file.path()), '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    CHECK(length % 8 == 0);
    CHECK(bytes.size() == 8 + length + 20);
    CHECK(bytes.find(R"("2.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"0.bias")") !=
          std::string::npos);
    CHECK(bytes.substr(8 + length, 8) == packed<std::uint32_t>({0x3dcccccd, 0xc0000000}));

    const ModelFile model = read_model(file.path());
    REQUIRE(model.tensors.size() == 2);
    CHECK(model.tensors[0].values == std::vector<double>{0.1F, -2});
    CHECK(model.tensors[1].shape == std::vector<Index>{3});
    CHECK(model.metadata.at("note") == "a \"quote\"");
    CHECK(says(error_of(ExitCode::io, [] { write_safetensors("/nowhere/m.safetensors", {}, {}); }),
               "/nowhere/m"));
    CHECK(says(error_of(ExitCode::io,
                        [] {
                            write_safetensors("/dev/full", {{"a", {1}, {1}}}, {});
                        }),
               "/dev/full"));
}
