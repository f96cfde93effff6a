#pragma once
// A preconditioner for A + ridge, from the products of A with l random vectors (Frangella, Tropp and Udell, "Randomized Nystroem
// preconditioning", SIAM J. Matrix Anal. Appl. 44, 2023, algorithms 2.1 and 5.1):
//
//   A  ~  U diag(lambda) U^T,  rank l        P^-1 r = (lambda_l + ridge) U (diag(lambda) + ridge)^-1 U^T r + (r - U U^T r)
//
//   Omega, Y = A Omega, U (n, l): each rank has its rows

#include "tangram/support/krylov.hpp"

namespace tangram {

class NystromPreconditioner {
public:
    /// Collective. l products with A; `first`: global number of this rank's first row. `after_vector` is told how many are done, and may throw.
    NystromPreconditioner(const mpi::Communicator& comm, const DistributedOperator& A, Index rank,
                          std::uint64_t seed, Index first,
                          const std::function<void(Index done)>& after_vector = {});

    /// Collective. z = P^-1 r.
    void apply(double ridge, std::span<const double> r, std::span<double> z) const;
    /// Descending; of modes that are kept.
    [[nodiscard]] const std::vector<double>& values() const { return values_; }

private:
    const mpi::Communicator& comm_;
    std::vector<double> values_;
    Matrix<double> U_;  ///< (l, local): row j belongs to value j
};

}  // namespace tangram
