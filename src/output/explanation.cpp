#include "tangram/output/explanation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace tangram {

namespace {

/// Columns whose angle has a smaller sine are one and the same but for a factor.
constexpr double same_direction = 3e-5;
/// A weight that is known less well than this says nothing.
constexpr double well_known = 0.01;
/// A fit of several weights says something only where there are so many times more different entries.
constexpr double entries_a_weight = 2;
/// So many times its uncertainty a weight may be off from the number that it is taken for.
constexpr double deviations = 2;

using Vector = std::vector<double>;

struct Search {
    const FitProblem& problem;
    const KernelFacts& facts;
    Index columns = 0;     ///< components, then the constant
    double enough = 0;     ///< the residual that the best fit leaves, with some room
    double per_entry = 0;  ///< what an entry may be off by: scales uncertainties
    [[nodiscard]] Index constant() const { return columns - 1; }
    [[nodiscard]] Vector zero() const { return Vector(at(columns), 0); }
    [[nodiscard]] Vector unit(Index k) const {
        Vector v = zero();
        v[at(k)] = 1;
        return v;
    }
    /// 1 for all components, 0 for the constant.
    [[nodiscard]] Vector kernel() const {
        Vector v(at(columns), 1);
        v.back() = 0;
        return v;
    }
    [[nodiscard]] Fit fitted(const std::vector<Vector>& basis, const Vector& fixed) const {
        return fit(problem.factor, problem.entries, basis, fixed);
    }
    [[nodiscard]] bool suffices(const Fit& found) const { return found.residual <= enough; }
    [[nodiscard]] const std::string& name(Index k) const { return facts.components[at(k)].name; }
};

bool is_near(double value, double wanted, double uncertainty) {
    return std::abs(value - wanted) <=
           std::max(deviations * uncertainty, 2e-6 * std::max(1.0, std::abs(wanted)));
}

std::string joined(const std::vector<std::string>& names, const char* separator = ", ") {
    return fmt::format("{}", fmt::join(names, separator));
}

void accept(Explanation& explanation, const Vector& weights, std::string verdict) {
    explanation.holds = true;
    explanation.weights.assign(weights.begin(), weights.end() - 1);
    explanation.offset = weights.back();
    explanation.verdict = std::move(verdict);
}

// ---- one factor

std::string factor_in_words(double factor, double uncertainty, const KernelFacts& facts) {
    const double relative = deviations * uncertainty / std::abs(factor);
    const auto C = static_cast<double>(facts.outputs);
    const std::string name = name_of_total_factor(factor, relative, facts);
    if (facts.outputs > 1 && facts.reduction == "trace" && is_near(factor * C, 1, uncertainty * C)) {
        return fmt::format(
            "mean over outputs, where this kernel has their sum (the trace): {} times it, which is 1/C (C = "
            "{})",
            plain(factor), facts.outputs);
    }
    if (facts.outputs > 1 && facts.reduction == "mean" && is_near(factor / C, 1, uncertainty / C)) {
        return fmt::format(
            "sum over outputs (the trace), where this kernel has their mean: {} times it, which is C (C = "
            "{})",
            plain(factor), facts.outputs);
    }
    return fmt::format("factor {} for all entries{}", plain(factor), name);
}

bool explain_by_factor(const Search& search, Explanation& explanation) {
    const Fit found = search.fitted({search.kernel()}, search.zero());
    if (!search.suffices(found)) return false;
    Vector weights = search.kernel();
    for (double& weight : weights) weight *= found.coefficients[0];
    accept(explanation, weights,
           factor_in_words(found.coefficients[0], found.uncertainties[0] * search.per_entry, search.facts));
    return true;
}

// ---- one change

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

std::string component_factor_name(const Search& search, Index k, double factor, double uncertainty) {
    if (!(factor > 0)) return "";
    return name_of_component_factor(factor, deviations * uncertainty / factor, search.facts,
                                    search.facts.components[at(k)]);
}

std::string scaled_in_words(const Search& search, Index k, double factor, double uncertainty) {
    return fmt::format("{} by {}{}", search.name(k), plain(factor),
                       component_factor_name(search, k, factor, uncertainty));
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

// ---- several changes

/// Columns that cannot be told apart; their sum is fitted as one.
struct Group {
    std::vector<Index> members;
    bool has_constant = false;
    double weight = 0;
    double uncertainty = 0;
};

/// b of a group: its components together, or the constant alone.
Vector direction(const Search& search, const Group& group) {
    Vector v = search.zero();
    for (const Index k : group.members) v[at(k)] = 1;
    if (group.has_constant && group.members.size() > 1) v.back() = 0;
    return v;
}

std::vector<Group> collinear_groups(const Search& search) {
    std::vector<Group> groups;
    for (Index k = 0; k < search.columns; ++k) {
        if (column_norm(search.problem.factor, k) == 0) continue;
        const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
            return sine_between(search.problem.factor, group.members.front(), k) < same_direction;
        });
        Group& group = same == groups.end() ? groups.emplace_back() : *same;
        group.members.push_back(k);
        group.has_constant = group.has_constant || k == search.constant();
    }
    return groups;
}

