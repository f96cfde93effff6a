// One factor, one change, both, or nothing of the kernel at all; all biases missing.

#include "explanation_search.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace tangram::explaining {

namespace {

/// OTHER = factor (K + change K_k), K_k a component, the identity or the constant.
struct Change {
    Index column = 0;
    double change = 0;
    double uncertainty = 0;
    double factor = 1;
    double factor_uncertainty = 0;
    [[nodiscard]] double amount() const { return factor * change; }
};

enum class Factor { one, free };

std::vector<Change> single_changes(const Search& search, Factor factor) {
    std::vector<Change> changes;
    for (Index k = 0; k < search.columns.fitted(); ++k) {
        if (column_norm(search.problem.factor, k) == 0) continue;
        if (factor == Factor::one) {
            const Fit found = search.fitted({search.unit(k)}, search.kernel());
            if (search.suffices(found))
                changes.push_back({k, found.coefficients[0], found.uncertainties[0] * search.per_entry});
            continue;
        }
        const Fit found = search.fitted({search.kernel(), search.unit(k)}, search.zero());
        const double s = found.coefficients[0];
        const double unsure = found.uncertainties[0] * search.per_entry;
        if (!search.suffices(found) || !(s > deviations * unsure)) continue;
        const double change = found.coefficients[1] / s;
        const double change_unsure =
            (found.uncertainties[1] * search.per_entry + std::abs(change) * unsure) / s;
        changes.push_back({k, change, change_unsure, s, unsure});
    }
    return changes;
}

/// The words for a change, with those for the factor beside it.
std::string with_factor(const Search& search, const Change& change, std::string words) {
    if (change.factor == 1) return words;
    const std::string factor = factor_in_words(change.factor, change.factor_uncertainty, search.facts);
    if (!search.is_component(change.column)) return factor + "; and " + words;
    return words + "; and of what is there, " + factor;
}

std::vector<std::string> names_of(const Search& search, const std::vector<Change>& changes) {
    std::vector<std::string> names;
    for (const Change& change : changes) {
        if (search.is_component(change.column)) names.push_back(search.name(change.column));
    }
    return names;
}

std::string other_reading(const Search& search, const std::vector<Change>& changes) {
    for (const Change& change : changes) {
        if (change.column == search.constant())
            return fmt::format("; in this kernel that is the same as a constant offset of {}",
                               plain(change.amount()));
    }
    return "";
}

Vector changed(const Search& search, const Change& change, double by) {
    Vector weights = search.kernel();
    weights[at(change.column)] += by;
    for (double& weight : weights) weight *= change.factor;
    return weights;
}

/// Some component is not there, or twice: several, where they cannot be told apart.
bool explain_as_missing_or_doubled(const Search& search, const std::vector<Change>& changes,
                                   Explanation& explanation) {
    for (const auto& [wanted, word] : {std::pair{-1.0, "missing"}, std::pair{1.0, "doubled"}}) {
        std::vector<Change> near;
        for (const Change& change : changes) {
            if (search.is_component(change.column) && is_near(change.change, wanted, change.uncertainty))
                near.push_back(change);
        }
        if (near.empty()) continue;
        accept(explanation, changed(search, near.front(), wanted),
               with_factor(search, near.front(),
                           fmt::format("{} {}{}", word, joined(names_of(search, near), " or "),
                                       other_reading(search, changes))));
        return true;
    }
    return false;
}

enum class Factors { with_a_name, any };

bool explain_as_scaled(const Search& search, const std::vector<Change>& changes, Factors factors,
                       Explanation& explanation) {
    std::vector<std::string> readings;
    const Change* first = nullptr;
    for (const Change& change : changes) {
        const double factor = 1 + change.change;
        if (!search.is_component(change.column)) continue;
        if (factors == Factors::with_a_name &&
            component_factor_name(search, change.column, factor, change.uncertainty).empty())
            continue;
        readings.push_back(scaled_in_words(search, change.column, factor, change.uncertainty));
        if (first == nullptr) first = &change;
    }
    if (first == nullptr) return false;
    accept(explanation, changed(search, *first, first->change),
           "scaled " + joined(readings, ", or ") + other_reading(search, changes));
    return true;
}

bool explain_as_offset(const Search& search, const std::vector<Change>& changes, Explanation& explanation) {
    for (const Change& change : changes) {
        if (change.column != search.constant()) continue;
        const std::vector<std::string> names = names_of(search, changes);
        const bool one = names.size() == 1;
        std::string unresolved;
        if (!names.empty()) {
            unresolved = fmt::format(
                "; {} the same in all entries, too: {} missing or doubled does not make this offset, and no fit can assign it to {}",
                one ? names.front() + " is" : joined(names) + " are", one ? "that" : "one of them",
                one ? "it" : "one of them");
        }
        accept(explanation, changed(search, change, change.change),
               with_factor(search, change, offset_in_words(change.amount()) + unresolved));
        return true;
    }
    return false;
}

bool explain_as_ridge(const Search& search, const std::vector<Change>& changes, Explanation& explanation) {
    for (const Change& change : changes) {
        if (change.column != search.identity()) continue;
        accept(explanation, changed(search, change, change.change),
               with_factor(search, change, ridge_in_words(change.amount())));
        return true;
    }
    return false;
}

}  // namespace

