#pragma once
// The eigenvectors that `tangram spectrum --vectors` wrote, in the place of computing them.

#include "tangram/file/kernel_block_cyclic.hpp"
#include "tangram/regression/modes.hpp"

#include <string>

namespace tangram {

/// Collective over the kernel's ranks. Of the one matrix of `sum`. Throws Error(bad_input) where the file has them not, or
/// is of another kernel file.
std::shared_ptr<const Modes> modes_of_file(const KernelOnRanks& kernel, const std::string& path,
                                           const KernelFile& file, const KernelSum& sum);

}  // namespace tangram
