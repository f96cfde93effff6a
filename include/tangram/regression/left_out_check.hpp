#pragma once
// Three samples really left out: the regression on all others solved by conjugate gradients, which share nothing with the
// closed form but K. The system without sample I is A with the rows and columns of I masked; A^-1, masked likewise, is a
// preconditioner that leaves a few eigenvalues other than one (Hestenes and Stiefel 1952; Saad, "Iterative Methods for Sparse Linear
// Systems", SIAM 2003, 9.2).

#include "tangram/regression/ridge_solver.hpp"

namespace tangram {

struct LeftOutCheck {
    std::vector<std::int64_t> samples;  ///< that were left out
    Matrix<double>
        predictions;      ///< (3, C), of the regression on the others; NaN in columns that were not solved
    double error = 0;     ///< max |closed form - refitted| / the largest prediction or target
    double residual = 0;  ///< of the refitted systems
};

/// Columns of the systems at once: what the check holds and takes does not grow with C.
inline constexpr Index most_left_out_columns = 192;

/// Collective over the solver's ranks. At ridge k. Of one kernel for many columns some are solved, spread over all.
LeftOutCheck check_left_out(const RegressionProblem& problem, const RidgeSolver& solver, const Fits& fits,
                            Index k);

}  // namespace tangram
