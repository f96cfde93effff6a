#pragma once
// What the parts of the search for an explanation share. Private to output/explanation*.cpp; the public header says what is
// searched.

#include "tangram/output/explanation.hpp"

#include <string>
#include <vector>

namespace tangram::explaining {

/// So many times its uncertainty a weight may be off from the number that it is taken for.
inline constexpr double deviations = 2;

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

/// Columns that cannot be told apart; their sum is fitted as one.
struct Group {
    std::vector<Index> members;
    bool has_constant = false;
    double weight = 0;
    double uncertainty = 0;
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

/// b of a group: its components together, or the constant alone.
Vector direction(const Search& search, const Group& group);

/// Whether the group is the constant and no component.
bool is_constant_alone(const Group& group);

/// Without the constant.
std::vector<std::string> member_names(const Search& search, const Group& group);

/// All biases forgotten (explanation_single.cpp, as the next).
bool explain_as_no_biases(const Search& search, Explanation& explanation);
/// One component, or the constant, is all that differs.
bool explain_by_one_change(const Search& search, Explanation& explanation);
/// By the weights of all groups (explanation_several.cpp).
void explain_by_all(const Search& search, const std::vector<Group>& groups, Explanation& explanation);

}  // namespace tangram::explaining