bool explain_by_factor(const Search& search, Explanation& explanation) {
    const Fit found = search.fitted({search.kernel()}, search.zero());
    const double factor = found.coefficients[0];
    if (!search.suffices(found) || factor == 0) return false;
    Vector weights = search.kernel();
    for (double& weight : weights) weight *= factor;
    accept(explanation, weights,
           factor_in_words(factor, found.uncertainties[0] * search.per_entry, search.facts));
    return true;
}

/// A constant, or a multiple of the identity, has nothing of the kernel in it.
bool explain_as_nothing_of_it(const Search& search, Explanation& explanation) {
    for (const Index k : {search.constant(), search.identity()}) {
        const Fit found = search.fitted({search.unit(k)}, search.zero());
        if (!search.suffices(found)) continue;
        Vector weights = search.zero();
        weights[at(k)] = found.coefficients[0];
        std::string verdict =
            k == search.constant()
                ? fmt::format("residual: a constant, {} in every entry: nothing of this kernel is in it",
                              plain(weights[at(k)]))
                : fmt::format("residual: {} on the diagonal and 0 elsewhere: nothing of this kernel is in it",
                              plain(weights[at(k)]));
        for (Index c = 0; c < search.components(); ++c) {
            if (search.suffices(search.fitted({}, search.unit(c))))
                verdict += fmt::format(" but {}, which alone is the same", search.name(c));
        }
        accept(explanation, weights, verdict);
        return true;
    }
    return false;
}

bool explain_by_one_change(const Search& search, Explanation& explanation) {
    const std::vector<Change> changes = single_changes(search, Factor::one);
    return explain_as_missing_or_doubled(search, changes, explanation) ||
           explain_as_ridge(search, changes, explanation) ||
           explain_as_scaled(search, changes, Factors::with_a_name, explanation) ||
           explain_as_offset(search, changes, explanation) ||
           explain_as_scaled(search, changes, Factors::any, explanation);
}

bool explain_by_factor_and_change(const Search& search, Explanation& explanation) {
    const std::vector<Change> changes = single_changes(search, Factor::free);
    return explain_as_missing_or_doubled(search, changes, explanation) ||
           explain_as_ridge(search, changes, explanation) || explain_as_offset(search, changes, explanation);
}

/// All biases forgotten, the slip that is made most often: no weight is fitted for it.
bool explain_as_no_biases(const Search& search, Explanation& explanation) {
    Vector weights = search.kernel();
    std::vector<std::string> biases;
    for (Index k = 0; k < search.components(); ++k) {
        if (!search.facts.components[at(k)].is_bias) continue;
        weights[at(k)] = 0;
        biases.push_back(search.name(k));
    }
    if (biases.size() < 2 || !search.suffices(search.fitted({}, weights))) return false;
    accept(explanation, weights, "missing " + joined(biases) + ", all biases");
    return true;
}

}  // namespace tangram::explaining
