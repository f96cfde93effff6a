#pragma once
// What the eigenvectors v_1 .. v_n of a matrix K have to do with targets, of eigenvalues lambda_1 <= .. <= lambda_n:
//
//   projections        P = V^T T (n, C), T the targets without what is known of them (their column means, or a prior)
//   cumulative power   sum_{j >= k} P_jc^2 / |T_c|^2: what the eigenvectors from the k-th on explain, the largest first in words
//   needed             how many of the largest explain 90 and 99 % of T_c
//   alignment          <K, Y Y^T> / (|K|_F |Y Y^T|_F), Y one-hot labels or numbers (Cristianini et al., "On kernel-target
//                      alignment", NeurIPS 2001); of each column alone too
//   centred alignment  the same of H K H and H Y, H = 1 - 1 1^T / N over samples, of `full` H x 1_C (Cortes, Mohri and
//                      Rostamizadeh, "Algorithms for learning kernels based on centered alignment", JMLR 13, 2012)
//   GCV                of ridge regression on T at some ridges (Golub, Heath and Wahba 1979)
//
// Everything follows from the eigenvalues and a few columns V^T X.

#include "tangram/support/matrix.hpp"

#include <vector>

namespace tangram {

/// What is projected on the eigenvectors of a matrix with n rows, N samples of `unit` rows: (n, columns) each.
struct TargetColumns {
    Matrix<double> targets;    ///< T
    Matrix<double> alignment;  ///< Y
    Matrix<double> centred;    ///< H Y
    Matrix<double> means;      ///< U (n, unit), H = 1 - U U^T
};

/// Y and T (N, C) as columns for a matrix of `unit` rows a sample: (N, C), or (N C, 1).
TargetColumns target_columns(const Matrix<double>& targets, const Matrix<double>& alignment, Index unit);

/// All of them side by side, and apart again.
Matrix<double> joined(const TargetColumns& columns);
TargetColumns parted(const Matrix<double>& joined, const TargetColumns& like);

struct TargetFacts {
    Matrix<double> projections;                              ///< (n, C)
    Matrix<double> cumulative_power;                         ///< (n, C); NaN of a column that is zero
    std::vector<std::int64_t> needed_for_90, needed_for_99;  ///< (C)
    double alignment = 0, centred_alignment = 0;
    std::vector<double> alignments;  ///< (C), of each column alone
    std::vector<double> ridges, gcv;
};

/// `values`: ascending; `projected`: V^T of all columns; `columns`: themselves; `noise`: of storage.
TargetFacts describe_targets(const std::vector<double>& values, const TargetColumns& projected,
                             const TargetColumns& columns, double noise);

}  // namespace tangram
