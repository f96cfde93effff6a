#pragma once
// The kernels of test samples with themselves, which no matrix of their file has on its diagonal.

#include "tangram/file/kernel_file.hpp"
#include "tangram/support/matrix.hpp"

namespace tangram {

/// /diagonal of a kernel of test samples: (M, R' R'). Not collective. Throws Error(bad_input) where its shape does not fit the file,
/// Error(io).
Matrix<double> read_diagonal(const KernelFile& kernel);

}  // namespace tangram
