#include "tangram/support/small_eigen.hpp"

#include "eigen_backends.hpp"

#include <algorithm>

namespace tangram {

SmallPairs small_eigenpairs(ConstMatrixView<double> A) {
    const Index n = A.rows;
    AlignedBuffer<double> whole(n * n);
    for (Index i = 0; i < n; ++i) std::copy_n(A.row(i), n, whole.data() + i * n);
    EigenPairs found = solve_with_lapack(n, whole, true, 1);
    SmallPairs pairs{std::move(found.values), Matrix<double>(n, n)};
    std::copy_n(found.vectors.data(), n * n,
                pairs.vectors.data());  // column j of the one is row j of the other
    return pairs;
}

}  // namespace tangram
