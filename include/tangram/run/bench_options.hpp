#pragma once
// What `tangram bench` may be told.

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
    std::string model;  ///< an ONNX file in the place of the random network
    std::string reduction = "trace";
    std::optional<std::int64_t> logit;  ///< of one output, in the place of the reduction
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

}  // namespace tangram
