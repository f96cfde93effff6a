#pragma once
// `tangram verify`: is a kernel file whole, and what it was when it was written?

#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace tangram {

struct VerifyOptions {
    std::string file;
    std::optional<std::int64_t> threads;  ///< this rank's share of the cores
};

void add_verify_options(CLI::App& app, VerifyOptions& options);

/// Throws Error(usage).
void validate(const VerifyOptions& options);

/// Collective. Prints a table on rank 0. Returns done, or throws AgreedError(check_failed) naming the first bad tile.
int run_verify(const VerifyOptions& options, const mpi::Communicator& world);

}  // namespace tangram
