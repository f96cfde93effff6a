#pragma once
// The run that wrote a kernel file, set up again from what the file records: its options, and its inputs, which must be the
// very same files (their SHA-256 is compared first).

#include "tangram/commands/inputs.hpp"
#include "tangram/output/kernel_file.hpp"

#include <string>

namespace tangram {

struct RecordedRun {
    KernelOptions options;
    Inputs inputs;
};

/// Where inputs have moved to; "" where they have not.
struct MovedInputs {
    std::string model, data;
};

/// Collective. Throws AgreedError naming the file that is gone or has changed, and what to do.
RecordedRun load_recorded_run(const mpi::Communicator& world, const KernelFile& kernel,
                              const MovedInputs& moved);

}  // namespace tangram
