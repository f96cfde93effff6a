#include "tangram/tangent/reference/sample_rows.hpp"

#include "tangram/support/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tangram {

namespace {

using Outputs = std::span<const double>;

double softplus(double s) {
    return s > 0 ? s + std::log1p(std::exp(-s)) : std::log1p(std::exp(s));
}

double sigmoid(double s) {
    return s > 0 ? 1 / (1 + std::exp(-s)) : std::exp(s) / (1 + std::exp(s));
}

double largest_other(Outputs y, std::size_t own) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t o = 0; o < y.size(); ++o) largest = o == own ? largest : std::max(largest, y[o]);
    return largest;
}

/// m of class `own`.
double margin(Outputs y, std::size_t own) {
    const double shift = largest_other(y, own);
    double sum = 0;
    for (std::size_t o = 0; o < y.size(); ++o) sum += o == own ? 0 : std::exp(y[o] - shift);
    return y[own] - shift - std::log(sum);
}

/// row += factor dm/dy
void add_margin_gradient(Outputs y, std::size_t own, double factor, double* row) {
    const double shift = largest_other(y, own);
    double sum = 0;
    for (std::size_t o = 0; o < y.size(); ++o) sum += o == own ? 0 : std::exp(y[o] - shift);
    for (std::size_t o = 0; o < y.size(); ++o)
        row[o] += o == own ? factor : -factor * (std::exp(y[o] - shift) / sum);
}

/// What the reference does for one rule of E.
struct RowFunctions {
    void (*gradients)(const Reduction&, Index sample, Outputs y, Matrix<double>& E);
    /// |E| before cancellation; null where nothing cancels.
    void (*sizes)(const Reduction&, Index sample, Outputs y, Matrix<double>& E);
    /// F at y; `middle`: the sample's own outputs.
    void (*values)(const Reduction&, Index sample, Outputs middle, Outputs y, std::vector<double>& F);
};

double target(const Reduction& reduction, Index sample, std::size_t output) {
    const Targets& targets = *reduction.targets;
    if (targets.are_classes()) return targets.classes[at(sample)] == static_cast<Index>(output) ? 1 : 0;
    return targets.values(sample, static_cast<Index>(output));
}

constexpr RowFunctions cross_entropy{
    [](const Reduction& reduction, Index sample, Outputs y, Matrix<double>& E) {
        for (std::size_t c = 0; c < y.size(); ++c) {
            const double t = target(reduction, sample, c);
            if (t != 0) add_margin_gradient(y, c, -t * sigmoid(-margin(y, c)), E.data());
        }
    },
    nullptr,
    [](const Reduction& reduction, Index sample, Outputs /*middle*/, Outputs y, std::vector<double>& F) {
        for (std::size_t c = 0; c < y.size(); ++c) {
            const double t = target(reduction, sample, c);
            if (t != 0) F[0] += t * softplus(-margin(y, c));
        }
    }};

constexpr RowFunctions mse{
    [](const Reduction& reduction, Index sample, Outputs y, Matrix<double>& E) {
        for (std::size_t o = 0; o < y.size(); ++o)
            E.data()[o] = (y[o] - target(reduction, sample, o)) / (static_cast<double>(y.size()) / 2);
    },
    [](const Reduction& reduction, Index sample, Outputs y, Matrix<double>& E) {
        for (std::size_t o = 0; o < y.size(); ++o)
            E.data()[o] = (std::abs(y[o]) + std::abs(target(reduction, sample, o))) /
                          (static_cast<double>(y.size()) / 2);
    },
    [](const Reduction& reduction, Index sample, Outputs /*middle*/, Outputs y, std::vector<double>& F) {
        for (std::size_t o = 0; o < y.size(); ++o) {
            const double off = y[o] - target(reduction, sample, o);
            F[0] += off * off / static_cast<double>(y.size());
        }
    }};

constexpr RowFunctions own_margin{
    [](const Reduction& reduction, Index sample, Outputs y, Matrix<double>& E) {
        add_margin_gradient(y, at(reduction.targets->classes[at(sample)]), 1, E.data());
    },
    nullptr,
    [](const Reduction& reduction, Index sample, Outputs /*middle*/, Outputs y, std::vector<double>& F) {
        F[0] = margin(y, at(reduction.targets->classes[at(sample)]));
    }};

