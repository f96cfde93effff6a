// Good ONNX files, spoilt: whatever the bytes, the reader gives a model or throws an Error that names the file.
// TANGRAM_FUZZ_MUTATIONS=100000 tries that many.

#include "allocations.hpp"
#include "input/onnx/onnx_model.hpp"
#include "mutate.hpp"
#include "onnx_files.hpp"
#include "spoil_onnx.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <numeric>

using namespace tangram;
using namespace tangram::test;

namespace {

bool has_its_shape(const onnx_file::Tensor& tensor) {
    return std::accumulate(tensor.shape.begin(), tensor.shape.end(), Index{1}, std::multiplies<>()) ==
           static_cast<Index>(tensor.values.size());
}

/// What is wrong with what the reader does to the bytes, "" if nothing is.
std::string misbehaviour(const std::string& bytes, std::size_t& accepted) {
    std::string wrong;
    std::size_t most = 100 * bytes.size() + (std::size_t{1} << 18U);
    watch_allocations();
    try {
        const onnx_file::Model model = onnx_file::parse("fuzz.onnx", bytes);
        ++accepted;
        for (const onnx_file::Tensor& tensor : model.initializers) {
            if (!has_its_shape(tensor)) wrong = "shape and values differ";
        }
        if (model.opset < 9 || model.opset > 21 || model.outputs.empty()) wrong = "opset, outputs";
    } catch (const Error& error) {
        const std::string message = error.what();
        // For one text, protobuf reserves as much before it sees that the file ends.
        if (message.find("not a whole") != std::string::npos) most += 50'000'000;
        if (error.code() != ExitCode::bad_input) wrong = "exit code: " + message;
        if (!message.starts_with("fuzz.onnx: ")) wrong = "names no file: " + message;
        if (message.find('\n') != std::string::npos) wrong = "more than one line: " + message;
        if (message.size() > 1000) wrong = "a very long line: " + message;
    } catch (const std::exception& error) {
        wrong = std::string("not an Error: ") + error.what();
    }
    // Protobuf's messages take tens of bytes for one of the file; the constant is for messages.
    if (most_allocated() > most)
        wrong = fmt::format("{} bytes taken for a file of {}", most_allocated(), bytes.size());
    return wrong;
}

/// For the report: where the spoilt file differs.
std::string difference(const std::string& bytes, const std::string& seed) {
    std::size_t at = 0;
    while (at < bytes.size() && at < seed.size() && bytes[at] == seed[at]) ++at;
    std::string text = fmt::format("{} bytes, from {} on:", bytes.size(), at);
    for (const char byte : bytes.substr(at, 40))
        text += fmt::format(" {:02x}", static_cast<unsigned char>(byte));
    return text;
}

/// Reads files that `spoilt` makes, the k-th of seed k modulo their number.
void check_all(std::size_t mutations, const std::function<std::string(const std::string&, Random&)>& spoilt) {
    const std::vector<std::string> seeds{onnx_fixture("lenet.onnx"), onnx_fixture("resnet_fresh.onnx"),
                                         small_model().SerializeAsString()};
    Random random(1);
    std::size_t accepted = 0;
    for (std::size_t k = 0; k < mutations; ++k) {
        const std::string& seed = seeds[k % seeds.size()];
        const std::string bytes = spoilt(seed, random);
        const std::string wrong = misbehaviour(bytes, accepted);
        CHECK_MESSAGE(wrong.empty(), "mutation " << k << ": " << wrong << ": " << difference(bytes, seed));
    }
    MESSAGE(mutations << " mutations, " << accepted << " of them still good files");
    // Neither all good nor all bad: then the mutations would prove nothing.
    CHECK(accepted > mutations / 100);
    CHECK(accepted < mutations / 2);
}

}  // namespace

TEST_CASE("whatever the bytes, an ONNX file is read whole or refused, within its own size") {
    check_all(fuzz_mutations(4000), mutate);
}

TEST_CASE("whatever its fields, an ONNX file is read whole or refused, within its own size") {
    check_all(fuzz_mutations(4000), [](const std::string& seed, Random& random) {
        onnx::ModelProto model;
        model.ParseFromString(seed);
        for (std::size_t times = 1 + random.below(12); times > 0; --times) spoil(model, random);
        return model.SerializeAsString();
    });
}
