#pragma once
// `tangram regress`: what the kernel in a file predicts: kernel regression, its scores, and training of the linearised network; or, of
// a network and samples, kernel regression at one ridge with a kernel that is never made.

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

struct RegressOptions {
    std::string file;
    TargetOptions targets;
    std::string test;          ///< CROSS.h5
    std::string test_targets;  ///< FILE[:DATASET]
    std::string output;
    std::vector<std::string> ridges;  ///< numbers, numbers with an m behind, or "auto"
    std::vector<std::string> times;   ///< numbers or "inf"
    std::vector<std::string> steps;
    std::optional<double> learning_rate;
    std::string loss = "sum";
    std::optional<double> kernel_scale;
    double prior_variance = 1;
    std::vector<std::string> components;  ///< shell patterns; none: the total
    std::int64_t attribution = 0;
    std::string attribution_by = "left-out";
    std::int64_t attribution_output = -1;
    bool drop_duplicates = false;
    std::string eigen;  ///< S.h5
    std::string solver = "auto";
    std::string scores = "all";
    std::string csv;
    MatrixFreeOptions matrix_free;      ///< of a network, in the place of a file
    std::int64_t preconditioner = 100;  ///< vectors that it is made of
    std::optional<std::int64_t> threads;
    bool overwrite = false;
    bool dry_run = false;
    std::string command_line;
    std::string configuration;
};

void add_regress_options(CLI::App& app, RegressOptions& options);

/// Throws Error(usage).
void validate(const RegressOptions& options);

/// The options of a run without a file, with what both ways have.
MatrixFreeOptions matrix_free_options(const RegressOptions& options);

/// The same where a network is named: nothing of size N x N is made.
int run_matrix_free_regress(const RegressOptions& options, const mpi::Communicator& world, StopRequest& stop);

/// Collective. Prints a table on rank 0. Returns the exit code.
int run_regress(const RegressOptions& options, const mpi::Communicator& world);

}  // namespace tangram
