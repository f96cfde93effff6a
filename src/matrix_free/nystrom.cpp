#include "tangram/matrix_free/nystrom.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/random.hpp"
#include "tangram/support/small_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tangram {

namespace {

using blas::Op;

/// Collective. V W^T of rows that are shared out, (l, local) each.
Matrix<double> inner_products(const mpi::Communicator& comm, const Matrix<double>& V,
                              const Matrix<double>& W) {
    Matrix<double> G(V.rows(), W.rows());
    if (V.cols() > 0) blas::gemm(Op::none, Op::transpose, 1.0, V.view(), W.view(), 0.0, G.view());
    mpi::sum(comm, {G.data(), at(G.size())});
    return G;
}

/// The rows of `coefficients` (m, l) of the vectors V (l, local).
Matrix<double> combined(const Matrix<double>& coefficients, const Matrix<double>& V) {
    Matrix<double> W(coefficients.rows(), V.cols());
    if (V.cols() > 0) blas::gemm(Op::none, Op::none, 1.0, coefficients.view(), V.view(), 0.0, W.view());
    return W;
}

/// Rows scale_j u_j of the pairs whose value is above `least`, largest first.
template <class Scale>
Matrix<double> chosen_rows(const SmallPairs& pairs, double least, Scale scale) {
    const Index n = pairs.vectors.cols();
    Index count = 0;
    for (const double value : pairs.values) count += value > least ? 1 : 0;
    Matrix<double> rows(count, n);
    for (Index j = 0; j < count; ++j) {
        const Index from = n - 1 - j;
        for (Index k = 0; k < n; ++k) rows(j, k) = scale(pairs.values[at(from)]) * pairs.vectors(from, k);
    }
    return rows;
}

}  // namespace

NystromPreconditioner::NystromPreconditioner(const mpi::Communicator& comm, const DistributedOperator& A,
                                             Index rank, std::uint64_t seed, Index first,
                                             const std::function<void(Index done)>& after_vector)
    : comm_(comm) {
    const Index l = std::min(rank, A.extent);
    const auto local = at(A.local);
    Matrix<double> Omega(l, A.local), Y(l, A.local);
    for (Index k = 0; k < l; ++k) {
        const std::uint64_t stream =
            splitmix64(splitmix64(seed ^ 0x6e79737472U) + static_cast<std::uint64_t>(k));
        double* const omega = Omega.view().row(k);
        for (Index i = 0; i < A.local; ++i)
            omega[i] = random_sign(stream, static_cast<std::uint64_t>(first + i));
        A.act({omega, local}, {Y.view().row(k), local});
        if (after_vector) after_vector(k + 1);
    }
    // A ~ Y^T (Omega Y^T)^-1 Y. With C = Omega Y^T = V diag(c) V^T, B = diag(c)^-1/2 V^T Y has A ~ B^T B, and U comes of B B^T.
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    Matrix<double> C = inner_products(comm, Omega, Y);
    for (Index i = 0; i < l; ++i) {
        for (Index j = 0; j < i; ++j) C(i, j) = C(j, i) = (C(i, j) + C(j, i)) / 2;
    }
    const SmallPairs core = small_eigenpairs(std::as_const(C).view());
    const double noise = 16 * epsilon * static_cast<double>(l);
    const Matrix<double> B = combined(chosen_rows(core, noise * std::max(core.values.back(), 0.0),
                                                  [](double c) { return 1 / std::sqrt(c); }),
                                      Y);
    if (B.rows() == 0) return;  // A is zero
    const SmallPairs gram = small_eigenpairs(inner_products(comm, B, B).view());
    const double least = noise * gram.values.back();
    U_ = combined(chosen_rows(gram, least, [](double value) { return 1 / std::sqrt(value); }), B);
    for (std::size_t j = gram.values.size(); j-- > 0;) {
        if (gram.values[j] > least) values_.push_back(gram.values[j]);
    }
}

void NystromPreconditioner::apply(double ridge, std::span<const double> r, std::span<double> z) const {
    std::copy(r.begin(), r.end(), z.begin());
    const auto l = static_cast<Index>(values_.size());
    if (l == 0) return;
    std::vector<double> along(at(l), 0.0);
    for (Index j = 0; j < l; ++j) {
        const double* u = U_.view().row(j);
        for (std::size_t i = 0; i < r.size(); ++i) along[at(j)] += u[i] * r[i];
    }
    mpi::sum(comm_, along);
    const double last = values_.back() + ridge;
    for (Index j = 0; j < l; ++j) {
        const double factor = (last / (values_[at(j)] + ridge) - 1) * along[at(j)];
        const double* u = U_.view().row(j);
        for (std::size_t i = 0; i < z.size(); ++i) z[i] += factor * u[i];
    }
}

}  // namespace tangram