Fit fit_groups(const Search& search, std::vector<Group>& groups) {
    std::vector<Vector> basis;
    for (const Group& group : groups) basis.push_back(direction(search, group));
    Fit found = search.fitted(basis, search.zero());
    const double per_entry = std::max(found.residual, search.problem.rounding);
    for (std::size_t g = 0; g < groups.size(); ++g) {
        groups[g].weight = found.coefficients[g];
        groups[g].uncertainty = found.uncertainties[g] * per_entry;
    }
    return found;
}

bool is_constant_alone(const Group& group) {
    return group.has_constant && group.members.size() == 1;
}

std::vector<std::string> member_names(const Search& search, const Group& group) {
    std::vector<std::string> names;
    for (const Index k : group.members) {
        if (k != search.constant()) names.push_back(search.name(k));
    }
    return names;
}

/// What the verdict will say.
struct Said {
    std::vector<std::string> missing, doubled, scaled;
    std::optional<double> offset;
    [[nodiscard]] std::string sentence() const {
        std::vector<std::string> parts;
        if (!missing.empty()) parts.push_back("missing " + joined(missing));
        if (!doubled.empty()) parts.push_back("doubled " + joined(doubled));
        if (!scaled.empty()) parts.push_back("scaled " + joined(scaled));
        if (offset) parts.push_back(fmt::format("offset {} in every entry", plain(*offset)));
        return joined(parts, "; ");
    }
};

/// The subset of a group's components without which, or with which twice, its weight is what was found.
std::optional<Said> subset_of(const Search& search, const Group& group, Vector& weights) {
    std::vector<Index> members;
    for (const Index k : group.members) {
        if (k != search.constant()) members.push_back(k);
    }
    constexpr std::size_t most_members = 12;
    if (members.size() < 2 || members.size() > most_members) return std::nullopt;
    double all = 0;
    for (const Index k : members) all += column_norm(search.problem.factor, k);
    for (const double sign : {-1.0, 1.0}) {
        for (std::size_t size = 1; size <= members.size(); ++size) {
            for (std::size_t chosen = 1; chosen < std::size_t{1} << members.size(); ++chosen) {
                if (static_cast<std::size_t>(__builtin_popcountll(chosen)) != size) continue;
                double part = 0;
                for (std::size_t m = 0; m < members.size(); ++m) {
                    if ((chosen >> m & 1U) != 0) part += column_norm(search.problem.factor, members[m]);
                }
                if (!is_near(group.weight, 1 + sign * part / all, group.uncertainty)) continue;
                Said said;
                for (std::size_t m = 0; m < members.size(); ++m) {
                    const bool in = (chosen >> m & 1U) != 0;
                    weights[at(members[m])] = in ? 1 + sign : 1;
                    if (in) (sign < 0 ? said.missing : said.doubled).push_back(search.name(members[m]));
                }
                return said;
            }
        }
    }
    return std::nullopt;
}

void judge_group(const Search& search, const Group& group, Vector& weights, Said& said) {
    if (is_constant_alone(group)) {
        const bool none = std::abs(group.weight) <= deviations * group.uncertainty;
        weights.back() = none ? 0 : group.weight;
        if (!none) said.offset = group.weight;
        return;
    }
    for (const Index k : group.members) weights[at(k)] = k == search.constant() ? 0 : 1;
    if (group.uncertainty > well_known || is_near(group.weight, 1, group.uncertainty)) return;
    if (const auto subset = subset_of(search, group, weights)) {
        said.missing.insert(said.missing.end(), subset->missing.begin(), subset->missing.end());
        said.doubled.insert(said.doubled.end(), subset->doubled.begin(), subset->doubled.end());
        return;
    }
    const std::vector<std::string> names = member_names(search, group);
    double weight = group.weight;
    if (is_near(weight, 0, group.uncertainty)) {
        weight = 0;
        said.missing.insert(said.missing.end(), names.begin(), names.end());
    } else if (is_near(weight, 2, group.uncertainty)) {
        weight = 2;
        said.doubled.insert(said.doubled.end(), names.begin(), names.end());
    } else if (names.size() == 1) {
        said.scaled.push_back(scaled_in_words(search, group.members.front(), weight, group.uncertainty));
    } else {
        said.scaled.push_back(
            fmt::format("{} together by {} (they are the same but for a factor: no fit can tell them apart)",
                        joined(names, " and "), plain(weight)));
    }
    for (const Index k : group.members) {
        if (k != search.constant()) weights[at(k)] = weight;
    }
}

