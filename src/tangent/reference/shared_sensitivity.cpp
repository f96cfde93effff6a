#include "shared_sensitivity.hpp"

#include "operators.hpp"
#include "paths.hpp"

#include <algorithm>

namespace tangram::reference {

namespace {

/// [value]: shared, made of this one (itself too), and on the way to the output.
std::vector<bool> shared_from(const Network& network, Index value) {
    const std::vector<bool> leads = leading_to_output(network);
    std::vector<bool> made(network.values.size(), false);
    made[at(value)] = leads[at(value)];
    for (const Node& node : network.nodes) {
        const auto output = at(node.output);
        if (!network.values[output].shared || !leads[output] || made[output]) continue;
        made[output] =
            std::any_of(node.inputs.begin(), node.inputs.end(), [&](Index input) { return made[at(input)]; });
    }
    return made;
}

ConstMatrixView<double> some_rows(const Matrix<double>& D, Index first, Index count) {
    return D.rows() == 0 ? ConstMatrixView<double>{} : D.view().row_block(first, count);
}

}  // namespace

Matrix<double> shared_sensitivity(const Network& network, const SampleGradient& sample, Index value,
                                  Index first, Index count) {
    const std::vector<bool> made = shared_from(network, value);
    if (!made[at(value)]) return {};
    std::vector<Matrix<double>> D(network.values.size());
    for (std::size_t v = 0; v < D.size(); ++v) {
        if (made[v]) D[v] = Matrix<double>(count, network.values[v].size);
    }
    if (made[at(network.output)]) {
        for (Index r = 0; r < count; ++r) {
            for (Index o = 0; o < network.outputs(); ++o)
                D[at(network.output)](r, o) =
                    sample.E.rows() > 0 ? sample.E(first + r, o) : (first + r == o ? 1 : 0);
        }
    }
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        const auto output = at(node->output);
        std::vector<MatrixView<double>> D_inputs;
        bool any = false;
        for (const Index input : node->inputs) {
            D_inputs.push_back(made[at(input)] ? D[at(input)].view() : MatrixView<double>{});
            any = any || made[at(input)];
        }
        const ConstMatrixView<double> D_y = made[output]
                                                ? ConstMatrixView<double>(D[output].view())
                                                : some_rows(sample.sensitivities[output], first, count);
        if (!any || D_y.rows == 0) continue;
        pull_back(*node, operands_of(network, *node, sample), D_y, D_inputs);
    }
    return std::move(D[at(value)]);
}

}  // namespace tangram::reference
