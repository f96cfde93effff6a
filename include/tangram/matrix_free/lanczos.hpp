#pragma once
// Lanczos quadrature: what a function of a symmetric A is between a vector and itself, from products A v alone.
//
//   z^T f(A) z  ~  |z|^2 sum_k weight_k f(node_k)      m steps: exact for polynomials of degree 2 m - 1
//
// Nodes and weights are the eigenvalues of the tridiagonal matrix of m steps from z, and the squares of its eigenvectors' first
// entries (Golub and Meurant, "Matrices, Moments and Quadrature", 2010). The basis is made orthogonal twice a step: it loses nothing
// where eigenvalues converge.

#include "tangram/support/krylov.hpp"

namespace tangram {

struct Quadrature {
    std::vector<double> nodes;    ///< ascending
    std::vector<double> weights;  ///< sum to 1
    double squared_length = 0;    ///< |z|^2
    /// |z|^2 sum_k weight_k f(node_k)
    template <class F>
    [[nodiscard]] double of(F f) const {
        double sum = 0;
        for (std::size_t k = 0; k < nodes.size(); ++k) sum += weights[k] * f(nodes[k]);
        return squared_length * sum;
    }
};

/// Collective. z: this rank's entries. At most `steps` steps, fewer where the Krylov space ends.
Quadrature lanczos_quadrature(const mpi::Communicator& comm, const DistributedOperator& A,
                              std::span<const double> z, Index steps);

}  // namespace tangram
