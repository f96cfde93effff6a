// Good ONNX files with their structure spoilt, all the way to numbers: each becomes a network that both paths compute alike, values
// and derivatives, or is refused in one line, soon and within its share of memory. TANGRAM_FUZZ_MUTATIONS=100000 tries that many.

#include "allocations.hpp"
#include "spoil_onnx.hpp"
#include "tangram/input/graph.hpp"
#include "tangram/support/error.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/jacobian_rows.hpp"
#include "tangram/tangent/reference/jacobian.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr double most_seconds = 2;
constexpr std::size_t most_memory = std::size_t{8} << 30U;  // three tables of the longest value that is read
constexpr Index samples = 2;

double processor_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// What is wrong with the graph's own indices, "" where nothing is.
std::string fault_of(const Network& network) {
    const auto n_values = static_cast<Index>(network.values.size());
    std::vector<bool> is_made(network.values.size(), false), is_used(network.tensors.size(), false);
    is_made[at(network.input)] = true;
    for (const Node& node : network.nodes) {
        for (const Index input : node.inputs) {
            if (input < 0 || input >= n_values || !is_made[at(input)])
                return "a value is used before it is made";
        }
        for (const Index tensor : node.tensors) {
            if (tensor < 0 || at(tensor) >= is_used.size() || is_used[at(tensor)])
                return "a tensor of no or two nodes";
            is_used[at(tensor)] = true;
        }
        if (node.output < 0 || node.output >= n_values || is_made[at(node.output)])
            return "a value is made twice";
        is_made[at(node.output)] = true;
    }
    const auto empty = [](const Value& value) { return value.size < 1; };
    if (std::any_of(network.values.begin(), network.values.end(), empty)) return "a value without entries";
    return is_made[at(network.output)] ? "" : "an output that nobody makes";
}

/// Of one sample, forward, about.
double operations_of(const Network& network) {
    double sum = 0;
    for (const Value& value : network.values) sum += static_cast<double>(value.size);
    for (const ParameterTensor& tensor : network.tensors) sum += static_cast<double>(tensor.size());
    for (const Node& node : network.nodes) {
        const auto outputs = static_cast<double>(network.values[at(node.output)].size);
        if (const auto* product = std::get_if<MatMul>(&node.op))
            sum += outputs * static_cast<double>(product->inner);
        if (const auto* convolve = std::get_if<Convolve>(&node.op)) {
            sum += outputs / static_cast<double>(convolve->out_channels) *
                   static_cast<double>(network.values[at(node.inputs[1])].size);
        }
        if (const auto* combine = std::get_if<Combine>(&node.op))
            sum += static_cast<double>(combine->windows->from.size());
        if (const auto* largest = std::get_if<Largest>(&node.op))
            sum += static_cast<double>(largest->windows->from.size());
    }
    return sum;
}

Matrix<double> samples_for(const Network& network) {
    Matrix<double> X(samples, network.inputs());
    for (Index k = 0; k < X.size(); ++k) X.data()[k] = 0.2 + std::sin(static_cast<double>(3 * k + 1));
    return X;
}

bool are_finite(const Matrix<double>& numbers) {
    return std::all_of(numbers.data(), numbers.data() + numbers.size(),
                       [](double x) { return std::abs(x) < 1e30; });
}

/// max |a - b| / max |b|; what is smaller than rounding, as the derivative of a sum of probabilities, counts as zero.
double difference(const Matrix<double>& a, const Matrix<double>& b) {
    double largest = 0, worst = 0;
    for (Index k = 0; k < a.size(); ++k) {
        largest = std::max(largest, std::abs(b.data()[k]));
        worst = std::max(worst, std::abs(a.data()[k] - b.data()[k]));
    }
    return worst < 1e-11 ? 0 : worst / largest;
}

/// Of the sum of the outputs, (samples, P), by the features.
Matrix<double> jacobian_of_features(const Network& network, const Reduction& reduction,
                                    const Matrix<double>& X) {
    const PanelLayout layout = lay_out_panel(network, reduction, samples, sizeof(double));
    const AlignedBuffer<double> block(layout.size);
    Matrix<double> outputs(samples, network.outputs());
    FeatureScratch scratch;
    compute_features({network, reduction, layout}, X.view(), 0, block.data(), outputs.view(), scratch);
    const std::vector<Step> steps = steps_of(network, reduction);
    Index widest = 1;
    for (const Value& value : network.values) widest = std::max(widest, value.size);
    std::vector<double> s(at(widest));
    const auto runs = runs_of_parameters(parameter_blocks(network), steps, 0, network.parameters());
    Matrix<double> J(samples, network.parameters());
    fill_jacobian_rows(FeatureView{network, reduction, layout, block.data(), samples}, steps, 0, runs,
                       s.data(), J.view());
    return J;
}

