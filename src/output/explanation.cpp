#include "tangram/output/explanation.hpp"

#include "explanation_search.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace tangram {

namespace explaining {

bool is_near(double value, double wanted, double uncertainty) {
    return std::abs(value - wanted) <=
           std::max(deviations * uncertainty, 2e-6 * std::max(1.0, std::abs(wanted)));
}

std::string joined(const std::vector<std::string>& names, const char* separator) {
    return fmt::format("{}", fmt::join(names, separator));
}

void accept(Explanation& explanation, const Vector& weights, std::string verdict) {
    explanation.holds = true;
    explanation.weights.assign(weights.begin(), weights.end() - 1);
    explanation.offset = weights.back();
    explanation.verdict = std::move(verdict);
}

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

std::string component_factor_name(const Search& search, Index k, double factor, double uncertainty) {
    if (!(factor > 0)) return "";
    return name_of_component_factor(factor, deviations * uncertainty / factor, search.facts,
                                    search.facts.components[at(k)]);
}

std::string scaled_in_words(const Search& search, Index k, double factor, double uncertainty) {
    return fmt::format("{} by {}{}", search.name(k), plain(factor),
                       component_factor_name(search, k, factor, uncertainty));
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

Vector direction(const Search& search, const Group& group) {
    Vector v = search.zero();
    for (const Index k : group.members) v[at(k)] = 1;
    if (group.has_constant && group.members.size() > 1) v.back() = 0;
    return v;
}

}  // namespace explaining

namespace {

using namespace explaining;

/// Columns whose angle has a smaller sine are one and the same but for a factor.
constexpr double same_direction = 3e-5;
/// A fit of several weights says something only where there are so many times more different entries.
constexpr double entries_a_weight = 2;
bool explain_by_factor(const Search& search, Explanation& explanation) {
    const Fit found = search.fitted({search.kernel()}, search.zero());
    if (!search.suffices(found)) return false;
    Vector weights = search.kernel();
    for (double& weight : weights) weight *= found.coefficients[0];
    accept(explanation, weights,
           factor_in_words(found.coefficients[0], found.uncertainties[0] * search.per_entry, search.facts));
    return true;
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
