// Rows of J of a weight on positions, and their action on vectors, sample by sample from features in float64:
//
//   G_ir = c S_ir X_i^T (d_out, d_in) of each group        J^T y = c sum over i of (sum over r of y_ir S_ir) X_i^T
//   J u  = S_ir . (c U X_i)

#include "positions.hpp"
#include "sensitivities.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <utility>

namespace tangram::forms {

namespace {

using blas::Op;

/// What all of a step's samples share.
struct Applied {
    explicit Applied(const FeatureView& f, const Step& step)
        : use(weight_use_of(f.network, step.use)), X(f.X(step)), memory(input_values(use, use.d_in)) {}
    WeightUse use;
    ConstMatrixView<double> X;
    AlignedBuffer<double> memory;

    [[nodiscard]] ConstMatrixView<double> inputs(Index i, Index group) const {
        return own_inputs<double>(use, X.row(i), group, 0, use.d_in, memory.data());
    }
    /// Of the weight or its gradient, as it lies: a group's part.
    template <class T>
    [[nodiscard]] MatrixView<T> weight(T* W, Index group) const {
        const Index rows = use.lies_by_input ? use.d_in : use.d_out,
                    cols = use.lies_by_input ? use.d_out : use.d_in;
        return {W + group * rows * cols, rows, cols, cols};
    }
    /// G (P_t), but for c, of sensitivities s.
    void gradient(Index i, const double* s, double* G) const {
        const OwnSensitivities<double> S{use, s, 0};
        for (Index g = 0; g < use.groups; ++g)
            make_gradient(use, S.of(g, 0), inputs(i, g), use.lies_by_input, weight(G, g));
    }
};

/// Only the units that the run lies in are made.
template <class T>
void fill_entries(const FeatureView& f, const Step& step, std::size_t which, Index i, const double* s,
                  const EntryRun& run, T* out) {
    const Applied applied(f, step);
    const WeightUse& use = applied.use;
    const double scale = step.tensors[which].scale;
    const Index width = use.lies_by_input ? use.d_out : use.d_in;  // entries of a unit
    const Index of_group = use.d_out * use.d_in;
    const OwnSensitivities<double> S{use, s, 0};
    for (Index p = run.begin; p < run.begin + run.length;) {
        const Index group = p / of_group, end = std::min(run.begin + run.length, (group + 1) * of_group);
        const Index first = p % of_group / width, units = (end - 1) % of_group / width - first + 1;
        const auto X = applied.inputs(i, group), S_g = S.of(group, 0);
        Matrix<double> G(units, width);
        if (use.by_position && use.lies_by_input)
            make_gradient(use, S_g, X.block(0, first, X.rows, units), true, G.view());
        else if (use.by_position)
            make_gradient(use, S_g.block(0, first, S_g.rows, units), X, false, G.view());
        else
            make_gradient(use, S_g.row_block(first, units), X, false, G.view());
        const double* const from = G.data() + p % of_group - first * width;
        for (Index k = 0; k < end - p; ++k) *out++ = static_cast<T>(scale * from[k]);
        p = end;
    }
}

/// take(G) for each sample and row, with G (P_t) times c.
template <class Take>
void for_each_gradient(const FeatureView& f, const Step& step, Take take) {
    const Applied applied(f, step);
    std::vector<double> s(at(f.width(step))), G(at(applied.use.parameters()));
    for (Index i = 0; i < f.samples; ++i) {
        for (Index r = 0; r < f.reduction.sensitivities(); ++r) {
            f.copy_sensitivity(step, i, r, s.data());
            applied.gradient(i, s.data(), G.data());
            for (double& g : G) g *= step.tensors[0].scale;
            take(G);
        }
    }
}

void add_squares(const FeatureView& f, const Step& step, std::size_t /*which*/, double* squares) {
    for_each_gradient(f, step, [&](const std::vector<double>& G) {
        for (std::size_t p = 0; p < G.size(); ++p) squares[p] += G[p] * G[p];
    });
}

double size(const FeatureView& f, const Step& step) {
    double sum = 0;
    for_each_gradient(f, step, [&](const std::vector<double>& G) {
        for (const double g : G) sum += g * g;
    });
    return sum;
}

void transposed_action(const FeatureView& f, const Step& step, Index first, ConstMatrixView<double> y,
                       const StepParameters& out) {
    const Applied applied(f, step);
    const WeightUse& use = applied.use;
    const Matrix<double> D = weighted_sensitivities(f, step, first, y);
    const Op left = use.by_position ? Op::transpose : Op::none,
             right = use.by_position ? Op::none : Op::transpose;
    for (Index i = 0; i < f.samples; ++i) {
        const OwnSensitivities<double> S{use, D.view().row(i), 0};
        for (Index g = 0; g < use.groups; ++g) {
            const auto X = applied.inputs(i, g), S_g = S.of(g, 0);
            blas::gemm(left, right, step.tensors[0].scale, use.lies_by_input ? X : S_g,
                       use.lies_by_input ? S_g : X, 1.0, applied.weight(out[0], g));
        }
    }
}

void action(const FeatureView& f, const Step& step, Index first, const StepParameters& u,
            std::vector<Matrix<double>>& y) {
    const Applied applied(f, step);
    const WeightUse& use = applied.use;
    Matrix<double> Z(f.samples, f.width(step));
    for (Index i = 0; i < f.samples; ++i) {
        for (Index g = 0; g < use.groups; ++g) {
            const auto X = applied.inputs(i, g);
            const ConstMatrixView<double> U = applied.weight(u[0], g);
            double* const z = Z.view().row(i) + g * use.d_out * use.positions;
            const Op op = use.lies_by_input ? Op::transpose : Op::none;
            if (use.by_position) {
                blas::gemm(Op::none, use.lies_by_input ? Op::none : Op::transpose, step.tensors[0].scale, X,
                           U, 0.0, {z, use.positions, use.d_out, use.d_out});
            } else {
                blas::gemm(op, Op::none, step.tensors[0].scale, U, X, 0.0,
                           {z, use.d_out, use.positions, use.positions});
            }
        }
    }
    add_row_products(f, step, first, std::as_const(Z).view(), y[0]);
}

}  // namespace

const JacobianRoutines sum_jacobian{
    fill_entries<double>, fill_entries<float>, add_squares, transposed_action, action, size};

}  // namespace tangram::forms
