#include "tangram/checks/outputs_relation.hpp"

#include "tangram/support/error_measures.hpp"
#include "tangram/tangent/features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

namespace tangram {

namespace {

/// One output of theirs from ours: g = a f + b.
struct Fit {
    enum class Kind { same, constant, factor, affine, none } kind = Kind::none;
    double a = 1, b = 0;
    double error = 0;  ///< max |g - a f - b|
};

struct Column {
    ConstMatrixView<double> f, g;
    Index c = 0;

    [[nodiscard]] double error(double a, double b) const {
        double worst = 0;
        for (Index i = 0; i < f.rows; ++i) worst = std::max(worst, std::abs(g(i, c) - a * f(i, c) - b));
        return worst;
    }
};

/// The simplest relation that holds within `allowed`. Needs more samples than the numbers it fits, and outputs that differ
/// among them.
Fit fit_column(const Column& column, double allowed) {
    const auto n = static_cast<double>(column.f.rows);
    double sum_f = 0, sum_g = 0, sum_ff = 0, sum_fg = 0;
    for (Index i = 0; i < column.f.rows; ++i) {
        const double f = column.f(i, column.c), g = column.g(i, column.c);
        sum_f += f;
        sum_g += g;
        sum_ff += f * f;
        sum_fg += f * g;
    }
    const auto tried = [&](Fit::Kind kind, double a, double b) {
        return Fit{kind, a, b, column.error(a, b)};
    };
    const Fit same = tried(Fit::Kind::same, 1, 0);
    if (same.error <= allowed) return same;
    const double spread = column.error(0, sum_g / n);  // of theirs: a constant is related to anything
    if (column.f.rows < 4 || spread <= 100 * allowed) return {};
    const Fit constant = tried(Fit::Kind::constant, 1, (sum_g - sum_f) / n);
    if (constant.error <= allowed) return constant;
    const Fit factor = tried(Fit::Kind::factor, sum_ff > 0 ? sum_fg / sum_ff : 0, 0);
    if (factor.error <= allowed) return factor;
    const double variance = sum_ff - sum_f * sum_f / n;
    if (!(variance > 0)) return {};
    const double a = (sum_fg - sum_f * sum_g / n) / variance;
    const Fit affine = tried(Fit::Kind::affine, a, (sum_g - a * sum_f) / n);
    return affine.error <= allowed ? affine : Fit{};
}

std::string in_words(const Fit& fit) {
    switch (fit.kind) {
        case Fit::Kind::same:
            return "equal to ours";
        case Fit::Kind::constant:
            return fmt::format("ours plus {:.6g}", fit.b);
        case Fit::Kind::factor:
            return fmt::format("{:.6g} times ours", fit.a);
        case Fit::Kind::affine:
            return fmt::format("{:.6g} times ours plus {:.6g}", fit.a, fit.b);
        default:
            return "not to be had from ours by a factor and a constant";
    }
}

/// One line for all outputs, or one each for the first few.
std::vector<std::string> describe(const std::vector<Fit>& fits) {
    constexpr std::size_t most = 10;
    const std::string first = in_words(fits.front());
    const bool are_alike =
        std::all_of(fits.begin(), fits.end(), [&](const Fit& fit) { return in_words(fit) == first; });
    if (are_alike) return {fmt::format("your outputs are {}", first)};
    std::vector<std::string> lines;
    for (std::size_t c = 0; c < std::min(most, fits.size()); ++c)
        lines.push_back(fmt::format("your output {} is {}", c, in_words(fits[c])));
    return lines;
}

/// softmax of row i of f, its largest entry subtracted first.
std::vector<double> softmax(ConstMatrixView<double> f, Index i) {
    std::vector<double> p(f.row(i), f.row(i) + f.cols);
    const double top = *std::max_element(p.begin(), p.end());
    for (double& value : p) value = std::exp(value - top);
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= sum;
    return p;
}

bool is_softmax(ConstMatrixView<double> f, ConstMatrixView<double> g, bool of_logarithm, double allowed) {
    for (Index i = 0; i < f.rows; ++i) {
        const std::vector<double> p = softmax(f, i);
        for (Index c = 0; c < f.cols; ++c) {
            const double expected = of_logarithm ? std::log(p[at(c)]) : p[at(c)];
            if (!(std::abs(g(i, c) - expected) <= allowed)) return false;
        }
    }
    return f.cols > 1;
}

/// For each of the first rows of g the one row of f that equals it; nothing if one has none, or two.
std::optional<std::vector<Index>> other_order(ConstMatrixView<double> f, ConstMatrixView<double> g,
                                              double allowed) {
    constexpr Index most = 200;
    std::vector<Index> places;
    for (Index i = 0; i < std::min(most, g.rows); ++i) {
        Index found = -1;
        for (Index j = 0; j < f.rows; ++j) {
            bool equal = true;
            for (Index c = 0; equal && c < f.cols; ++c) equal = std::abs(g(i, c) - f(j, c)) <= allowed;
            if (!equal) continue;
            if (found >= 0) return std::nullopt;
            found = j;
        }
        if (found < 0) return std::nullopt;
        places.push_back(found);
    }
    return places;
}

}  // namespace

OutputsRelation relate_outputs(ConstMatrixView<double> ours, ConstMatrixView<double> theirs,
                               double tolerance) {
    OutputsRelation relation;
    if (ours.rows == 0) return relation;
    const double size = largest_magnitude(theirs), allowed = tolerance * size;
    std::vector<Fit> fits;
    for (Index c = 0; c < ours.cols; ++c) fits.push_back(fit_column({ours, theirs, c}, allowed));
    const auto is = [&](auto kind) {
        return std::any_of(fits.begin(), fits.end(), [&](const Fit& fit) { return fit.kind == kind; });
    };
    const bool unrelated =
        std::all_of(fits.begin(), fits.end(), [](const Fit& fit) { return fit.kind == Fit::Kind::none; });
    if (!unrelated) relation.lines = describe(fits);
    relation.differs_by_constants =
        is(Fit::Kind::constant) && !is(Fit::Kind::factor) && !is(Fit::Kind::affine) && !is(Fit::Kind::none);
    const bool all_factors = std::all_of(fits.begin(), fits.end(), [&](const Fit& fit) {
        return fit.kind == Fit::Kind::factor &&
               std::abs(fit.a - fits.front().a) <= tolerance * std::abs(fit.a);
    });
    if (all_factors) relation.factor = fits.front().a;
    for (const Fit& fit : fits) relation.error_beyond = std::max(relation.error_beyond, fit.error / size);
    if (!unrelated) return relation;
    const bool of_logarithm = is_softmax(ours, theirs, true, allowed);
    if (of_logarithm || is_softmax(ours, theirs, false, allowed)) {
        relation.lines.push_back(fmt::format(
            "your outputs are the {0} of ours: this is the kernel of the logits; compare with your logits, or give --output-activation {0} for the kernel of the probabilities",
            of_logarithm ? "log_softmax" : "softmax"));
    } else if (const auto order = other_order(ours, theirs, allowed)) {
        std::size_t moved = 0;
        while (moved + 1 < order->size() && (*order)[moved] == static_cast<Index>(moved)) ++moved;
        relation.lines.push_back(fmt::format(
            "your outputs are of the same samples in another order: your row {} is our row {}, of those compared: store outputs and samples in one order",
            moved, (*order)[moved]));
    }
    return relation;
}

std::string fitting_activation(const Network& network, ConstMatrixView<double> X,
                               ConstMatrixView<double> theirs, double tolerance) {
    const double allowed = tolerance * largest_magnitude(theirs);
    Network variant = copy_of(network);
    const auto fits = [&](const Activation& activation, bool of_output) {
        bool any = false;
        for (std::size_t k = 0; k < variant.nodes.size(); ++k) {
            variant.nodes[k].op = network.nodes[k].op;
            auto* op = std::get_if<Activate>(&variant.nodes[k].op);
            if (op == nullptr || (variant.nodes[k].output == network.output) != of_output) continue;
            op->phi = activation;
            any = true;
        }
        if (!any || X.rows == 0) return false;
        const Matrix<double> f = outputs_of(variant, X);
        for (Index i = 0; i < X.rows; ++i) {
            for (Index c = 0; c < theirs.cols; ++c) {
                if (!(std::abs(f(i, c) - theirs(i, c)) <= allowed)) return false;
            }
        }
        return true;
    };
    for (const std::string& name : activation_names()) {
        const Activation activation = parse_activation(name);
        if (fits(activation, false))
            return fmt::format(
                "your outputs are those with another activation of the hidden layers: --activation {}", name);
        if (fits(activation, true))
            return fmt::format(
                "your outputs are those with another activation of the output: --output-activation {}", name);
    }
    return "";
}

std::string factor_option(const Network& network, double factor) {
    std::string scales;
    for (const Node& node : network.nodes) {
        const std::optional<double> own = output_scale_of(node.op);
        if (!own) continue;
        const double scale = *own * (node.output == network.output ? factor : 1);
        scales += fmt::format("{}{}", scales.empty() ? "" : ",", scale);
    }
    return fmt::format("their kernel is {:.6g} times ours: --output-scale {}", factor * factor, scales);
}

}  // namespace tangram
