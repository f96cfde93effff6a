#pragma once
// Why does another program's kernel differ? From the fits that the factor R of output/component_fit.hpp allows, the simplest
// that leaves no more than the best one leaves:
//
//   factor        OTHER = s K                         `factor`, or `mean` or `sum` where s is 1/C or C
//   no biases     OTHER = the weights' components     `missing`
//   one change    OTHER = K + delta K_k, or + delta   `missing` (-1), `doubled` (+1), `scaled`, `offset`
//   all changes   OTHER = sum_k w_k K_k + beta        the same words for several components at once
//
// Components that cannot be told apart (such as the constant bias components of a linear network, and an offset) are named
// together. Where nothing explains OTHER, nothing is made up.

#include "tangram/output/component_fit.hpp"
#include "tangram/output/recognition.hpp"

#include <string>
#include <vector>

namespace tangram {

/// The factor of [components, constant | OTHER].
struct FitProblem {
    Matrix<double> factor;
    double entries = 0;
    double rounding = 0;  ///< relative, of one entry of the coarser of the two kernels
};

/// One line of what was fitted.
struct FittedWeight {
    std::string name;
    double weight = 0;
    double uncertainty = 0;
};

struct Explanation {
    bool holds = false;
    std::string verdict;          ///< begins with one of the words; "" if nothing holds
    std::vector<double> weights;  ///< of the components, as the verdict has them
    double offset = 0;
    double residual = 0;            ///< of the best fit: root mean square, relative to sqrt(K_ii K_jj)
    std::vector<FittedWeight> fit;  ///< the best fit, groups as one line
};

/// `tolerance`: the largest residual that counts as explained.
Explanation explain(const FitProblem& problem, const KernelFacts& facts, double tolerance);

}  // namespace tangram
