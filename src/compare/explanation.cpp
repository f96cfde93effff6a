#include "tangram/compare/explanation.hpp"

#include "explanation_search.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
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
    explanation.weights.assign(weights.begin(), weights.end() - 2);
    explanation.ridge = weights[weights.size() - 2];
    explanation.offset = weights.back();
    explanation.verdict = std::move(verdict);
}

std::string factor_in_words(double factor, double uncertainty, const KernelFacts& facts) {
    const double relative = deviations * uncertainty / std::abs(factor);
    const auto C = static_cast<double>(facts.outputs);
    const std::string name = name_of_total_factor(factor, relative, facts);
    if (facts.outputs > 1 && facts.reduction == "trace" && is_near(factor * C, 1, uncertainty * C)) {
        return fmt::format(
            "mean over outputs, where this kernel has their sum (the trace): {} times it, which is 1/C (C = {})",
            plain(factor), facts.outputs);
    }
    if (facts.outputs > 1 && facts.reduction == "mean" && is_near(factor / C, 1, uncertainty / C)) {
        return fmt::format(
            "sum over outputs (the trace), where this kernel has their mean: {} times it, which is C (C = {})",
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

std::string offset_in_words(double offset) {
    return fmt::format("offset {} in every entry", plain(offset));
}

std::string ridge_in_words(double ridge) {
    return fmt::format("ridge: lambda = {} is added to the diagonal, K + lambda I", plain(ridge));
}

bool has_no_component(const Search& search, const Group& group) {
    return !search.is_component(group.members.front());  // components come first
}

std::vector<std::string> member_names(const Search& search, const Group& group) {
    std::vector<std::string> names;
    for (const Index k : group.members) {
        if (search.is_component(k)) names.push_back(search.name(k));
    }
    return names;
}

Vector direction(const Search& search, const Group& group) {
    if (has_no_component(search, group)) return search.unit(group.members.back());
    Vector v = search.zero();
    for (const Index k : group.members) {
        if (search.is_component(k)) v[at(k)] = 1;
    }
    return v;
}

}  // namespace explaining

namespace {

using namespace explaining;

/// Columns whose angle has a smaller sine are one and the same but for a factor.
constexpr double same_direction = 3e-5;

/// The simplest first. A new explanation is a function and a line here.
constexpr std::array explanations{explain_by_factor,     explain_as_nothing_of_it,     explain_as_no_biases,
                                  explain_by_one_change, explain_by_factor_and_change, explain_by_all};

std::vector<Group> collinear_groups(const Search& search) {
    std::vector<Group> groups;
    for (Index k = 0; k < search.columns.fitted(); ++k) {
        if (column_norm(search.problem.factor, k) == 0) continue;
        const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
            return sine_between(search.problem.factor, group.members.front(), k) < same_direction;
        });
        Group& group = same == groups.end() ? groups.emplace_back() : *same;
        group.members.push_back(k);
    }
    return groups;
}

Fit fit_groups(Search& search) {
    std::vector<Vector> basis;
    for (const Group& group : search.groups) basis.push_back(direction(search, group));
    Fit found = search.fitted(basis, search.zero());
    const double per_entry = std::max(found.residual, search.problem.rounding);
    for (std::size_t g = 0; g < search.groups.size(); ++g) {
        search.groups[g].weight = found.coefficients[g];
        search.groups[g].uncertainty = found.uncertainties[g] * per_entry;
    }
    return found;
}

std::vector<FittedWeight> lines_of(const Search& search) {
    std::vector<FittedWeight> lines;
    for (const Group& group : search.groups) {
        std::string name = joined(member_names(search, group), " + ");
        if (name.empty()) name = group.members.back() == search.constant() ? "constant" : "identity";
        lines.push_back({name, group.weight, group.uncertainty});
    }
    return lines;
}

}  // namespace

Explanation explain(const FitProblem& problem, const KernelFacts& facts, double tolerance) {
    Search search{problem, facts, problem.columns(), 0, 0, {}};
    search.groups = collinear_groups(search);
    const Fit best = fit_groups(search);
    Explanation explanation;
    explanation.fit = lines_of(search);
    explanation.residual = best.residual;
    if (!(best.residual <= tolerance)) return explanation;
    search.enough = std::max(3 * best.residual, 8 * problem.rounding);
    search.per_entry = std::max(best.residual, problem.rounding);
    for (const auto& explained : explanations) {
        if (explained(search, explanation)) break;
    }
    return explanation;
}

}  // namespace tangram
