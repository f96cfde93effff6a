#pragma once
// `tangram drift`: how the kernel changes over the checkpoints of a training run. Of models, their kernels are made side by side, tile by
// tile, and none is stored; of kernel files, they are read.

#include "tangram/run/kernel_options.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/stop_request.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

struct DriftOptions {
    std::vector<std::string> files;   ///< kernel files, in the place of models
    std::vector<std::string> models;  ///< checkpoints, in order
    std::string list;                 ///< a text that names them, one a line; "" for none
    std::vector<double> steps;        ///< of each; none: by their names
    KernelOptions run;                ///< all else
    std::string command_line;
    std::string configuration;
};

void add_drift_options(CLI::App& app, DriftOptions& options);

/// Throws Error(usage).
void validate(const DriftOptions& options);

/// Whether the run makes tiles, which can be stopped and resumed.
inline bool can_be_stopped(const DriftOptions& options) {
    return options.files.empty();
}

/// Collective. Prints tables on rank 0. Returns the exit code.
int run_drift(const DriftOptions& options, const mpi::Communicator& world, StopRequest* stop);

/// Collective. The same of kernel files, which are read and not made.
int run_drift_of_files(const DriftOptions& options, const mpi::Communicator& world);

}  // namespace tangram
