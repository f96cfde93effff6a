#pragma once
// What the parts of the search for an explanation share. Private to compare/explanation*.cpp; the public header says what is
// searched.

#include "tangram/compare/explanation.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tangram::explaining {

/// So many times its uncertainty a weight may be off from the number that it is taken for.
inline constexpr double deviations = 2;

using Vector = std::vector<double>;

/// Columns that cannot be told apart; their sum is fitted as one.
struct Group {
    std::vector<Index> members;
    double weight = 0;
    double uncertainty = 0;
};

struct Search {
    const FitProblem& problem;
    const KernelFacts& facts;
    FitColumns columns;
    double enough = 0;          ///< the residual that the best fit leaves, with some room
    double per_entry = 0;       ///< what an entry may be off by: scales uncertainties
    std::vector<Group> groups;  ///< with the weights of the best fit
    [[nodiscard]] Index components() const { return columns.components; }
    [[nodiscard]] Index identity() const { return columns.identity(); }
    [[nodiscard]] Index constant() const { return columns.constant(); }
    [[nodiscard]] bool is_component(Index k) const { return k < components(); }
    [[nodiscard]] Vector zero() const { return Vector(at(columns.fitted()), 0); }
    [[nodiscard]] Vector unit(Index k) const {
        Vector v = zero();
        v[at(k)] = 1;
        return v;
    }
    /// 1 for all components, 0 for the other two.
    [[nodiscard]] Vector kernel() const {
        Vector v = zero();
        std::fill_n(v.begin(), components(), 1.0);
        return v;
    }
    [[nodiscard]] Fit fitted(const std::vector<Vector>& basis, const Vector& fixed) const {
        return fit(problem.factor, problem.entries, basis, fixed);
    }
    [[nodiscard]] bool suffices(const Fit& found) const { return found.residual <= enough; }
    [[nodiscard]] const std::string& name(Index k) const { return facts.components[at(k)].name; }
};

bool is_near(double value, double wanted, double uncertainty);

std::string joined(const std::vector<std::string>& names, const char* separator = ", ");

/// The verdict holds, with these weights of the columns.
void accept(Explanation& explanation, const Vector& weights, std::string verdict);

/// "factor 0.37 for all entries", or of what it is the mean or the sum.
std::string factor_in_words(double factor, double uncertainty, const KernelFacts& facts);

/// " = 1/fan_in (..)", "" for a number without a name.
std::string component_factor_name(const Search& search, Index k, double factor, double uncertainty);

/// "fc1.weight by 0.0012755 = 1/fan_in (..)".
std::string scaled_in_words(const Search& search, Index k, double factor, double uncertainty);

/// "offset 1.5 in every entry", "ridge: 0.01 on the diagonal, K + lambda I".
std::string offset_in_words(double offset);
std::string ridge_in_words(double ridge);

/// b of a group: its components together; or the identity or the constant, where it has no component.
Vector direction(const Search& search, const Group& group);

/// Whether the group is the identity or the constant, and no component.
bool has_no_component(const Search& search, const Group& group);

/// Of its components.
std::vector<std::string> member_names(const Search& search, const Group& group);

/// What may explain OTHER; false if it does not (explanation_single.cpp, the last one explanation_several.cpp).
bool explain_by_factor(const Search& search, Explanation& explanation);
bool explain_as_nothing_of_it(const Search& search, Explanation& explanation);
bool explain_as_no_biases(const Search& search, Explanation& explanation);
bool explain_by_one_change(const Search& search, Explanation& explanation);
bool explain_by_factor_and_change(const Search& search, Explanation& explanation);
bool explain_by_all(const Search& search, Explanation& explanation);

}  // namespace tangram::explaining