/// sqrt(p) of one class.
double root(Outputs y, std::size_t own) {
    return std::exp(-softplus(-margin(y, own)) / 2);
}

constexpr RowFunctions sqrt_hessian{
    [](const Reduction& /*reduction*/, Index /*sample*/, Outputs y, Matrix<double>& E) {
        for (std::size_t r = 0; r < y.size(); ++r)
            add_margin_gradient(y, r, root(y, r) * sigmoid(-margin(y, r)),
                                E.view().row(static_cast<Index>(r)));
    },
    nullptr,
    [](const Reduction& /*reduction*/, Index /*sample*/, Outputs middle, Outputs y, std::vector<double>& F) {
        for (std::size_t r = 0; r < y.size(); ++r) F[r] = -root(middle, r) * softplus(-margin(y, r));
    }};

const RowFunctions& functions_of(const Reduction& reduction);

/// visit(outputs of one network, where they begin) of each of those that are side by side.
template <class Visit>
void for_each_network(const Reduction& one, Outputs y, Visit visit) {
    const std::size_t C = at(one.outputs);
    for (std::size_t first = 0; first < y.size(); first += C) visit(y.subspan(first, C), first);
}

void copy_columns(const Matrix<double>& from, std::size_t first, Matrix<double>& to) {
    for (Index r = 0; r < from.rows(); ++r)
        std::copy_n(from.view().row(r), from.cols(), to.view().row(r) + first);
}

constexpr RowFunctions joined{
    [](const Reduction& reduction, Index sample, Outputs y, Matrix<double>& E) {
        const Reduction& one = *reduction.joined;
        for_each_network(one, y, [&](Outputs of_one, std::size_t first) {
            Matrix<double> own(E.rows(), one.outputs);
            functions_of(one).gradients(one, sample, of_one, own);
            copy_columns(own, first, E);
        });
    },
    [](const Reduction& reduction, Index sample, Outputs y, Matrix<double>& E) {
        const Reduction& one = *reduction.joined;
        const RowFunctions& functions = functions_of(one);
        for_each_network(one, y, [&](Outputs of_one, std::size_t first) {
            Matrix<double> own(E.rows(), one.outputs);
            (functions.sizes != nullptr ? functions.sizes : functions.gradients)(one, sample, of_one, own);
            for (Index k = 0; k < own.size(); ++k) own.data()[k] = std::abs(own.data()[k]);
            copy_columns(own, first, E);
        });
    },
    [](const Reduction& reduction, Index sample, Outputs middle, Outputs y, std::vector<double>& F) {
        const Reduction& one = *reduction.joined;
        for_each_network(one, y, [&](Outputs of_one, std::size_t first) {
            std::vector<double> own(F.size());
            functions_of(one).values(one, sample, middle.subspan(first, of_one.size()), of_one, own);
            for (std::size_t r = 0; r < F.size(); ++r) F[r] += own[r];
        });
    }};

const RowFunctions& functions_of(const Reduction& reduction) {
    if (reduction.joined) return joined;
    if (reduction.kind == ReductionKind::loss) return reduction.loss == Loss::mse ? mse : cross_entropy;
    if (reduction.kind == ReductionKind::margin) return own_margin;
    if (reduction.weights == RowWeights::sqrt_hessian) return sqrt_hessian;
    fail(ExitCode::failed, "{} has no rows of a sample's own", to_string(reduction.kind));
}

}  // namespace

void give_rows(SampleGradient& sample) {
    const Reduction& reduction = *sample.of_outputs;
    const RowFunctions& functions = functions_of(reduction);
    std::fill_n(sample.E.data(), sample.E.size(), 0.0);
    functions.gradients(reduction, sample.sample, sample.outputs, sample.E);
    if (functions.sizes != nullptr)
        functions.sizes(reduction, sample.sample, sample.outputs, sample.E_sizes);
    else
        std::transform(sample.E.data(), sample.E.data() + sample.E.size(), sample.E_sizes.data(),
                       [](double e) { return std::abs(e); });
}

std::vector<double> row_functions(const SampleGradient& sample, std::span<const double> y) {
    const Reduction& reduction = *sample.of_outputs;
    std::vector<double> F(at(reduction.sensitivities()));
    functions_of(reduction).values(reduction, sample.sample, sample.outputs, y, F);
    return F;
}

}  // namespace tangram
