#pragma once
// What needs no matrix but products with random vectors z_k of +-1 (Hutchinson, Commun. Stat. Simul. Comput. 18, 1989), and Lanczos
// quadrature from each (Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38, 2017):
//
//   tr f(A)  ~  mean over M vectors of z_k^T f(A) z_k
//
//   Frobenius norm squared   f = lambda^2
//   degrees of freedom       f = lambda / (lambda + ridge)
//   log det (A + ridge)      f = log(lambda + ridge)
//   density                  all nodes, with their weights / M: the part of the eigenvalues that lies there
//
// Intervals are mean +- t s / sqrt(M), t of Student's distribution with M - 1 degrees of freedom at 95 %: they hold the scatter of the
// vectors, not what too few steps leave out. Eigenvalues that come out below zero, by rounding, count as zero.
//
// The norm is the one that a few large eigenvalues decide, so that samples are skewed, as squares of normal numbers are, and t alone holds the
// truth too seldom. Its samples y_k are regressed on x_k = z_k^T A z_k, whose mean, the trace, is known exactly (a control variate); and the
// interval is that of the logarithm, the wider side on both sides:
//
//   mean = y + b (tr A - x), b = cov(x, y) / var(x)        half width = mean (exp(t h / mean) - 1), h the regression's error, M - 2 degrees

#include "tangram/matrix_free/lanczos.hpp"

#include <optional>

namespace tangram {

struct Estimate {
    double mean = 0;
    double half_width = 0;  ///< of the 95 % interval; NaN of one vector
};

struct RidgeEstimate {
    double ridge = 0;
    Estimate degrees_of_freedom, log_determinant;
};

struct Estimates {
    Index vectors = 0;      ///< M
    Index steps = 0;        ///< of the longest quadrature
    Estimate squared_norm;  ///< |A|_F^2
    std::vector<RidgeEstimate> ridges;
    std::vector<Quadrature> quadratures;
};

struct EstimateRequest {
    Index vectors = 16;
    Index steps = 100;
    std::uint64_t seed = 0;
    std::vector<double> ridges;
    std::optional<double> trace{};  ///< tr A, where it is known
    Index first = 0;                ///< global number of this rank's first entry
};

/// Collective. `after_vector` is told how many are done, and may throw.
Estimates estimate(const mpi::Communicator& comm, const DistributedOperator& A,
                   const EstimateRequest& request, const std::function<void(Index done)>& after_vector = {});

/// Mean and interval of samples, (M).
Estimate interval_of(const std::vector<double>& samples);
/// The same of samples y above zero, skewed, that go with others x whose mean is known, where it is.
Estimate interval_of_skewed(const std::vector<double>& y, const std::vector<double>& x,
                            std::optional<double> mean_of_x);

}  // namespace tangram
