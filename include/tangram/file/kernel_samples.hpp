#pragma once
// What a kernel file holds of its samples, read back.

#include "tangram/file/kernel_file.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct KernelSamples {
    std::vector<std::int64_t> rows;     ///< (N): the row of each in the input
    std::vector<std::uint64_t> hashes;  ///< (N); none in files of before there were any
    Matrix<double> outputs;             ///< (N, C) of the network; empty where gradients were given
};

/// Those of the columns, and of the rows of a kernel of test samples. Not collective. Throws Error(io).
KernelSamples read_kernel_samples(const KernelFile& kernel);
KernelSamples read_test_samples(const KernelFile& kernel);

/// The part of /diagonal that one tensor has: (M, R' R'); `component`: its matrix in the file. Nothing where the file has none.
std::optional<Matrix<double>> read_component_diagonal(const KernelFile& kernel,
                                                      const StoredMatrix& component);

/// The identity of the run that wrote the file, as JSON; "" where there is none.
std::string read_kernel_identity(const KernelFile& kernel);

/// A root attribute; what is said otherwise where there is none.
std::string read_root_text(const KernelFile& kernel, const std::string& name, const std::string& otherwise);
Index read_root_integer(const KernelFile& kernel, const std::string& name, Index otherwise);

}  // namespace tangram
