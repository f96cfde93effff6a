#pragma once
// (K + lambda)^-1 at r ridges, however it is had: by a Cholesky factor at one ridge, by the eigendecomposition at any number of
// them, at lambda = 0 and along time. All in units in which the entries of K are near one:
//
//   K' = 2^-e K     lambda' = 2^-e lambda     A' = K' + lambda'     alpha' = A'^-1 R = 2^e alpha
//
// so that entries of any size will do. Right-hand sides are whole on every rank of the solver.

#include "tangram/regression/fits.hpp"
#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/precision.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tangram {

/// K dealt out on the ranks of a solver.
struct KernelOnRanks {
    const mpi::Communicator& comm;
    BlockCyclic layout;
    int threads = 1;
    Precision precision = Precision::float64;  ///< of the stored entries
    /// Collective over `comm`. This rank's part of K, not scaled.
    std::function<void(AlignedBuffer<double>&)> read;
    std::string name;  ///< for messages: "k.h5:/ntk"
};

/// Everything is Collective over the solver's ranks.
struct RidgeSolver {
    std::string method;  ///< "Cholesky by ScaLAPACK", "ELPA 1-stage"
    int exponent = 0;    ///< e
    double norm = 0;     ///< |K'|_F
    double trace = 0;    ///< of K'
    double noise = 0;    ///< storage noise of K', eps |K'|_F
    double largest = 0;  ///< eigenvalue of K'; NaN where it is not known
    double smallest = 0;
    double condition = 0;        ///< of A' at the only, or the last, ridge, about
    double seconds = 0;          ///< of the factorisation
    std::vector<double> ridges;  ///< lambda'
    /// A'^-1 B at ridge k, (n, m).
    std::function<Matrix<double>(Index k, ConstMatrixView<double> B)> solve;
    /// K' B, (n, m).
    std::function<Matrix<double>(ConstMatrixView<double> B)> multiply;
    /// W (n, m), of which B^T A'^-1 B = W^T diag(weights(k)) W at every ridge.
    std::function<Matrix<double>(ConstMatrixView<double> B)> prepare;
    std::function<std::vector<double>(Index k)> weights;
};

struct Regression {
    Fits fits;
    RidgeSolver solver;
    std::vector<std::string> notes;  ///< what the user should be told
};

/// What of the scores is wanted: all of them take the diagonal of A^-1, which costs Cholesky as much again.
enum class Scores { all, likelihood };

/// max |A' alpha' - b'| / (|A'|_1 max |alpha'| + max |b|)
double relative_residual(ConstMatrixView<double> A_alpha, ConstMatrixView<double> alpha,
                         ConstMatrixView<double> b, double norm);

}  // namespace tangram
