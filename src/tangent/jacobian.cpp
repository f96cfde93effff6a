#include "tangram/tangent/jacobian.hpp"

#include "dot.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cassert>

namespace tangram {

namespace {

/// Blocks of J are kept this small (if one unit is not larger) so that they stay in the cache between the two
/// loops that write and multiply them.
constexpr Index block_values = Index{1} << 19;  // 4 MiB

/// z = a W x + b B.
std::vector<double> preactivation(const Layer& layer, const std::vector<double>& x) {
    std::vector<double> z(at(layer.fan_out()));
    for (Index j = 0; j < layer.fan_out(); ++j) {
        z[at(j)] = layer.weight_scale * dot(layer.weight.view().row(j), x.data(), layer.fan_in());
        if (layer.has_bias()) z[at(j)] += layer.bias_scale * layer.bias[at(j)];
    }
    return z;
}

/// x = c phi(z), with c phi'(z) in `slopes`.
std::vector<double> activation(const Layer& layer, const std::vector<double>& z,
                               std::vector<double>& slopes) {
    std::vector<double> x(z.size());
    slopes.resize(z.size());
    for (std::size_t j = 0; j < z.size(); ++j) {
        const DualValue phi = reference_activation(layer.activation, z[j]);
        x[j] = layer.output_scale * phi.value;
        slopes[j] = layer.output_scale * phi.derivative;
    }
    return x;
}

/// D_{l-1} = a (D_l W_l) * slopes_{l-1}, (C, d_{l-1}). One row of W serves all outputs while it is in the
/// cache.
Matrix<double> previous_sensitivity(const Layer& layer, const Matrix<double>& D,
                                    const std::vector<double>& slopes) {
    const Index width = layer.fan_in();
    Matrix<double> previous(D.rows(), width);
    for (Index j = 0; j < layer.fan_out(); ++j) {
        const double* w = layer.weight.view().row(j);
        for (Index r = 0; r < D.rows(); ++r) {
            const double d = D(r, j);
            double* p = previous.view().row(r);
            for (Index k = 0; k < width; ++k) p[k] += d * w[k];
        }
    }
    for (Index r = 0; r < D.rows(); ++r) {
        for (Index k = 0; k < width; ++k) previous(r, k) *= layer.weight_scale * slopes[at(k)];
    }
    return previous;
}

/// Whether J has one row for every (sample, output), or one for every sample.
bool keeps_outputs(const Reduction& reduction) {
    return reduction.kind != ReductionKind::sum && reduction.kind != ReductionKind::logit;
}

Index jacobian_rows(const Reduction& reduction, Index samples) {
    return keeps_outputs(reduction) ? samples * reduction.outputs : samples;
}

/// d(reduced output r)/d z_j for units [first, first + units) of a layer.
std::vector<double> reduced_sensitivity(const Reduction& reduction, const Matrix<double>& D, Index r,
                                        Index first, Index units) {
    std::vector<double> row(at(units), 0.0);
    for (Index output = 0; output < D.rows(); ++output) {
        const bool counts = reduction.kind == ReductionKind::sum ||
                            output == (reduction.kind == ReductionKind::logit ? reduction.logit : r);
        if (!counts) continue;
        for (Index j = 0; j < units; ++j) row[at(j)] += D(output, first + j);
    }
    return row;
}

void fill_jacobian_block(const Network& network, const Reduction& reduction, ParameterTensor tensor,
                         std::span<const SampleGradient> samples, Index first_unit, Index units,
                         MatrixView<double> J) {
    const Layer& layer = network.layers[at(tensor.layer)];
    const Index rows_per_sample = jacobian_rows(reduction, 1);
    for (Index row = 0; row < J.rows; ++row) {
        const SampleGradient& sample = samples[at(row / rows_per_sample)];
        const std::vector<double> d = reduced_sensitivity(reduction, sample.sensitivities[at(tensor.layer)],
                                                          row % rows_per_sample, first_unit, units);
        double* out = J.row(row);
        if (tensor.is_bias) {
            for (Index j = 0; j < units; ++j) out[j] = layer.bias_scale * d[at(j)];
            continue;
        }
        const double* x = sample.activations[at(tensor.layer)].data();
        for (Index j = 0; j < units; ++j) {
            const double factor = layer.weight_scale * d[at(j)];
            for (Index k = 0; k < layer.fan_in(); ++k) *out++ = factor * x[k];
        }
    }
}

/// K += factor A A^T, both triangles.
void add_symmetric(ConstMatrixView<double> A, double factor, MatrixView<double> K) {
    Matrix<double> gram(A.rows, A.rows);
    blas::gram_lower(A, gram.view());
    for (Index i = 0; i < A.rows; ++i) {
        for (Index j = 0; j <= i; ++j) K(i, j) += factor * gram(i, j);
        for (Index j = 0; j < i; ++j) K(j, i) += factor * gram(i, j);
    }
}

}  // namespace

SampleGradient backpropagate(const Network& network, std::span<const double> x) {
    assert(static_cast<Index>(x.size()) == network.inputs());
    SampleGradient sample;
    std::vector<std::vector<double>> slopes(network.layers.size());
    std::vector<double> next(x.begin(), x.end());
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        sample.activations.push_back(std::move(next));
        sample.preactivations.push_back(preactivation(network.layers[l], sample.activations[l]));
        next = activation(network.layers[l], sample.preactivations[l], slopes[l]);
    }
    sample.outputs = std::move(next);