/// The factor that all components have that are not missing, two at least; nothing if there is none but 1.
std::optional<Group> common_factor(const std::vector<Group>& groups) {
    std::optional<Group> best;  // the one that is known best
    std::size_t count = 0;
    for (const Group& group : groups) {
        if (is_constant_alone(group) || group.uncertainty > well_known ||
            is_near(group.weight, 0, group.uncertainty))
            continue;
        ++count;
        if (!best || group.uncertainty < best->uncertainty) best = group;
    }
    if (count < 2 || is_near(best->weight, 1, best->uncertainty)) return std::nullopt;
    for (const Group& group : groups) {
        if (is_constant_alone(group) || group.uncertainty > well_known ||
            is_near(group.weight, 0, group.uncertainty))
            continue;
        if (!is_near(group.weight / best->weight, 1,
                     (group.uncertainty + best->uncertainty) / std::abs(best->weight)))
            return std::nullopt;
    }
    return best;
}

void explain_by_all(const Search& search, const std::vector<Group>& groups, Explanation& explanation) {
    Vector weights = search.zero();
    Said said;
    const auto factor = common_factor(groups);
    if (factor) {
        for (const Group& group : groups) {
            const bool is_missing = !is_constant_alone(group) && is_near(group.weight, 0, group.uncertainty);
            for (const Index k : group.members) {
                if (k != search.constant()) weights[at(k)] = is_missing ? 0 : factor->weight;
            }
            const std::vector<std::string> names = member_names(search, group);
            if (is_missing) said.missing.insert(said.missing.end(), names.begin(), names.end());
            if (is_constant_alone(group)) judge_group(search, group, weights, said);
        }
    } else {
        for (const Group& group : groups) judge_group(search, group, weights, said);
    }
    std::string sentence = said.sentence();
    if (factor) {
        sentence += fmt::format("{}{}", sentence.empty() ? "" : "; and of what is there, ",
                                factor_in_words(factor->weight, factor->uncertainty, search.facts));
    }
    if (sentence.empty() || !search.suffices(search.fitted({}, weights))) {
        // The weights as they were fitted, not rounded to the numbers that they are near.
        for (const Group& group : groups) {
            const Vector along = direction(search, group);
            for (Index k = 0; k < search.columns; ++k) {
                if (along[at(k)] != 0) weights[at(k)] = group.weight;
            }
        }
        if (sentence.empty()) return;
    }
    accept(explanation, weights, sentence);
}

std::vector<FittedWeight> lines_of(const Search& search, const std::vector<Group>& groups) {
    std::vector<FittedWeight> lines;
    for (const Group& group : groups) {
        const std::string name =
            is_constant_alone(group) ? "constant" : joined(member_names(search, group), " + ");
        lines.push_back({name, group.weight, group.uncertainty});
    }
    return lines;
}

}  // namespace

Explanation explain(const FitProblem& problem, const KernelFacts& facts, double tolerance) {
    Search search{problem, facts, problem.factor.cols() - 1};
    Explanation explanation;
    std::vector<Group> groups = collinear_groups(search);
    const Fit best = fit_groups(search, groups);
    explanation.fit = lines_of(search, groups);
    explanation.residual = best.residual;
    if (!(best.residual <= tolerance)) return explanation;
    search.enough = std::max(3 * best.residual, 8 * problem.rounding);
    search.per_entry = std::max(best.residual, problem.rounding);
    if (explain_by_factor(search, explanation)) return explanation;
    if (explain_as_no_biases(search, explanation)) return explanation;
    if (explain_by_one_change(search, explanation)) return explanation;
    const double different = problem.entries / 2;  // the kernel is symmetric
    if (different >= entries_a_weight * static_cast<double>(groups.size()))
        explain_by_all(search, groups, explanation);
    return explanation;
}

}  // namespace tangram
