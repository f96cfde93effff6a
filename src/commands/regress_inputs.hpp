#pragma once
// What `tangram regress` reads before it computes: kernel files, targets, outputs. Private to commands/.

#include "tangram/commands/regress.hpp"
#include "tangram/file/kernel_block_cyclic.hpp"
#include "tangram/file/kernel_samples.hpp"
#include "tangram/regression/result.hpp"

#include <optional>

namespace tangram {

/// The kernel of test samples against these, and what it has of both.
struct CrossInputs {
    KernelFile kernel;
    KernelSum sum;
    std::optional<Matrix<double>> diagonals;  ///< scaled as the kernel is
};

struct RegressInputs {
    KernelFile kernel;
    KernelSum sum;
    std::optional<CrossInputs> cross;
    RegressionResult result;  ///< with all that is known before computing
};

/// Not collective. Throws Error(usage), Error(bad_input), Error(io).
RegressInputs read_regress_inputs(const RegressOptions& options);

}  // namespace tangram
