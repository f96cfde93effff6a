#include "tangram/run/bench_problem.hpp"

#include "tangram/input/graph.hpp"
#include "tangram/network/chain.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

constexpr std::uint64_t seed = 0;
constexpr std::uint64_t samples_stream = 0;  ///< layer l has 2 l and 2 l + 1

void fill_normal(MatrixView<double> matrix, Index first_row, double std_deviation, std::uint64_t stream) {
    const std::uint64_t key = stream_key(seed, stream);
    for (Index i = 0; i < matrix.rows; ++i) {
        for (Index j = 0; j < matrix.cols; ++j) {
            const auto counter = static_cast<std::uint64_t>((first_row + i) * matrix.cols + j);
            matrix(i, j) = normal_number(key, counter, std_deviation);
        }
    }
}

/// tanh layers with N(0, 1 / fan_in) weights, N(0, 1) biases and a linear output.
Chain random_chain(const std::vector<std::int64_t>& widths) {
    Chain chain;
    for (std::size_t l = 1; l < widths.size(); ++l) {
        Layer& layer = chain.layers.emplace_back();
        layer.name = "fc" + std::to_string(l);
        layer.weight_name = layer.name + ".weight";
        layer.bias_name = layer.name + ".bias";
        layer.weight = Matrix<double>(widths[l], widths[l - 1]);
        fill_normal(layer.weight.view(), 0, 1.0 / std::sqrt(static_cast<double>(widths[l - 1])), 2 * l);
        layer.bias.resize(at(widths[l]));
        fill_normal({layer.bias.data(), 1, widths[l], widths[l]}, 0, 1.0, 2 * l + 1);
        const bool last = l + 1 == widths.size();
        layer.activation.kind = last ? ActivationKind::identity : ActivationKind::tanh;
    }
    return chain;
}

Network make_bench_network(const BenchOptions& options) {
    if (options.model.empty()) return make_network(random_chain(options.widths));
    return make_graph(read_graph_file(options.model), {}).network;
}

Reduction make_bench_reduction(const BenchOptions& options, Index outputs) {
    if (!options.logit) return {parse_reduction(options.reduction), -1, outputs};
    if (*options.logit >= outputs)
        fail(ExitCode::usage, "--logit {} is beyond the network's {} outputs: give a number from 0 to {}",
             *options.logit, outputs, outputs - 1);
    return {ReductionKind::logit, *options.logit, outputs};
}

Shape make_shape(const BenchOptions& options, const Network& network, const Reduction& reduction) {
    Problem problem{network,     reduction, {options.samples, {}}, {}, parse_precision(options.precision),
                    options.tile};
    problem.components = options.components == "all";
    problem.conjugate_kernels = problem.components ? ConjugateKernels::last : ConjugateKernels::none;
    return product_named("samples").shape(problem);
}

}  // namespace

BenchProblem make_bench_problem(const BenchOptions& options, int ranks, int rank) {
    BenchProblem problem;
    problem.network = make_bench_network(options);
    problem.reduction = make_bench_reduction(options, problem.network.outputs());
    problem.shape = make_shape(options, problem.network, problem.reduction);
    problem.distribution = distribute(problem.shape.axes, ranks, rank);
    problem.panels = problem.distribution.own.front();
    const PanelRange mine = shard_units(problem.shape.axes.row, problem.distribution.grid, rank);
    problem.samples = Matrix<double>(mine.size(), problem.network.inputs());
    fill_normal(problem.samples.view(), mine.begin, 1.0, samples_stream);
    return problem;
}

}  // namespace tangram
