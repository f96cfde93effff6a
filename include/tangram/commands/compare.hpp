#pragma once
// `tangram compare`: why does another program's kernel of the same samples differ from ours?

#include "tangram/support/mpi.hpp"

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace tangram {

struct CompareOptions {
    std::string file;               ///< OUT.h5
    std::string other;              ///< OTHER.h5:DATASET or OTHER.npy
    std::string like;               ///< the reduction that OTHER is of; "" for the file's own
    double tolerance = 1e-5;        ///< of the largest entry
    std::string model, data, test;  ///< where the recorded inputs have moved to
};

void add_compare_options(CLI::App& app, CompareOptions& options);

/// Throws Error(usage).
void validate(const CompareOptions& options);

/// Collective. Prints the verdict and the numbers behind it on rank 0. Returns done if the two are equal, else
/// check_failed.
int run_compare(const CompareOptions& options, const mpi::Communicator& world);

}  // namespace tangram
