#include "tangram/matrix_free/lanczos.hpp"

#include "tangram/support/small_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tangram {

namespace {

/// Collective.
double inner(const mpi::Communicator& comm, std::span<const double> v, std::span<const double> w) {
    double sum = 0;
    for (std::size_t i = 0; i < v.size(); ++i) sum += v[i] * w[i];
    mpi::sum(comm, {&sum, 1});
    return sum;
}

/// Collective. w - Q Q^T w for the first k rows of Q, (k, local).
void make_orthogonal(const mpi::Communicator& comm, const Matrix<double>& Q, Index k, std::span<double> w) {
    std::vector<double> along(at(k), 0.0);
    for (Index j = 0; j < k; ++j) {
        const double* q = Q.view().row(j);
        for (std::size_t i = 0; i < w.size(); ++i) along[at(j)] += q[i] * w[i];
    }
    mpi::sum(comm, along);
    for (Index j = 0; j < k; ++j) {
        const double* q = Q.view().row(j);
        for (std::size_t i = 0; i < w.size(); ++i) w[i] -= along[at(j)] * q[i];
    }
}

}  // namespace

Quadrature lanczos_quadrature(const mpi::Communicator& comm, const DistributedOperator& A,
                              std::span<const double> z, Index steps) {
    const Index most = std::min(steps, A.extent);
    Matrix<double> Q = Matrix<double>::zeros(most, A.local);
    std::vector<double> diagonal, beside;
    std::vector<double> w(z.begin(), z.end());
    Quadrature found;
    found.squared_length = inner(comm, z, z);
    double length = std::sqrt(found.squared_length);
    double largest = 0;
    for (Index k = 0; k < most; ++k) {
        double* const q = Q.view().row(k);
        for (std::size_t i = 0; i < w.size(); ++i) q[i] = w[i] / length;
        A.act({q, w.size()}, w);
        diagonal.push_back(inner(comm, {q, w.size()}, w));
        make_orthogonal(comm, Q, k + 1, w);
        make_orthogonal(comm, Q, k + 1, w);
        length = std::sqrt(inner(comm, w, w));
        largest = std::max({largest, std::abs(diagonal.back()), length});
        if (!(length > 16 * std::numeric_limits<double>::epsilon() * largest)) break;
        if (k + 1 < most) beside.push_back(length);
    }
    const auto m = static_cast<Index>(diagonal.size());
    Matrix<double> T(m, m);
    for (Index k = 0; k < m; ++k) {
        T(k, k) = diagonal[at(k)];
        if (k + 1 < m) T(k, k + 1) = T(k + 1, k) = beside[at(k)];
    }
    const SmallPairs pairs = small_eigenpairs(std::as_const(T).view());
    found.nodes = pairs.values;
    for (Index k = 0; k < m; ++k) found.weights.push_back(pairs.vectors(k, 0) * pairs.vectors(k, 0));
    return found;
}

}  // namespace tangram