Matrix<double> jacobian_of_reference(const Network& network, const Reduction& reduction,
                                     std::span<const SampleGradient> gradients) {
    Matrix<double> J(samples, network.parameters());
    for (const ParameterBlock& block : parameter_blocks(network)) {
        const Matrix<double> part = jacobian_block(network, reduction, block.tensor, gradients, 0,
                                                   network.tensors[at(block.tensor)].units());
        for (Index row = 0; row < samples; ++row)
            std::copy_n(part.view().row(row), part.cols(), J.view().row(row) + block.first);
    }
    return J;
}

struct Tally {
    std::size_t networks = 0, compared = 0;
};

/// What is wrong with the numbers of a network, "" where nothing is. Those that are not finite are not compared.
std::string wrong_numbers(const Network& network, Tally& tally) {
    const Matrix<double> X = samples_for(network);
    const Reduction reduction{ReductionKind::sum, -1, network.outputs()};
    Matrix<double> expected(samples, network.outputs());
    std::vector<SampleGradient> gradients;
    bool all_finite = true;
    for (Index i = 0; i < samples; ++i) {
        gradients.push_back(backpropagate(network, {X.view().row(i), at(X.cols())}));
        gradients.back().sample = i;
        std::copy_n(gradients.back().outputs.data(), network.outputs(), expected.view().row(i));
        for (const auto& value : gradients.back().values)
            all_finite = all_finite &&
                         std::all_of(value.begin(), value.end(), [](double v) { return std::abs(v) < 1e8; });
    }
    const Matrix<double> J_expected = jacobian_of_reference(network, reduction, gradients);
    const bool is_tame = all_finite && are_finite(J_expected);
    try {
        const Matrix<double> y = outputs_of(network, X.view());
        const Matrix<double> J = jacobian_of_features(network, reduction, X);
        if (!is_tame) return "";
        ++tally.compared;
        if (!(difference(y, expected) < 1e-6))
            return fmt::format("outputs differ by {:.1e}", difference(y, expected));
        if (!(difference(J, J_expected) < 1e-6))
            return fmt::format("derivatives differ by {:.1e}", difference(J, J_expected));
    } catch (const Error& error) {  // numbers that are not finite
        return is_tame ? std::string("finite numbers are refused: ") + error.what() : "";
    }
    return "";
}

std::string wrong_with(const Error& error) {
    const std::string message = error.what();
    const bool is_known = error.code() == ExitCode::bad_input || error.code() == ExitCode::usage ||
                          error.code() == ExitCode::no_resources;
    if (!is_known) return "exit code: " + message;
    if (message.find("m.onnx") == message.npos) return "names no file: " + message;
    if (message.find_first_of("\n\r") != message.npos) return "more than one line: " + message;
    if (message.find(": ") == message.npos) return "says not what to do: " + message;
    return message.size() > 2000 ? "a very long line: " + message : "";
}

/// What is wrong with what becomes of the file, "" where nothing is.
std::string misbehaviour(const GraphFile& file, const GraphOptions& options, Index batch, Tally& tally) {
    std::string wrong;
    watch_allocations();
    const double start = processor_seconds();
    try {
        const Graph graph = make_graph(file, options, batch);
        ++tally.networks;
        wrong = fault_of(graph.network);
        if (wrong.empty() && operations_of(graph.network) < 3e5 && graph.network.outputs() <= 64)
            wrong = wrong_numbers(graph.network, tally);
    } catch (const Error& error) {
        wrong = wrong_with(error);
    } catch (const std::exception& error) {
        wrong = std::string("not an Error: ") + error.what();
    }
    const double seconds = processor_seconds() - start;
    if (seconds > most_seconds) wrong += fmt::format(" takes {:.1f} s", seconds);
    if (most_allocated() > most_memory) wrong += fmt::format(" takes {} bytes", most_allocated());
    return wrong;
}

}  // namespace

