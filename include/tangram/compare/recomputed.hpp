#pragma once
// Another program's kernel against ours on a few samples, computed again by explicit Jacobians
// (tangent/reference/jacobian.hpp): for reductions that the kernel file is not of, and components that it does not hold.

#include "tangram/compare/explanation.hpp"
#include "tangram/compare/other_kernel.hpp"
#include "tangram/input/graph.hpp"
#include "tangram/network/network.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// A few of the samples that an axis of the kernel has.
struct FewSamples {
    Index all = 0;                      ///< samples of the run
    std::vector<std::int64_t> samples;  ///< which of them
    Matrix<double> X;                   ///< (samples, d_0)
    /// The label of each, where all are whole numbers from 0 to C - 1; else none. On root.
    std::vector<Index> classes;
};

/// A small part of the run that wrote the kernel file: the rows' samples and the columns', the same ones where the kernel is
/// symmetric, and the network. The same on every rank but for the classes.
struct SmallRun {
    Network network;
    std::string parameterization;
    bool symmetric = true;
    FewSamples rows, columns;
    /// The file that the network is of, where that is a graph. On root.
    std::optional<GraphFile> graph{};
    GraphOptions graph_options{};
    [[nodiscard]] bool has_classes() const { return !rows.classes.empty() && !columns.classes.empty(); }
    /// "24 samples", "9 test samples and 24 samples"
    [[nodiscard]] std::string samples_in_words() const;
};

/// Which of `samples` are to be computed again: as many as have room for their gradients, of both sets if there are two. Throws
/// Error(no_resources) where these are fewer than 4.
std::vector<std::int64_t> samples_to_recompute(const Network& network, Index samples, Index sets);

struct RecomputedComparison {
    double largest = 0;  ///< max |K|
    double worst = 0;    ///< max |OTHER - K|
    bool equal = false;
    Explanation explanation;  ///< if not equal
};

/// Collective. Of `reduction`. `equal` and `explanation.holds` on every rank, the rest on root. Throws AgreedError.
RecomputedComparison compare_recomputed(const mpi::Communicator& world, const SmallRun& few,
                                        const OtherKernel& other, const std::string& reduction,
                                        double tolerance);

/// Collective. A verdict that begins with "sum", "mean" or "output" if OTHER, one row a sample, is of another reduction than
/// the file; "" if of none. Throws AgreedError.
std::string find_reduction(const mpi::Communicator& world, const SmallRun& few, const OtherKernel& other,
                           double tolerance);

}  // namespace tangram
