#pragma once
// What a spectrum says: eigenvalues lambda_1 <= .. <= lambda_n of a Gram matrix A (n, n), and
//
//   condition number     lambda_n / lambda_1
//   effective ranks      (sum lambda)^2 / sum lambda^2 = trace(A)^2 / |A|_F^2;  exp(-sum p log p), p = lambda / trace
//                        (Roy and Vetterli, "The effective rank", EUSIPCO 2007)
//   largest stable step  2 / lambda_n, of gradient descent on a squared loss
//   noise floor          n eps lambda_n: what rounding of A's entries makes of a zero. Eigenvalues below it, and a condition
//                        number that rests on one, say nothing.

#include "tangram/output/schema.hpp"
#include "tangram/support/eigen_solver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct Spectrum {
    std::string name;                 ///< "ntk", "components/fc1.weight"
    std::vector<double> eigenvalues;  ///< ascending
    std::string solver;
    double seconds = 0;      ///< that it took
    double trace = 0;        ///< of A
    double trace_error = 0;  ///< |sum lambda - trace| / (n eps max |lambda|), eps of float64
    double condition_number = 0;
    double effective_rank = 0;
    double entropy_rank = 0;
    double largest_stable_step = 0;
    double noise_floor = 0;
    Index below_noise_floor = 0;
    std::optional<EigenErrors> errors;  ///< where vectors were computed
};

/// Fills in all but name, solver and errors. `precision`: that of A's stored entries.
Spectrum describe_spectrum(std::vector<double> eigenvalues, double trace, Precision precision);

/// For people: one line a spectrum.
std::string to_table(const std::vector<Spectrum>& spectra);

}  // namespace tangram
