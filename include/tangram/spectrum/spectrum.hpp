#pragma once
// What a spectrum says: eigenvalues lambda_1 <= .. <= lambda_n of a Gram matrix A (n, n), not of A / n, and
//
//   condition number     lambda_n / lambda_1
//   effective rank       (sum lambda)^2 / sum lambda^2, the participation ratio
//   entropy rank         exp(-sum p log p), p = lambda / trace  (Roy and Vetterli, "The effective rank", EUSIPCO 2007)
//   stable rank          trace / lambda_n
//   largest stable step  2 / lambda_n, of full-batch gradient descent on 1/2 sum |f - y|^2 of the linearised network
//   storage noise        eps |A|_F, eps of the precision that A is stored in: about what rounding of its entries moves
//                        eigenvalues by. Those below it, and a condition number that rests on one, say nothing.
//   worst case           n eps lambda_n, which rounding cannot exceed, and does not come near

#include "tangram/grid/shape.hpp"
#include "tangram/spectrum/target_facts.hpp"
#include "tangram/support/eigen_solver.hpp"
#include "tangram/support/matrix_facts.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct Spectrum {
    std::string name;                 ///< "ntk", "components/fc1.weight"
    std::vector<double> eigenvalues;  ///< ascending
    std::string solver;
    double seconds = 0;  ///< that it took
    double trace = 0;    ///< of A
    double condition_number = 0;
    double effective_rank = 0;
    double entropy_rank = 0;
    double stable_rank = 0;
    double largest_stable_step = 0;  ///< NaN where A is not the kernel that decides it
    double storage_noise = 0;
    double noise_floor_worst_case = 0;
    Index below_noise_floor = 0;  ///< eigenvalues below the storage noise
    ValueErrors value_errors;
    std::optional<EigenErrors> errors;   ///< where vectors were computed
    std::optional<TargetFacts> targets;  ///< where targets were given
};

/// Fills in all but name, solver, seconds and errors. `scaled`: eigenvalues of the scaled matrix that `facts` are of.
/// `precision`: that of A's stored entries. `decides_step`: whether descent on all outputs goes by A.
Spectrum describe_spectrum(std::vector<double> scaled, const MatrixFacts& facts, Precision precision,
                           bool decides_step);

/// For people: one line a spectrum.
std::string to_table(const std::vector<Spectrum>& spectra);

/// The same of targets: alignments, and how many eigenvectors they need.
std::string to_target_table(const std::vector<Spectrum>& spectra);

}  // namespace tangram
