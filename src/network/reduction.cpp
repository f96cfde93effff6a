#include "tangram/network/reduction.hpp"

#include "rows/rules.hpp"
#include "tangram/support/error.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tangram {

namespace {

struct KindName {
    ReductionKind kind;
    const char* name;
    bool is_option;  ///< of --reduction
};
constexpr std::array kind_names{
    KindName{ReductionKind::trace, "trace", true},  KindName{ReductionKind::mean, "mean", true},
    KindName{ReductionKind::sum, "sum", true},      KindName{ReductionKind::full, "full", true},
    KindName{ReductionKind::loss, "loss", true},    KindName{ReductionKind::margin, "margin", true},
    KindName{ReductionKind::logit, "logit", false}, KindName{ReductionKind::rows, "rows", false},
};

/// "outputs 0, 3 of 10", "10 outputs"
std::string outputs_in_words(const Reduction& reduction) {
    constexpr std::size_t most_named = 8;
    const std::vector<Index>& chosen = reduction.chosen;
    if (chosen.empty()) return fmt::format("{} outputs", reduction.outputs);
    if (chosen.size() > most_named)
        return fmt::format("{} chosen of {} outputs", chosen.size(), reduction.outputs);
    return fmt::format("outputs {} of {}", fmt::join(chosen, ", "), reduction.outputs);
}

}  // namespace

const RowRule& Reduction::rule() const {
    if (joined) return joined->is_constant() ? rows::joined : rows::joined_by_sample;
    switch (kind) {
        case ReductionKind::rows:
            return rows::given;
        case ReductionKind::loss:
            return loss == Loss::mse ? rows::mse : rows::cross_entropy;
        case ReductionKind::margin:
            return rows::margin;
        case ReductionKind::logit:
            return rows::single;
        case ReductionKind::sum:
            return rows::summed;
        default:
            if (weights == RowWeights::sqrt_hessian) return rows::sqrt_hessian;
            return combinations ? rows::combined : rows::selected;
    }
}

Index Reduction::outputs_that_count() const {
    return chosen.empty() ? outputs : static_cast<Index>(chosen.size());
}

Index Reduction::sensitivities() const {
    return rule().count(*this);
}

Index Reduction::rows_per_sample() const {
    return is_full() ? sensitivities() : 1;
}

double Reduction::factor() const {
    return kind == ReductionKind::mean ? 1.0 / static_cast<double>(sensitivities()) : 1.0;
}

bool Reduction::is_every_output() const {
    return &rule() == &rows::selected && chosen.empty();
}

bool Reduction::is_constant() const {
    return !rule().by_sample;
}

bool Reduction::needs_outputs() const {
    return rule().weight == nullptr;
}

double Reduction::weight(Index sample, Index r, Index output) const {
    return rule().weight(*this, sample, r, output);
}

void Reduction::fill_rows(Index sample, const double* y, MatrixView<double> E) const {
    const RowRule& how = rule();
    if (how.fill != nullptr) return how.fill(*this, sample, y, E);
    for (Index r = 0; r < E.rows; ++r) {
        for (Index o = 0; o < E.cols; ++o) E(r, o) = how.weight(*this, sample, r, o);
    }
}

Reduction of_some_samples(const Reduction& reduction, std::span<const std::int64_t> samples) {
    Reduction some = reduction;
    if (reduction.joined)
        some.joined = std::make_shared<const Reduction>(of_some_samples(*reduction.joined, samples));
    const auto rows_of = [&](const Matrix<double>& all, Index rows_each) {
        Matrix<double> rows(static_cast<Index>(samples.size()) * rows_each, all.cols());
        for (std::size_t k = 0; k < samples.size(); ++k)
            std::copy_n(all.view().row(samples[k] * rows_each), rows_each * all.cols(),
                        rows.view().row(static_cast<Index>(k) * rows_each));
        return rows;
    };
    if (reduction.by_sample)
        some.by_sample =
            std::make_shared<const Matrix<double>>(rows_of(*reduction.by_sample, reduction.rows_of_sample));
    if (reduction.targets) {
        Targets targets;
        if (reduction.targets->are_classes()) {
            for (const std::int64_t sample : samples)
                targets.classes.push_back(reduction.targets->classes[at(sample)]);
        } else {
            targets.values = rows_of(reduction.targets->values, 1);
        }
        some.targets = std::make_shared<const Targets>(std::move(targets));
    }
    return some;
}

ReductionKind parse_reduction(const std::string& name) {
    for (const KindName& known : kind_names) {
        if (known.is_option && name == known.name) return known.kind;
    }
    fail(
        ExitCode::usage,
        "unknown reduction '{}': use trace, mean, sum, full, loss or margin, or --logit K for a single output",
        name);
}

Loss parse_loss(const std::string& name) {
    if (name == to_string(Loss::cross_entropy)) return Loss::cross_entropy;
    if (name == to_string(Loss::mse)) return Loss::mse;
    fail(ExitCode::usage, "unknown loss '{}': use cross-entropy or mse", name);
}

std::string to_string(ReductionKind kind) {
    for (const KindName& known : kind_names) {
        if (kind == known.kind) return known.name;
    }
    fail(ExitCode::failed, "a reduction without a name");
}

std::string to_string(Loss loss) {
    return loss == Loss::mse ? "mse" : "cross-entropy";
}

std::string describe(const Reduction& reduction) {
    if (reduction.joined) return describe(*reduction.joined);
    const std::string name = to_string(reduction.kind);
    const std::string of = outputs_in_words(reduction);
    switch (reduction.kind) {
        case ReductionKind::logit:
            return fmt::format("logit {} of {}", reduction.logit, of);
        case ReductionKind::loss:
            return fmt::format("gradients of the {} loss of {}", to_string(reduction.loss), of);
        case ReductionKind::margin:
            return fmt::format("gradients of the margin, log p/(1-p) of the own class, of {}", of);
        default:
            if (reduction.weights == RowWeights::sqrt_hessian)
                return fmt::format("{} of {}, weighted by the root of the cross-entropy's Hessian", name, of);
            if (!reduction.combinations) return fmt::format("{} of {}", name, of);
            return fmt::format("{} of {} random combinations (seed {}) of {}", name,
                               reduction.sensitivities(), reduction.seed, of);
    }
}

}  // namespace tangram
