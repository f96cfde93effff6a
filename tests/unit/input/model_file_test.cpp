// What read_model() is given: the file, the group in it, and what is no model at all.

#include "safetensors_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace tangram;
using test::entry;
using test::error_of;
using test::packed;
using test::read_bytes;
using test::safetensors_bytes;
using test::says;
using test::TemporaryFile;

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
    CHECK(says(refusal(zip.path()), "jobs/to_safetensors.py"));
    const TemporaryFile pickle("old.pt", "\x80\x02\x8a and more bytes");
    CHECK(says(refusal(pickle.path()), "jobs/to_safetensors.py"));
    const TemporaryFile text("model.txt", "0.1 0.2 0.3\n");
    CHECK(says(refusal(text.path()), "neither a safetensors nor an HDF5 nor a Keras nor an ONNX file"));
}

TEST_CASE("a header whose length has the first bytes of a pickle is that of a safetensors file") {
    const std::string header = "{" + entry("a.weight", "F32", "[1,1]", "[0,4]") + "}";
    const std::string padded = header + std::string(640 - header.size(), ' ');  // 640 = 0x0280
    const TemporaryFile file("model.bin", safetensors_bytes(padded, packed<std::uint32_t>({0x40000000})));
    CHECK(read_model(file.path()).tensors.at(0).values == std::vector<double>{2});
}

TEST_CASE("a group keeps the tensors under its module and drops the prefix") {
    const std::string header = "{" + entry("net.fc1.weight", "F32", "[1,1]", "[0,4]") + "," +
                               entry("net.fc1.bias", "F32", "[1]", "[4,8]") + "," +
                               entry("network.weight", "F32", "[1,1]", "[8,12]") + "," +
                               entry("norm.count", "I64", "[]", "[12,20]") + "}";
    const std::string bytes = safetensors_bytes(header, std::string(20, '\0'));
    const auto names = [&](const std::string& group) {
        std::vector<std::string> found;
        for (const Tensor& tensor : read_bytes(bytes, group).tensors) found.push_back(tensor.name);
        return found;
    };
    CHECK(names("net") == std::vector<std::string>{"fc1.weight", "fc1.bias"});
    CHECK(names("net.fc1") == std::vector<std::string>{"weight", "bias"});
    CHECK(says(error_of(ExitCode::bad_input, [&] { names("nets"); }),
               "its modules are net.fc1, network, norm"));
    CHECK(names("").back() == "norm.count");
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
