#include "tangram/tangent/reference/cancellation.hpp"

#include "operators.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

namespace tangram {

namespace {

double magnitude(double value) {
    return std::abs(value);
}

Matrix<double> magnitudes_of(ConstMatrixView<double> matrix) {
    Matrix<double> sizes(matrix.rows, matrix.cols);
    for (Index i = 0; i < matrix.rows; ++i)
        std::transform(matrix.row(i), matrix.row(i) + matrix.cols, sizes.view().row(i), magnitude);
    return sizes;
}

/// D_x[k] += |D_y| |dy/dx_k|.
void pull_back_magnitudes(const Network& network, const Node& node, const SampleGradient& sample,
                          SampleGradient& sizes) {
    reference::Operands in = reference::operands_of(network, node, sample);
    std::vector<Matrix<double>> tensors;
    for (ConstMatrixView<double>& tensor : in.tensors) {
        tensors.push_back(magnitudes_of(tensor));
        tensor = std::as_const(tensors.back()).view();
    }
    std::vector<Matrix<double>> parts;
    std::vector<MatrixView<double>> views;
    for (const Index input : node.inputs) {
        const Matrix<double>& D = sizes.sensitivities[at(input)];
        parts.emplace_back(D.rows(), D.cols());
    }
    for (Matrix<double>& part : parts) views.push_back(part.view());
    reference::pull_back_magnitudes(node, in, std::as_const(sizes.sensitivities[at(node.output)]).view(),
                                    views);
    for (std::size_t k = 0; k < parts.size(); ++k) {
        double* D = sizes.sensitivities[at(node.inputs[k])].data();
        for (Index e = 0; e < parts[k].size(); ++e) D[e] += std::abs(parts[k].data()[e]);
    }
}

}  // namespace

SampleGradient before_cancellation(const Network& network, const SampleGradient& sample) {
    SampleGradient sizes = empty_alike(network, sample, nullptr);
    sizes.E = magnitudes_of(sample.of_outputs != nullptr ? sample.E_sizes.view() : sample.E.view());
    std::vector<bool> are_ids(network.values.size(), false);  // whose signs say where they count from
    for (const Node& node : network.nodes) {
        if (std::holds_alternative<Lookup>(node.op)) are_ids[at(node.inputs[0])] = true;
    }
    for (std::size_t v = 0; v < sizes.values.size(); ++v) {
        const std::vector<double>& value = sample.value(static_cast<Index>(v));
        if (are_ids[v]) {
            sizes.values[v] = value;
            continue;
        }
        std::transform(value.begin(), value.end(), sizes.values[v].begin(), magnitude);
    }
    Matrix<double>& D_output = sizes.sensitivities[at(network.output)];
    for (Index r = 0; r < D_output.rows(); ++r) {
        if (sizes.E.rows() > 0)
            std::copy_n(sizes.E.view().row(r), D_output.cols(), D_output.view().row(r));
        else
            D_output(r, r) = 1;
    }
    for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
        if (sizes.sensitivities[at(node->output)].rows() > 0)
            pull_back_magnitudes(network, *node, sample, sizes);
    }
    return sizes;
}

Reduction before_cancellation(const Reduction& reduction) {
    Reduction sizes = reduction;
    if (reduction.by_sample)
        sizes.by_sample = std::make_shared<const Matrix<double>>(magnitudes_of(reduction.by_sample->view()));
    if (reduction.combinations)
        sizes.combinations =
            std::make_shared<const Matrix<double>>(magnitudes_of(reduction.combinations->view()));
    return sizes;
}

}  // namespace tangram
