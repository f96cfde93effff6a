#include "operators.hpp"
#include "paths.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <cassert>

namespace tangram {

SampleGradient empty_gradient(const Network& network) {
    const std::vector<bool> counts = reference::between_tensors_and_output(network);
    SampleGradient sample;
    sample.outputs.resize(at(network.outputs()));
    for (std::size_t v = 0; v < network.values.size(); ++v) {
        const Index size = network.values[v].size;
        sample.values.emplace_back(at(size));
        sample.sensitivities.emplace_back(counts[v] ? network.outputs() : 0, size);
    }
    return sample;
}

SampleGradient backpropagate(const Network& network, std::span<const double> x) {
    assert(static_cast<Index>(x.size()) == network.inputs());
    SampleGradient sample = empty_gradient(network);
    sample.values[at(network.input)].assign(x.begin(), x.end());
    for (const Node& node : network.nodes) {
        std::vector<double>& y = sample.values[at(node.output)];
        const auto size = static_cast<Index>(y.size());
        reference::forward(node, reference::operands_of(network, node, sample.values),
                           {y.data(), 1, size, size});
    }
    sample.outputs = sample.values[at(network.output)];

    Matrix<double>& D_output = sample.sensitivities[at(network.output)];
    for (Index r = 0; r < D_output.rows(); ++r) D_output(r, r) = 1;
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        const Matrix<double>& D = sample.sensitivities[at(node->output)];
        if (D.rows() == 0) continue;
        std::vector<MatrixView<double>> D_inputs;
        for (const Index input : node->inputs) D_inputs.push_back(sample.sensitivities[at(input)].view());
        reference::pull_back(*node, reference::operands_of(network, *node, sample.values), D.view(),
                             D_inputs);
    }
    return sample;
}

}  // namespace tangram
