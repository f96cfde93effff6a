#pragma once
// Kernels of a few samples by explicit Jacobians, whatever they are then compared with. Private to compare/.

#include "tangram/compare/explanation.hpp"
#include "tangram/compare/kernel_entries.hpp"
#include "tangram/compare/recomputed.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <string>
#include <vector>

namespace tangram::recomputing {

/// Of the rows' samples and of the columns', which are the same where the kernel is symmetric.
struct Gradients {
    std::vector<SampleGradient> rows, other_columns;
    [[nodiscard]] const std::vector<SampleGradient>& columns() const {
        return other_columns.empty() ? rows : other_columns;
    }
};

Gradients gradients_of(const Network& network, const SmallRun& few);

/// `logit`: -1 for none.
Reduction reduction_of(const std::string& name, Index outputs, Index logit = -1);

/// One component a parameter tensor.
std::vector<Matrix<double>> components_of(const Network& network, const std::vector<SampleGradient>& rows,
                                          const std::vector<SampleGradient>& columns,
                                          const Reduction& reduction);

Matrix<double> sum_of(const std::vector<Matrix<double>>& parts);

/// K_ii of a square kernel.
std::vector<double> diagonal_of(const Matrix<double>& K);

double largest_of(const Matrix<double>& K);

/// max |OTHER - s K|
double worst_of(const Matrix<double>& other, const Matrix<double>& K, double s = 1);

/// OTHER's entries between the samples, `C` rows each. Root.
Matrix<double> entries_of(const OtherKernel& other, const SmallRun& few, Index C);

KernelFacts facts_of(const Network& network, const SmallRun& few, const Reduction& reduction);

}  // namespace tangram::recomputing
