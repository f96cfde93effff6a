#pragma once
// Why does another program's kernel differ? From the fits that the factor R of compare/component_fit.hpp allows, the simplest
// that leaves no more than the best one leaves; in this order (explanation.cpp has the list):
//
//   factor        OTHER = s K                              `factor`, or `mean` or `sum` where s is 1/C or C
//   nothing of K  OTHER = beta, or lambda I                `residual`
//   no biases     OTHER = the weights' components          `missing`
//   one change    OTHER = K + delta K_k, or + lambda I,    `missing` (-1), `doubled` (+1), `scaled`, `ridge`, `offset`
//                 or + beta
//   both          OTHER = s (K + one change)               the same words, and the factor's
//   all changes   OTHER = sum_k w_k K_k + lambda I + beta  the same words for several components at once
//
// Components that cannot be told apart (such as the constant bias components of a linear network, and an offset) are named
// together. Where nothing explains OTHER, nothing is made up.

#include "tangram/compare/component_fit.hpp"
#include "tangram/compare/recognition.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Which column is what, in a row of the fit: [components, identity, constant | OTHER].
struct FitColumns {
    Index components = 0;
    [[nodiscard]] Index identity() const { return components; }
    [[nodiscard]] Index constant() const { return components + 1; }
    [[nodiscard]] Index other() const { return components + 2; }
    [[nodiscard]] Index fitted() const { return components + 2; }  ///< all but OTHER
    [[nodiscard]] Index all() const { return components + 3; }
};

/// The factor of rows of FitColumns; the identity is 0 where no row is a column's sample.
struct FitProblem {
    Matrix<double> factor;
    double entries = 0;
    double different = 0;  ///< entries: half of them where the kernel is symmetric
    double rounding = 0;   ///< relative, of one entry of the coarser of the two kernels
    [[nodiscard]] FitColumns columns() const { return {factor.cols() - 3}; }
};

/// One line of what was fitted.
struct FittedWeight {
    std::string name;
    double weight = 0;
    double uncertainty = 0;
};

struct Explanation {
    bool holds = false;
    std::string verdict;            ///< begins with one of the words; "" if nothing holds
    std::vector<double> weights;    ///< of the components, as the verdict has them
    double ridge = 0;               ///< lambda
    double offset = 0;              ///< beta
    double residual = 0;            ///< of the best fit: root mean square, relative to sqrt(K_ii K_jj)
    std::vector<FittedWeight> fit;  ///< the best fit, groups as one line
};

/// `tolerance`: the largest residual that counts as explained.
Explanation explain(const FitProblem& problem, const KernelFacts& facts, double tolerance);

}  // namespace tangram
