// Good ONNX files, spoilt: whatever the bytes, the reader gives a model or throws an Error that names the file.
// TANGRAM_FUZZ_MUTATIONS=100000 tries that many.

#include "allocations.hpp"
#include "input/onnx/onnx_model.hpp"
#include "mutate.hpp"
#include "onnx_files.hpp"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <iterator>
#include <numeric>

using namespace tangram;
using namespace tangram::test;

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Sets field `field` of a message, or adds to it, a number at the edge of a type or a short text.
void spoil_value(Message& message, const FieldDescriptor& field, Random& random) {
    static constexpr std::array<std::int64_t, 10> edges{
        0, 1, -1, 7, 300, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40};
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    const std::int64_t number = edges[random.below(edges.size())];
    const auto put = [&](auto set, auto add, auto value) {
        if (field.is_repeated())
            (reflection.*add)(&message, &field, value);
        else
            (reflection.*set)(&message, &field, value);
    };
    using R = google::protobuf::Reflection;
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
            return put(&R::SetInt32, &R::AddInt32, static_cast<std::int32_t>(number));
        case FieldDescriptor::CPPTYPE_INT64:
            return put(&R::SetInt64, &R::AddInt64, number);
        case FieldDescriptor::CPPTYPE_UINT64:
            return put(&R::SetUInt64, &R::AddUInt64, static_cast<std::uint64_t>(number));
        case FieldDescriptor::CPPTYPE_FLOAT:
            return put(&R::SetFloat, &R::AddFloat, static_cast<float>(number));
        case FieldDescriptor::CPPTYPE_DOUBLE:
            return put(&R::SetDouble, &R::AddDouble, static_cast<double>(number));
        case FieldDescriptor::CPPTYPE_ENUM:
            return put(&R::SetEnumValue, &R::AddEnumValue, static_cast<int>(random.below(16)));
        case FieldDescriptor::CPPTYPE_STRING:
            return put(&R::SetString, &R::AddString,
                       std::string(random.below(9), static_cast<char>(random.below(256))));
        default:
            return;
    }
}

/// One field of the message, or of one in it, is another, gone, there, or in another place of its list.
void spoil(Message& message, Random& random) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    const auto n_fields = static_cast<std::size_t>(message.GetDescriptor()->field_count());
    const FieldDescriptor& field = *message.GetDescriptor()->field(static_cast<int>(random.below(n_fields)));
    const int n =
        field.is_repeated() ? reflection.FieldSize(message, &field) : reflection.HasField(message, &field);
    const auto any = [&] { return static_cast<int>(random.below(static_cast<std::size_t>(n))); };
    const std::size_t way = random.below(8);
    if (way == 0) return reflection.ClearField(&message, &field);
    if (way == 1 && field.is_repeated() && n > 1)
        return reflection.SwapElements(&message, &field, any(), any());
    if (way == 2 && field.is_repeated() && n > 0) return reflection.RemoveLast(&message, &field);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return spoil_value(message, field, random);
    if (n == 0 && way > 3) return spoil(message, random);  // mostly what is there already
    if (!field.is_repeated()) return spoil(*reflection.MutableMessage(&message, &field), random);
    if (n == 0) return spoil(*reflection.AddMessage(&message, &field), random);
    if (way == 3)
        return reflection.AddMessage(&message, &field)
            ->CopyFrom(reflection.GetRepeatedMessage(message, &field, any()));
    spoil(*reflection.MutableRepeatedMessage(&message, &field, any()), random);
}

std::string fixture(const std::string& name) {
    std::ifstream file(TANGRAM_TEST_DATA "/onnx/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

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
    const std::vector<std::string> seeds{fixture("lenet.onnx"), fixture("resnet_fresh.onnx"),
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
