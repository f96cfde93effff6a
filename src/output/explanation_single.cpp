// One change explains the other kernel, or all biases are missing.

#include "explanation_search.hpp"

#include <fmt/format.h>

#include <utility>

namespace tangram::explaining {

namespace {

/// OTHER = K + change K_k, or + change where k is the constant.
struct Change {
    Index column = 0;
    double change = 0;
    double uncertainty = 0;
};

std::vector<Change> single_changes(const Search& search) {
    std::vector<Change> changes;
    for (Index k = 0; k < search.columns; ++k) {
        if (column_norm(search.problem.factor, k) == 0) continue;
        const Fit found = search.fitted({search.unit(k)}, search.kernel());
        if (search.suffices(found))
            changes.push_back({k, found.coefficients[0], found.uncertainties[0] * search.per_entry});
    }
    return changes;
}

std::vector<std::string> names_of(const Search& search, const std::vector<Change>& changes) {
    std::vector<std::string> names;
    for (const Change& change : changes) {
        if (change.column != search.constant()) names.push_back(search.name(change.column));
    }
    return names;
}

std::string other_reading(const Search& search, const std::vector<Change>& changes) {
    for (const Change& change : changes) {
        if (change.column == search.constant())
            return fmt::format("; in this kernel that is the same as a constant offset of {}",
                               plain(change.change));
    }
    return "";
}

Vector changed(const Search& search, const Change& change, double by) {
    Vector weights = search.kernel();
    weights[at(change.column)] += by;
    return weights;
}

/// Some component is not there, or twice: several, where they cannot be told apart.
bool explain_as_missing_or_doubled(const Search& search, const std::vector<Change>& changes,
                                   Explanation& explanation) {
    for (const auto& [wanted, word] : {std::pair{-1.0, "missing"}, std::pair{1.0, "doubled"}}) {
        std::vector<Change> near;
        for (const Change& change : changes) {
            if (change.column != search.constant() && is_near(change.change, wanted, change.uncertainty))
                near.push_back(change);
        }
        if (near.empty()) continue;
        accept(explanation, changed(search, near.front(), wanted),
               fmt::format("{} {}{}", word, joined(names_of(search, near), " or "),
                           other_reading(search, changes)));
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
        if (change.column == search.constant()) continue;
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
                "; {} the same in all entries, too: {} missing or doubled does not make this offset, "
                "and no fit can assign it to {}",
                one ? names.front() + " is" : joined(names) + " are", one ? "that" : "one of them",
                one ? "it" : "one of them");
        }
        accept(explanation, changed(search, change, change.change),
               fmt::format("offset {} in every entry{}", plain(change.change), unresolved));
        return true;
    }
    return false;
}

}  // namespace

bool explain_by_one_change(const Search& search, Explanation& explanation) {
    const std::vector<Change> changes = single_changes(search);
    return explain_as_missing_or_doubled(search, changes, explanation) ||
           explain_as_scaled(search, changes, Factors::with_a_name, explanation) ||
           explain_as_offset(search, changes, explanation) ||
           explain_as_scaled(search, changes, Factors::any, explanation);
}

/// All biases forgotten, the slip that is made most often: no weight is fitted for it.
bool explain_as_no_biases(const Search& search, Explanation& explanation) {
    Vector weights = search.kernel();
    std::vector<std::string> biases;
    for (Index k = 0; k < search.constant(); ++k) {
        if (!search.facts.components[at(k)].is_bias) continue;
        weights[at(k)] = 0;
        biases.push_back(search.name(k));
    }
    if (biases.size() < 2 || !search.suffices(search.fitted({}, weights))) return false;
    accept(explanation, weights, "missing " + joined(biases) + ", all biases");
    return true;
}

}  // namespace tangram::explaining