    sample.sensitivities.resize(network.layers.size());
    Matrix<double> D(network.outputs(), network.outputs());
    for (Index r = 0; r < network.outputs(); ++r) D(r, r) = slopes.back()[at(r)];
    for (std::size_t l = network.layers.size() - 1; l > 0; --l) {
        Matrix<double> previous = previous_sensitivity(network.layers[l], D, slopes[l - 1]);
        sample.sensitivities[l] = std::move(D);
        D = std::move(previous);
    }
    sample.sensitivities[0] = std::move(D);
    return sample;
}

std::vector<ParameterTensor> parameter_tensors(const Network& network) {
    std::vector<ParameterTensor> tensors;
    for (Index l = 0; l < network.depth(); ++l) {
        tensors.push_back({l, false});
        if (network.layers[at(l)].has_bias()) tensors.push_back({l, true});
    }
    return tensors;
}

Matrix<double> jacobian_block(const Network& network, const Reduction& reduction, ParameterTensor tensor,
                              std::span<const SampleGradient> samples, Index first_unit, Index units) {
    const Index fan_in = tensor.is_bias ? 1 : network.layers[at(tensor.layer)].fan_in();
    Matrix<double> J(jacobian_rows(reduction, static_cast<Index>(samples.size())), units * fan_in);
    fill_jacobian_block(network, reduction, tensor, samples, first_unit, units, J.view());
    return J;
}

void add_gram(const Reduction& reduction, ConstMatrixView<double> jacobian, MatrixView<double> K) {
    const bool equal_outputs_only =
        reduction.kind == ReductionKind::trace || reduction.kind == ReductionKind::mean;
    if (!equal_outputs_only) return add_symmetric(jacobian, 1, K);
    const Index outputs = reduction.outputs;
    const double factor = reduction.kind == ReductionKind::mean ? 1 / static_cast<double>(outputs) : 1;
    for (Index r = 0; r < outputs; ++r) {  // every C-th row, from row r on
        add_symmetric({jacobian.row(r), jacobian.rows / outputs, jacobian.cols, outputs * jacobian.ld},
                      factor, K);
    }
}

Matrix<double> reference_kernel(const Network& network, const Reduction& reduction, ParameterTensor tensor,
                                std::span<const SampleGradient> samples, Index start, Index stride) {
    const Layer& layer = network.layers[at(tensor.layer)];
    const Index fan_in = tensor.is_bias ? 1 : layer.fan_in();
    const Index rows = jacobian_rows(reduction, static_cast<Index>(samples.size()));
    const Index units_per_block =
        std::clamp<Index>(block_values / std::max<Index>(rows * fan_in, 1), 1, layer.fan_out());
    AlignedBuffer<double> memory(rows * units_per_block * fan_in);

    const Index kernel_rows =
        reduction.kind == ReductionKind::full ? rows : static_cast<Index>(samples.size());
    Matrix<double> K(kernel_rows, kernel_rows);
    for (Index block = start; block * units_per_block < layer.fan_out(); block += stride) {
        const Index first = block * units_per_block;
        const Index units = std::min(units_per_block, layer.fan_out() - first);
        const MatrixView<double> J{memory.data(), rows, units * fan_in, units * fan_in};
        fill_jacobian_block(network, reduction, tensor, samples, first, units, J);
        add_gram(reduction, J, K.view());
    }
    return K;
}

}  // namespace tangram
