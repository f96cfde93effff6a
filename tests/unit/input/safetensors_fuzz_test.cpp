// Good safetensors files, spoilt: whatever the bytes, the reader gives a whole model or throws an Error that says
// what is wrong with the file, and takes no more memory than the file's size allows.
// TANGRAM_FUZZ_MUTATIONS=100000 tries that many.

#include "allocations.hpp"
#include "mutate.hpp"
#include "tangram/input/tensors.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <numeric>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr std::size_t prefix_bytes = 8;

/// `header` with its length before it.
std::string with_length(const std::string& header, const std::string& data) {
    std::string bytes;
    for (std::size_t i = 0; i < prefix_bytes; ++i)
        bytes += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xffU);
    return bytes + header + data;
}

struct Seed {
    std::string header, data;
};

/// All dtypes, metadata, scalars, empty tensors, padding, escapes.
std::vector<Seed> seeds() {
    const std::string zeros(64, '\0');
    const std::string numbers("\x00\x3c\x00\x40\x00\x42\x00\x44\x00\x45\x00\x46", 12);
    return {
        {R"({"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}   )",
         zeros.substr(0, 32)},
        {R"({"__metadata__":{"format":"pt","activation":"tanh","k\u00e9":"\ud83d\ude00"},"0.weight":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}})",
         numbers},
        {R"({"a.weight":{"dtype":"F64","shape":[1,4],"data_offsets":[0,32]},"b.weight":{"dtype":"BF16","shape":[4,1],"data_offsets":[32,40]},"b.bias":{"dtype":"F16","shape":[4],"data_offsets":[40,48]}})",
         zeros.substr(0, 48)},
        {R"({"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"none":{"dtype":"F64","shape":[0,3],"data_offsets":[4,4]}})",
         zeros.substr(0, 4)},
        {R"({"flags":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", zeros.substr(0, 3)},
        {"{}", ""},
    };
}

/// Half of the time the whole file is spoilt, half of the time its header alone: with the right length before it, so
/// that more than the first check is met.
std::string spoil(const Seed& seed, Random& random) {
    if (random.below(2) == 0) return mutate(with_length(seed.header, seed.data), random);
    return with_length(mutate(seed.header, random), seed.data);
}

/// What is wrong with what the reader does to the file, "" if nothing is.
std::string misbehaviour(const std::string& path, std::size_t file_bytes, std::size_t& accepted) {
    std::string wrong;
    watch_allocations();
    try {
        const ModelFile model = read_safetensors(path);
        ++accepted;
        for (const Tensor& tensor : model.tensors) {
            const Index values =
                std::accumulate(tensor.shape.begin(), tensor.shape.end(), Index{1}, std::multiplies<>());
            const bool is_skipped = tensor.values.empty() && !is_parameter_name(tensor.name);
            if (values != static_cast<Index>(tensor.values.size()) && !is_skipped)
                wrong = "shape and values differ";
            if (tensor.values.size() * 2 > file_bytes) wrong = "more values than the file can hold";
        }
    } catch (const Error& error) {
        const std::string message = error.what();
        if (error.code() != ExitCode::bad_input && error.code() != ExitCode::io)
            wrong = "exit code: " + message;
        if (message.find(path) == std::string::npos) wrong = "names no file: " + message;
        if (message.find('\n') != std::string::npos) wrong = "more than one line: " + message;
        if (message.size() > 1000 + path.size()) wrong = "a very long line: " + message;
    } catch (const std::exception& error) {
        wrong = std::string("not an Error: ") + error.what();
    }
    // JSON as a tree takes tens of bytes for one of text; the constant is for streams and messages.
    if (most_allocated() > 100 * file_bytes + (std::size_t{1} << 18U))
        wrong = fmt::format("{} bytes taken for a file of {}", most_allocated(), file_bytes);
    return wrong;
}

/// For the report: a file that fails, byte by byte.
std::string hexadecimal(const std::string& bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

}  // namespace

TEST_CASE("whatever the bytes, a safetensors file is read whole or refused, within its own size") {
    const std::size_t mutations = fuzz_mutations(5000);
    const std::vector<Seed> good = seeds();
    const TemporaryFile file("fuzz.safetensors");
    Random random(1);
    std::size_t accepted = 0;
    for (std::size_t k = 0; k < mutations; ++k) {
        const std::string bytes = spoil(good[k % good.size()], random);
        std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << bytes;
        const std::string wrong = misbehaviour(file.path(), bytes.size(), accepted);
        CHECK_MESSAGE(wrong.empty(), "mutation " << k << ": " << wrong << ": " << hexadecimal(bytes));
    }
    MESSAGE(mutations << " mutations, " << accepted << " of them still good files");
    // Neither all good nor all bad: then the mutations would prove nothing.
    CHECK(accepted > mutations / 100);
    CHECK(accepted < mutations / 2);
}
