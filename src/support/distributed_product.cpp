#include "tangram/support/distributed_product.hpp"

#include "tangram/support/blas.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

Matrix<double> multiply_columns(const mpi::Communicator& comm, const BlockCyclic& layout, bool transpose,
                                const AlignedBuffer<double>& A, ConstMatrixView<double> B) {
    const CyclicAxis& from = transpose ? layout.rows : layout.cols;
    const CyclicAxis& to = transpose ? layout.cols : layout.rows;
    const Index m = B.cols;
    Matrix<double> part(from.local_extent(), m);
    for (Index k = 0; k < part.rows(); ++k) std::copy_n(B.row(from.global(k)), m, part.view().row(k));
    Matrix<double> product(to.local_extent(), m);
    const Index rows = layout.rows.local_extent();
    const Index cols = layout.cols.local_extent();
    // The local array is column-major: read by rows it is the transpose.
    const ConstMatrixView<double> by_rows{A.data(), cols, rows, std::max<Index>(1, rows)};
    if (part.size() > 0 && product.size() > 0)
        blas::gemm(transpose ? blas::Op::none : blas::Op::transpose, blas::Op::none, 1.0, by_rows,
                   std::as_const(part).view(), 0.0, product.view());
    Matrix<double> C(to.extent, m);
    for (Index k = 0; k < product.rows(); ++k)
        std::copy_n(product.view().row(k), m, C.view().row(to.global(k)));
    mpi::sum(comm, {C.data(), at(C.size())});
    return C;
}

}  // namespace tangram
