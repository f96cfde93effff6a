#include "gram_reference.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/tangent/jacobian_rows.hpp"

#include <algorithm>

namespace tangram {

namespace {

using blas::Op;

/// The parameters of one layer in a vector of all of them.
struct LayerPart {
    Index weight = 0;  ///< where W_l begins
    Index bias = -1;   ///< and B_l; -1: none
};

std::vector<LayerPart> layer_parts(const Network& network) {
    std::vector<LayerPart> parts(network.layers.size());
    for (const ParameterBlock& block : parameter_blocks(network))
        (block.is_bias ? parts[at(block.layer)].bias : parts[at(block.layer)].weight) = block.first;
    return parts;
}

double dot(const double* a, const double* b, Index n) {
    double sum = 0;
    for (Index k = 0; k < n; ++k) sum += a[k] * b[k];
    return sum;
}

/// What one layer adds to y = J u (n, R); returns what it adds to the trace of J J^T.
///
///   y[i, r] += S_l[i, r, .] . (a_l X_{l-1} U_l^T + b_l u_l)[i, .]     |J_l[(i, r)]|^2 = |S_l[i, r, .]|^2 (a_l^2 |x_i|^2 + b_l^2)
double add_forward(const FeatureView& f, Index layer, const LayerPart& part, const std::vector<double>& u,
                   Matrix<double>& y) {
    const Layer& of = f.network.layers[at(layer)];
    const auto X = activation_view(f.layout, layer, f.block, f.samples);
    const ConstMatrixView<double> U{u.data() + part.weight, of.fan_out(), of.fan_in(), of.fan_in()};
    Matrix<double> Z(f.samples, of.fan_out());
    blas::gemm(Op::none, Op::transpose, of.weight_scale, X, U, 0.0, Z.view());
    std::vector<double> s(at(of.fan_out()));
    double trace = 0;
    for (Index i = 0; i < f.samples; ++i) {
        for (Index j = 0; part.bias >= 0 && j < of.fan_out(); ++j)
            Z(i, j) += of.bias_scale * u[at(part.bias + j)];
        double norm = of.weight_scale * of.weight_scale * dot(X.row(i), X.row(i), of.fan_in());
        if (part.bias >= 0) norm += of.bias_scale * of.bias_scale;
        for (Index r = 0; r < y.cols(); ++r) {
            f.copy_sensitivity(layer, i, r, s.data());
            y(i, r) += dot(s.data(), Z.view().row(i), of.fan_out());
            trace += norm * dot(s.data(), s.data(), of.fan_out());
        }
    }
    return trace;
}

/// J^T y of one layer, added to v (P).
void add_backward(const FeatureView& f, Index layer, const LayerPart& part, const Matrix<double>& y,
                  std::vector<double>& v) {
    const Layer& of = f.network.layers[at(layer)];
    Matrix<double> D(f.samples, of.fan_out());  // sum over r of y S_l
    std::vector<double> s(at(of.fan_out()));
    for (Index i = 0; i < f.samples; ++i) {
        for (Index r = 0; r < y.cols(); ++r) {
            f.copy_sensitivity(layer, i, r, s.data());
            for (Index j = 0; j < of.fan_out(); ++j) D(i, j) += y(i, r) * s[at(j)];
        }
        for (Index j = 0; part.bias >= 0 && j < of.fan_out(); ++j)
            v[at(part.bias + j)] += of.bias_scale * D(i, j);
    }
    const auto X = activation_view(f.layout, layer, f.block, f.samples);
    const MatrixView<double> V{v.data() + part.weight, of.fan_out(), of.fan_in(), of.fan_in()};
    blas::gemm(Op::transpose, Op::none, of.weight_scale, D.view(), X, 1.0, V);
}

}  // namespace

GramReference gram_reference(const mpi::Communicator& comm, const Network& network,
                             const Reduction& reduction, FeaturePanels& features, const PanelRange& range,
                             int threads, const std::vector<double>& u) {
    const std::vector<LayerPart> parts = layer_parts(network);
    GramReference reference{std::vector<double>(u.size()), 0};
    for (Index first = range.begin; first < range.end; first += threads) {
        const PanelRange wave{first, std::min<Index>(first + threads, range.end)};
        features.compute(wave, threads);
        const blas::BlasThreads blas_threads(threads);
        for (Index batch = wave.begin; batch < wave.end; ++batch) {
            const FeatureView f{network, reduction, features.layout(), features.block(batch),
                                features.samples().size(batch)};
            Matrix<double> y(f.samples, reduction.sensitivities());
            for (Index l = 0; l < network.depth(); ++l)
                reference.trace += add_forward(f, l, parts[at(l)], u, y);
            for (Index l = 0; l < network.depth(); ++l)
                add_backward(f, l, parts[at(l)], y, reference.products);
        }
    }
    for (double& product : reference.products) product *= reduction.factor();
    reference.trace *= reduction.factor();
    std::vector<double> trace{reference.trace};
    mpi::sum(comm, trace);
    reference.trace = trace[0];
    return reference;
}

}  // namespace tangram