TEST_CASE(
    "whatever its structure, an ONNX file becomes a network that both paths compute alike, or is refused") {
    const std::vector<std::string> names{"bn_mlp",       "tied",  "lenet",  "resnet",
                                         "resnet_fresh", "mixer", "encoder"};
    std::vector<onnx::ModelProto> seeds(names.size());
    for (std::size_t k = 0; k < seeds.size(); ++k)
        REQUIRE(seeds[k].ParseFromString(onnx_fixture(names[k] + ".onnx")));
    Tally tally;
    const std::size_t mutations = fuzz_mutations(3000);
    for (std::size_t k = first_mutation(); k < mutations; ++k) {
        Random random(k);  // each can be repeated alone
        onnx::ModelProto model = seeds[k % seeds.size()];
        for (std::size_t times = 1 + random.below(2); times > 0; --times) spoil_structure(model, random);
        GraphOptions options;
        const std::vector<std::string> values = value_names(model.graph());
        if (random.below(4) == 0) options.value = values[random.below(values.size())];
        if (random.below(8) == 0) options.frozen = {values[random.below(values.size())]};
        if (random.below(8) == 0) options.wrt = {values[random.below(values.size())]};
        const Index batch = 1 + static_cast<Index>(random.below(2));
        const std::string wrong =
            misbehaviour({"m.onnx", model.SerializeAsString(), {}}, options, batch, tally);
        CHECK_MESSAGE(wrong.empty(), "mutation " << k << " of " << names[k % names.size()] << ": " << wrong);
    }
    MESSAGE(mutations << " mutations, " << tally.networks << " networks, " << tally.compared << " compared");
    // Neither all good nor all bad: then the mutations would prove nothing.
    const std::size_t tried = mutations - first_mutation();
    if (tried >= 100) CHECK(tally.compared > tried / 20);
    if (tried >= 100) CHECK(tally.networks < tried * 3 / 4);
}

TEST_CASE("wherever an ONNX file says that its numbers lie, they are read from its folder or it is refused") {
    const TemporaryFile root("onnx-external");
    const std::string folder = root.path() + "/inside";
    std::filesystem::create_directories(folder + "/deeper");
    const auto write = [](const std::string& path, const std::string& bytes) {
        std::ofstream(path, std::ios::binary) << bytes;
    };
    write(root.path() + "/secret.bin", std::string(4096, 's'));
    write(folder + "/w.bin", std::string(4096, '\1'));
    write(folder + "/deeper/w.bin", std::string(4096, '\2'));
    std::filesystem::create_symlink("../secret.bin", folder + "/link.bin");
    std::filesystem::create_symlink("deeper", folder + "/inner");
    const std::vector<std::string> locations{"w.bin",
                                             "deeper/w.bin",
                                             "inner/w.bin",
                                             "./w.bin",
                                             "../secret.bin",
                                             "/etc/passwd",
                                             "../../../../etc/passwd",
                                             "link.bin",
                                             "deeper/../w.bin",
                                             "",
                                             ".",
                                             "..",
                                             "/dev/zero",
                                             "none.bin",
                                             "w.bin/x",
                                             std::string("w.bin\0x", 7),
                                             std::string(5000, 'a'),
                                             "deeper"};
    onnx::ModelProto seed;
    REQUIRE(seed.ParseFromString(onnx_fixture("tied.onnx")));
    const std::size_t mutations = std::max<std::size_t>(fuzz_mutations(3000) / 20, 1);
    std::size_t read = 0;
    for (std::size_t k = first_mutation(); k < mutations; ++k) {
        Random random(k);
        onnx::ModelProto model = seed;
        auto& tensors = *model.mutable_graph()->mutable_initializer();
        onnx::TensorProto& tensor =
            tensors[static_cast<int>(random.below(static_cast<std::size_t>(tensors.size())))];
        const std::size_t bytes = tensor.raw_data().size();
        const std::string& location = locations[random.below(locations.size())];
        if (random.below(10) > 0) tensor.clear_raw_data();
        tensor.set_data_location(onnx::TensorProto::EXTERNAL);
        const auto set = [&](const char* key, const std::string& value) {
            auto& entry = *tensor.add_external_data();
            entry.set_key(key);
            entry.set_value(value);
        };
        if (random.below(20) > 0) set("location", location);
        if (random.below(2) == 0)
            set("offset", random.below(2) == 0 ? "8" : std::to_string(spoilt_number(random)));
        set("length", random.below(3) > 0 ? std::to_string(bytes) : std::to_string(spoilt_number(random)));
        write(folder + "/m.onnx", model.SerializeAsString());
        std::string wrong;
        const double start = processor_seconds();
        try {
            const GraphFile file = read_graph_file(folder + "/m.onnx");
            if (file.bytes.find("ssssssss") != file.bytes.npos || file.bytes.find("root:") != file.bytes.npos)
                wrong = "read from outside";
            make_graph(file, {});
            ++read;
        } catch (const Error& error) {
            wrong = wrong_with(error);
            if (error.code() != ExitCode::bad_input) wrong = std::string("exit code: ") + error.what();
        } catch (const std::exception& error) {
            wrong = std::string("not an Error: ") + error.what();
        }
        if (processor_seconds() - start > most_seconds) wrong += " takes long";
        CHECK_MESSAGE(wrong.empty(), "mutation " << k << " at " << location.substr(0, 40) << ": " << wrong);
    }
    MESSAGE(mutations << " mutations, " << read << " of them read");
    CHECK(read < mutations / 2 + 10);
}
