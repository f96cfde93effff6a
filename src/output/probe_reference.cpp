#include "probe_reference.hpp"

#include "tangram/kernel/feature_panels.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace tangram {

namespace {

using blas::Op;

/// Everything that the products of one rank are computed from.
struct ProbeContext {
    const mpi::Communicator& comm;
    const Panels& panels;
    const PanelRange& range;  ///< this rank's panels
    const Network& network;
    const Reduction& reduction;
    FeaturePanels& shard;
    std::uint64_t seed;

    [[nodiscard]] double* block(Index panel) const { return shard.block(panel); }
    /// Kernel rows of one sample.
    [[nodiscard]] Index rows() const { return reduction.rows_per_sample(); }
    /// Sensitivities that one kernel row sums over: R, or 1 for full, where each has a row of its own.
    [[nodiscard]] Index rounds() const { return reduction.is_full() ? 1 : reduction.sensitivities(); }
};

/// Sensitivity (d_l) of kernel row `row` of sample i of the panel, in round r. A linear output's is c_L E.
void copy_sensitivity(const ProbeContext& c, Index layer, Index panel, Index i, Index row, Index round,
                      std::span<double> s) {
    const auto width = static_cast<Index>(s.size());
    if (!c.shard.layout().sensitivities[at(layer)].stored()) {
        const Index r = c.reduction.is_full() ? row : round;
        for (Index o = 0; o < width; ++o) {
            s[at(o)] = c.network.layers[at(layer)].output_scale * c.reduction.selects(r, o);
        }
        return;
    }
    const auto S = sensitivity_view(c.shard.layout(), layer, c.block(panel), c.panels.size(panel));
    std::copy_n(S.row(i * c.rows() + row) + round * width, width, s.begin());
}

/// U = sum over a sample's kernel rows of v * S in round r, (n, d_l).
Matrix<double> weighted_sensitivities(const ProbeContext& c, Index layer, Index panel, Index round) {
    const Index width = c.network.layers[at(layer)].fan_out();
    Matrix<double> U(c.panels.size(panel), width);
    std::vector<double> s(at(width));
    for (Index i = 0; i < U.rows(); ++i) {
        for (Index row = 0; row < c.rows(); ++row) {
            const double v = probe_sign(c.seed, (c.panels.begin(panel) + i) * c.rows() + row);
            copy_sensitivity(c, layer, panel, i, row, round, s);
            for (Index j = 0; j < width; ++j) U(i, j) += v * s[at(j)];
        }
    }
    return U;
}

/// products += scale * (S . T) for each kernel row of the panel, T (n, d_l).
void add_row_products(const ProbeContext& c, Index layer, Index panel, Index round, double scale,
                      ConstMatrixView<double> T, std::vector<double>& products) {
    std::vector<double> s(at(T.cols));
    for (Index i = 0; i < T.rows; ++i) {
        for (Index row = 0; row < c.rows(); ++row) {
            copy_sensitivity(c, layer, panel, i, row, round, s);
            double sum = 0;
            for (Index j = 0; j < T.cols; ++j) sum += s[at(j)] * T(i, j);
            products[at((c.panels.begin(panel) + i) * c.rows() + row)] += scale * sum;
        }
    }
}

/// J (J^T v) of one layer's tensors, by kernel row, zero outside this rank's shard.
struct LayerProducts {
    std::vector<double> weight, bias;
};

/// Collective.
LayerProducts layer_products(const ProbeContext& c, Index layer) {
    const Layer& weights = c.network.layers[at(layer)];
    const Index kernel_rows = c.panels.samples * c.rows();
    LayerProducts products{std::vector<double>(at(kernel_rows)), std::vector<double>(at(kernel_rows))};
    const double factor = c.reduction.factor();
    const double a2 = weights.weight_scale * weights.weight_scale * factor;
    const double b2 = weights.bias_scale * weights.bias_scale * factor;
    for (Index round = 0; round < c.rounds(); ++round) {
        Matrix<double> V(weights.fan_out(), weights.fan_in());  // J^T v of the weights
        Matrix<double> u(1, weights.fan_out());                 // of the bias
        for (Index panel = c.range.begin; panel < c.range.end; ++panel) {
            const Matrix<double> U = weighted_sensitivities(c, layer, panel, round);
            const auto X = activation_view(c.shard.layout(), layer, c.block(panel), c.panels.size(panel));
            blas::gemm(Op::transpose, Op::none, 1.0, U.view(), X, 1.0, V.view());
            for (Index i = 0; i < U.rows(); ++i) {
                for (Index j = 0; j < U.cols(); ++j) u(0, j) += U(i, j);
            }
        }
        mpi::sum(c.comm, {V.data(), at(V.size())});
        mpi::sum(c.comm, {u.data(), at(u.size())});
        for (Index panel = c.range.begin; panel < c.range.end; ++panel) {
            const auto X = activation_view(c.shard.layout(), layer, c.block(panel), c.panels.size(panel));
            Matrix<double> T(X.rows, weights.fan_out());
            blas::gemm(Op::none, Op::transpose, 1.0, X, std::as_const(V).view(), 0.0, T.view());
            add_row_products(c, layer, panel, round, a2, T.view(), products.weight);
            for (Index i = 0; i < T.rows(); ++i) std::copy_n(u.data(), T.cols(), T.view().row(i));
            if (weights.has_bias()) add_row_products(c, layer, panel, round, b2, T.view(), products.bias);
        }
    }
    return products;
}

/// Collective. X (X^T v) of one layer's input for this rank's samples.
std::vector<double> conjugate_products(const ProbeContext& c, Index layer) {
    const Index width = c.network.layers[at(layer)].fan_in();
    std::vector<double> w(at(width));
    std::vector<double> products(at(c.panels.samples));
    for (Index panel = c.range.begin; panel < c.range.end; ++panel) {
        const auto X = activation_view(c.shard.layout(), layer, c.block(panel), c.panels.size(panel));
        for (Index i = 0; i < X.rows; ++i) {
            const double v = probe_sign(c.seed, c.panels.begin(panel) + i);
            for (Index j = 0; j < width; ++j) w[at(j)] += v * X(i, j);
        }
    }
    mpi::sum(c.comm, w);
    for (Index panel = c.range.begin; panel < c.range.end; ++panel) {
        const auto X = activation_view(c.shard.layout(), layer, c.block(panel), c.panels.size(panel));
        for (Index i = 0; i < X.rows; ++i) {
            for (Index j = 0; j < width; ++j) products[at(c.panels.begin(panel) + i)] += X(i, j) * w[at(j)];
        }
    }
    return products;
}

void add_to(std::vector<double>& total, const std::vector<double>& part) {
    std::transform(total.begin(), total.end(), part.begin(), total.begin(), std::plus<>());
}

}  // namespace

