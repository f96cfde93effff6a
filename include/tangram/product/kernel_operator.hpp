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
// computed again, panel by panel, twice a vector. Threads share the panels, each with a J^T v of its own that are summed in their
// order: the same bits on the same ranks and threads.

#include "tangram/product/action.hpp"
#include "tangram/product/product.hpp"

#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace tangram {

struct StepProducts;

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
    /// What the problem's test samples get, on every rank.
    struct OnTest {
        Matrix<double> products;  ///< K* V (M R', k)
        Matrix<double> outputs;   ///< (M, C)
    };
    /// Collective. V (rows of this rank, k). The test samples' features are computed afresh, as often as there is no room for J^T V of all columns.
    [[nodiscard]] OnTest act_on_test(const Matrix<double>& V) const;

private:
    FeatureView view_of(Index panel, int thread) const;  ///< computed first where it is not held
    [[nodiscard]] std::vector<StepProducts> transposed(const std::vector<StepProducts>& group,
                                                       std::span<const double> v) const;
    void add_on_test(const std::vector<StepProducts>& group, const Matrix<double>& V, Index first, Index last,
                     OnTest& found) const;
    void add_products(const std::vector<StepProducts>& group, std::span<const double> v,
                      std::span<double> y) const;

    const mpi::Communicator& world_;
    const Problem& problem_;
    int threads_;
    Problem square_;  ///< without test samples
    Shape shape_;
    Distribution distribution_;
    Index rows_each_, extent_;
    PanelRange samples_, rows_;
    std::vector<Step> steps_;
    bool hold_;
    std::mutex reading_;
    ReadSamples read_;
    std::vector<std::unique_ptr<FeaturePanels>>
        panels_;  ///< all of this rank's; or of each thread the one it is at
};

/// Bytes of one rank with so many samples: features held, and what one product takes.
struct OperatorBytes {
    Index held = 0;  ///< 0 where they are computed again
    Index working = 0;
};
OperatorBytes operator_bytes(const Problem& problem, int ranks, int threads, bool hold);

}  // namespace tangram
