#pragma once
// `tangram bench`: how close to the hardware the program comes. A random network and random samples go through
// the parts of a kernel run, and beside each part stands what the machine gives when nothing is in the way.

#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

struct BenchOptions {
    std::int64_t samples = 8192;
    std::vector<std::int64_t> widths{1024, 1024, 1024, 1};  ///< d_0, d_1, .., C
    std::string reduction = "trace";
    std::string precision = "float32";
    std::string components = "none";
    std::int64_t repeat = 5;
    double gemm_seconds = 1;
    bool json = false;
    std::optional<std::int64_t> threads;  ///< this rank's share of the cores
    std::optional<std::int64_t> tile;     ///< samples a panel (by N and the network)
    std::string directory = ".";          ///< where the write tests go
};

void add_bench_options(CLI::App& app, BenchOptions& options);

/// Throws Error(usage) on values that make no run.
void validate(const BenchOptions& options);

/// Collective. Rank 0 prints the report; every rank returns the exit code.
int run_bench(const BenchOptions& options, const mpi::Communicator& world);

}  // namespace tangram
