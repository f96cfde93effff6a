#pragma once
// The network's outputs against the user's own, and against the labels.

#include "tangram/model/samples.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/support/mpi.hpp"

#include <optional>
#include <string>

namespace tangram {

/// Collective. Fills outputs_error and its tolerance if `expected` (FILE:DATASET) is not empty, and accuracy
/// if there are integer labels: the largest output's index, or for a single output whether it is positive.
/// `outputs` (n, C): those of this rank's samples, the first being sample `first`.
void check_outputs(const mpi::Communicator& comm, const std::string& expected,
                   const SampleSelection& selection, const std::optional<Labels>& labels, Index first,
                   ConstMatrixView<double> outputs, CheckReport& report);

}  // namespace tangram
