#pragma once
// The kernel files that `tangram drift A.h5 B.h5 ..` compares: opened, of the same samples and rows of J, and what in them is compared.
// Private to commands/.

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/kernel_samples.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/run/inputs.hpp"

#include <string>
#include <vector>

namespace tangram {

/// A kernel file, opened.
struct StoredKernel {
    KernelFile kernel;
    KernelSamples samples;
    TileFile tiles;
    Index parameters;
};

/// What of the files is compared.
struct Comparison {
    std::vector<StoredKernel> files;
    std::vector<std::string> names{"ntk"};           ///< of kernels
    std::vector<std::vector<std::size_t>> matrices;  ///< [kernel][model]: of that file
    std::string notes;                               ///< lines for people
    InputSet samples;                                ///< their labels and targets, as the first file has them
    [[nodiscard]] const KernelFile& first() const { return files.front().kernel; }
};

/// Not collective. Throws Error(bad_input) that names two files which cannot be compared.
Comparison open_all(const std::vector<std::string>& paths);

}  // namespace tangram
