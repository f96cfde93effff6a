#pragma once
// The network's outputs (n, C) against the user's own, and against the labels. Not of the kernel, but of
// whether it is the kernel of the network that the user means.

#include "tangram/checks/check_report.hpp"
#include "tangram/checks/outputs_relation.hpp"
#include "tangram/input/samples.hpp"
#include "tangram/support/mpi.hpp"

#include <functional>
#include <vector>

namespace tangram {

/// What the user's program says of this rank's samples.
struct ExpectedOutputs {
    Matrix<double> values;   ///< (n, C)
    bool is_narrow = false;  ///< stored in less than float64
};

/// Collective. The error max |f - f_user| / max |f_user| and its tolerance, which is `tolerance` or, of outputs that were stored in
/// float32, what these can agree to.
void check_expected_outputs(const mpi::Communicator& comm, const ExpectedOutputs& expected,
                            ConstMatrixView<double> outputs, double tolerance, OutputsFound& found);

/// The samples [first, ..) of `count` that a rank has.
struct RankSamples {
    Index first = 0;
    Index count = 0;  ///< of all ranks together
};

/// Reads a few samples, the same on every rank: (M, d_0). Collective.
using ReadFewSamples = std::function<Matrix<double>(const std::vector<std::int64_t>& samples)>;

/// Collective. Where the user's outputs are not ours, tells the relation that they have. Outputs that differ by constants alone
/// have the same kernel: the error is then what is left without them.
void explain_outputs(const mpi::Communicator& comm, const ExpectedOutputs& expected,
                     ConstMatrixView<double> outputs, const RankSamples& samples, const Network& network,
                     const ReadFewSamples& read_few, OutputsFound& found);

/// Collective. The accuracy, if the labels are integers: how often the label is the largest
/// output's index, or for a single output whether it is positive. `first`: this rank's first sample; `count`:
/// all samples.
void check_labels(const mpi::Communicator& comm, const Labels& labels, Index first, Index count,
                  ConstMatrixView<double> outputs, OutputsFound& found);

}  // namespace tangram
