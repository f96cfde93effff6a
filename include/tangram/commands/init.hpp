#pragma once
// `tangram init`: a random network, N(0, 1) as in the notebook that tangram grew from, and samples to go with
// it. The same seed makes the same bytes everywhere.

#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

struct InitOptions {
    std::vector<std::int64_t> widths;  ///< d_0, d_1, .., C
    std::string output;
    std::int64_t seed = 0;
    std::optional<double> std_deviation;  ///< of every weight and bias (1)
    bool fan_in = false;                  ///< weights N(0, 1 / fan_in) instead
    bool no_bias = false;
    std::int64_t samples = 0;
    std::string data;
    bool overwrite = false;
};

void add_init_options(CLI::App& app, InitOptions& options);

/// Throws Error(usage) on values that make no network.
void validate(const InitOptions& options);

/// Collective. Rank 0 writes the files; every rank returns the exit code.
int run_init(const InitOptions& options, const mpi::Communicator& world);

}  // namespace tangram
