#pragma once
// `tangram spectrum`: the eigenvalues, and eigenvectors, of the matrices in a kernel file, to a file of their own; or, of a network and
// samples, those of a kernel that is never made.

#include "tangram/regression/targets.hpp"
#include "tangram/run/matrix_free.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

struct SpectrumOptions {
    std::string file;
    std::string output;           ///< "" for FILE.spectrum.h5
    std::vector<std::string> of;  ///< or "all"; none: the kernel, or the parameter Gram
    bool values = false;          ///< alone, which is what happens anyway
    bool vectors = false;
    std::optional<std::int64_t> top;  ///< eigenvectors of the largest only
    TargetOptions targets;            ///< none where its location is ""
    bool targets_plain = false;       ///< projected as they are
    std::optional<std::int64_t> threads;
    MatrixFreeOptions matrix_free;  ///< of a network, in the place of a file
    std::int64_t estimate = 0;      ///< random vectors
    std::int64_t lanczos_steps = 100;
    std::int64_t seed = 0;
    std::vector<std::string> ridges;
    bool density = false;
    bool dry_run = false;
    bool overwrite = false;
    std::string command_line;
    std::string configuration;
};

void add_spectrum_options(CLI::App& app, SpectrumOptions& options);

/// Throws Error(usage).
void validate(const SpectrumOptions& options);

/// The same where a network is named: nothing of size N x N is made.
int run_matrix_free_spectrum(const SpectrumOptions& options, const mpi::Communicator& world,
                             StopRequest& stop);

/// Collective. Prints a table on rank 0. Returns the exit code.
int run_spectrum(const SpectrumOptions& options, const mpi::Communicator& world);

}  // namespace tangram
