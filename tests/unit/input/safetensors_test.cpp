// Safetensors files written byte by byte here: what the format allows is read exactly, everything else is
// refused.

#include "safetensors_files.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

using namespace tangram;
using test::entry;
using test::error_of;
using test::little;
using test::packed;
using test::read_bytes;
using test::safetensors_bytes;
using test::says;
using test::TemporaryFile;

namespace {

struct Spoilt {
    const char* header;
    std::size_t data_bytes;
    const char* message;
};
constexpr Spoilt spoilt_headers[] = {
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
    {R"({"a.weight":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8, "a tensor of dtype I64"},
    {R"({"n.bias":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}})", 1, "n.bias, ()"},
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
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}})", 4, "data_offsets holds"},
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
}  // namespace

TEST_CASE("what the format allows is read") {
    const std::string one = entry("a.weight", "F32", "[1,2]", "[0,8]");
    CHECK(
        read_bytes(safetensors_bytes("{" + one + "}      ", packed<std::uint32_t>({0, 0}))).tensors.size() ==
        1);
    CHECK(read_bytes(safetensors_bytes("{}", "")).tensors.empty());
    const ModelFile model = read_bytes(safetensors_bytes(
        R"({"__metadata__":{"format":"pt","k":"\u00e9"},)" + entry("z", "F32", "[]", "[8,12]") + "," + one +
            "," + entry("none", "F16", "[0,3]", "[8,8]") + "}",
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
    for (const Spoilt& one : spoilt_headers) {
        INFO(std::string(one.header));
        const std::string bytes = safetensors_bytes(one.header, std::string(one.data_bytes, '\0'));
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
    CHECK(says(refusal(little(3, 8) + "{}"), "claims 3 bytes, but the file has 10"));
    CHECK(says(refusal(little(100'000'000, 8) + "{}"), "claims 100000000 bytes, but"));
    CHECK(says(refusal(little(100'000'001, 8) + "{}"), "more than the 100000000 allowed"));
    CHECK(says(refusal(little(~std::uint64_t{0}, 8) + "{}"), "more than the 100000000 allowed"));
    CHECK(says(refusal(little(~std::uint64_t{0} - 7, 8) + "{}"), "more than the 100000000 allowed"));
    CHECK(says(refusal(little(0, 8) + "{}"), "does not start with '{'"));
    CHECK(says(refusal("{}"), "2 bytes are too few"));
}

TEST_CASE("five million open brackets do not overflow the stack") {
    CHECK(says(error_of(ExitCode::bad_input,
                        [] { read_bytes(safetensors_bytes("{\"a\":" + std::string(5'000'000, '['), "")); }),
               "nested too deeply"));
}

TEST_CASE("every truncation of a good file, and every byte more, is refused") {
    const std::string whole = safetensors_bytes("{" + entry("a.weight", "F32", "[1,2]", "[0,8]") + "," +
                                                    entry("a.bias", "F16", "[1]", "[8,10]") + "}",
                                                std::string(10, '\1'));
    CHECK(read_bytes(whole).tensors.size() == 2);
    for (std::size_t length = 1; length < whole.size(); ++length) {
        INFO(length);
        CHECK(says(error_of(ExitCode::bad_input, [&] { read_bytes(whole.substr(0, length)); }), ""));
    }
    CHECK(says(error_of(ExitCode::bad_input, [&] { read_bytes(whole + "x"); }), ""));
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
