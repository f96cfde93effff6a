#pragma once
// The run that wrote a kernel file, set up again from what the file records: its options, and its inputs, which must be the
// very same files (their SHA-256 is compared first).

#include "tangram/file/kernel_file.hpp"
#include "tangram/run/inputs.hpp"

#include <string>

namespace tangram {

/// Throws Error(bad_input) that says what the file holds, unless it `serves`; `what` is to be done with it: "a spectrum".
void require_that_serves(const KernelFile& kernel, bool serves, const std::string& what);

struct RecordedRun {
    KernelOptions options;
    Inputs inputs;
    Shape shape;  ///< the file's, as its product makes it of these inputs
};

/// Where inputs have moved to; "" where they have not.
struct MovedInputs {
    std::string model, data, test;
};

/// Collective. Throws AgreedError naming the file that is gone or has changed, and what to do.
RecordedRun load_recorded_run(const mpi::Communicator& world, const KernelFile& kernel,
                              const MovedInputs& moved);

}  // namespace tangram
