#pragma once
// The network's outputs (n, C) against the user's own, and against the labels. Not of the kernel, but of
// whether it is the kernel of the network that the user means.

#include "tangram/model/samples.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/support/mpi.hpp"

namespace tangram {

/// What the user's program says of this rank's samples.
struct ExpectedOutputs {
    Matrix<double> values;   ///< (n, C)
    bool is_narrow = false;  ///< stored in less than float64
};

/// Collective. Fills the report's outputs_error, max |f - f_user| / max |f_user|, and its tolerance.
void check_expected_outputs(const mpi::Communicator& comm, const ExpectedOutputs& expected,
                            ConstMatrixView<double> outputs, CheckReport& report);

/// Collective. Fills the report's accuracy if the labels are integers: how often the label is the largest
/// output's index, or for a single output whether it is positive. `first`: this rank's first sample; `count`:
/// all samples.
void check_labels(const mpi::Communicator& comm, const Labels& labels, Index first, Index count,
                  ConstMatrixView<double> outputs, CheckReport& report);

}  // namespace tangram
