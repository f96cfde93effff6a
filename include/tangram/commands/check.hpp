#pragma once
// `tangram check`: the checks of a finished kernel file once more, with more or other samples and another probe.

#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace tangram {

struct CheckOptions {
    std::string file;
    std::int64_t samples = 64;
    bool all = false;
    std::int64_t seed = 2;  ///< of the choice of samples and of the probe; a kernel run has 1
    std::optional<double> tolerance;
    std::optional<std::int64_t> threads;
    std::string model, data, test;  ///< where the recorded inputs have moved to
};

void add_check_options(CLI::App& app, CheckOptions& options);

/// Throws Error(usage).
void validate(const CheckOptions& options);

/// Collective. Prints the checks on rank 0. Returns done, or throws AgreedError(check_failed) naming the first that failed.
int run_check(const CheckOptions& options, const mpi::Communicator& world);

}  // namespace tangram
