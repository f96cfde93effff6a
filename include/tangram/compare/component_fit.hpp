#pragma once
// Least squares of another program's kernel on the components of ours,
//
//   OTHER_ij = sum_k w_k K_k,ij + beta        each entry divided by sqrt(K_ii K_jj), so that small samples count
//
// as A w = y with a row an entry. Only the triangular factor R of [A | y] is kept, (K + 2) x (K + 2): rows are added by and
// by, on every rank, and any fit (some w fixed, some equal) follows from R alone, to the accuracy of a QR factorization.

#include "tangram/support/matrix.hpp"
#include "tangram/support/mpi.hpp"

#include <span>
#include <vector>

namespace tangram {

/// R of the rows that were added, for `columns` columns.
class RunningFactor {
public:
    explicit RunningFactor(Index columns);
    void add_row(std::span<const double> row);
    /// Collective. R of the rows of all ranks, (columns, columns), the same on every rank.
    Matrix<double> of_all(const mpi::Communicator& world);

private:
    void fold();
    Matrix<double> rows_;  ///< R on top, then rows that were not folded in yet
    Index used_;
};

/// y ~ A (fixed + sum_h c_h b_h), the c_h free.
struct Fit {
    std::vector<double> coefficients;   ///< c_h
    std::vector<double> uncertainties;  ///< the most that c_h is off by if every entry is off by 1
    double residual = 0;                ///< root mean square over entries
};

/// `factor`: R of [A | y] of `entries` rows; `basis`: [h] a vector b_h over the columns of A; `fixed`: over the columns of A.
Fit fit(const Matrix<double>& factor, double entries, const std::vector<std::vector<double>>& basis,
        const std::vector<double>& fixed);

/// The norm of column k of A, and the sine of the angle between columns j and k.
double column_norm(const Matrix<double>& factor, Index k);
double sine_between(const Matrix<double>& factor, Index j, Index k);

}  // namespace tangram