ProbeReference probe_reference(const mpi::Communicator& comm, const KernelShape& shape,
                               const Distribution& distribution, const Network& network,
                               const Reduction& reduction, const ReadSamples& read_samples,
                               const CheckResources& resources, std::uint64_t seed) {
    FeaturePanels shard(shape.panels, network, reduction, read_samples);
    if (resources.keep_features) shard.compute(distribution.shard, resources.threads);
    const blas::BlasThreads blas_threads(resources.threads);
    const ProbeContext context{comm, shape.panels, distribution.shard, network, reduction, shard, seed};
    ProbeReference reference;
    reference.products.resize(shape.matrices.size());
    std::vector<double>& total = reference.products.back();
    total.resize(at(shape.rows(shape.matrices.back())));
    for (Index layer = 0; layer < network.depth(); ++layer) {
        LayerProducts products = layer_products(context, layer);
        add_to(total, products.weight);
        add_to(total, products.bias);
        for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
            const KernelMatrix& matrix = shape.matrices[m];
            if (matrix.kind == MatrixKind::ntk || matrix.layer != layer) continue;
            switch (matrix.kind) {
                case MatrixKind::weight_component:
                    reference.products[m] = std::move(products.weight);
                    break;
                case MatrixKind::bias_component:
                    reference.products[m] = std::move(products.bias);
                    break;
                default:
                    reference.products[m] = conjugate_products(context, layer);
            }
        }
    }
    return reference;
}

}  // namespace tangram
