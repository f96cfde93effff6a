#pragma once
// Targets that `tangram spectrum` projects on eigenvectors. Private to commands/.

#include "tangram/commands/spectrum.hpp"
#include "tangram/file/kernel_file.hpp"
#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Targets of the samples, ready to be projected: (N, C).
struct SpectrumTargets {
    Matrix<double> projected;  ///< less their column means, or the prior, or as they are
    Matrix<double> alignment;
    std::string text;  ///< what was done with them
    std::vector<std::string> notes;
};

/// Of samples that are rows `rows` of their input, with outputs (N, C). Not collective. Throws Error(usage), Error(bad_input).
SpectrumTargets prepare_targets(const SpectrumOptions& options, const KernelFile& kernel,
                                const std::vector<std::int64_t>& rows, const Matrix<double>& outputs);

/// Of a kernel file's samples.
SpectrumTargets read_spectrum_targets(const SpectrumOptions& options, const KernelFile& kernel);

}  // namespace tangram
