#pragma once
// J J^T of a set of samples as an operator, exact and never as a matrix: features in float64, shared out over the ranks.
//
//   K v = f J (J^T v)      trace K = sum |J_i|^2      K* v = f J_test (J^T v)
//
//   v (n), n = N, or N R for reduction full; each rank has the rows of its own samples:
//
//   BEFORE   rank p: its rows of v     J^T v summed over the ranks     AFTER   rank p: its rows of K v
//
// Any network and reduction. Work: O(N R sum_t T_t P_t) a vector, with features that are held; where they do not fit they are
// computed again, panel by panel, twice a vector. The same bits on the same ranks and threads.

#include "tangram/product/action.hpp"
#include "tangram/product/product.hpp"

#include <span>

namespace tangram {

class KernelOperator {
public:
    /// Collective. Computes the features, to be held where `hold`. `problem` must stay. Throws what reading throws, and WrongNumberError.
    KernelOperator(const mpi::Communicator& world, const Problem& problem, int threads, bool hold);

    /// n
    [[nodiscard]] Index extent() const { return extent_; }
    /// Rows of this rank, and its samples.
    [[nodiscard]] const PanelRange& rows() const { return rows_; }
    [[nodiscard]] const PanelRange& samples() const { return samples_; }
    /// Rows of K a sample: 1, or R for full.
    [[nodiscard]] Index rows_each() const { return rows_each_; }

    /// Collective. y = K v: this rank's rows.
    void act(std::span<const double> v, std::span<double> y) const;
    /// Collective.
    [[nodiscard]] double trace() const;
    /// The network's outputs of this rank's samples, (n, C).
    [[nodiscard]] Matrix<double> outputs() const;
    /// Collective. K* v (M R') of the problem's test samples, on every rank.
    [[nodiscard]] std::vector<double> act_on_test(std::span<const double> v) const;

private:
    FeaturePanels& panels() const;  ///< made where they are not there

    const mpi::Communicator& world_;
    const Problem& problem_;
    int threads_;
    Problem square_;  ///< without test samples
    Shape shape_;
    Distribution distribution_;
    Index rows_each_, extent_;
    PanelRange samples_, rows_;
    mutable KeptFeatures kept_;  ///< none where they are not held
};

/// Bytes of one rank with so many samples: features held, and what one product takes.
struct OperatorBytes {
    Index held = 0;  ///< 0 where they are computed again
    Index working = 0;
};
OperatorBytes operator_bytes(const Problem& problem, int ranks, int threads, bool hold);

}  // namespace tangram
