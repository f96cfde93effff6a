#pragma once
// `tangram spectrum`: the eigenvalues, and eigenvectors, of the matrices in a kernel file, to a file of their own.

#include "tangram/regression/targets.hpp"
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
    bool overwrite = false;
    std::string command_line;
    std::string configuration;
};

void add_spectrum_options(CLI::App& app, SpectrumOptions& options);

/// Throws Error(usage).
void validate(const SpectrumOptions& options);

/// Collective. Prints a table on rank 0. Returns the exit code.
int run_spectrum(const SpectrumOptions& options, const mpi::Communicator& world);

}  // namespace tangram
