#pragma once
// Whether two kernel files are of the same network, the same rows of its Jacobian and the same training samples, by what is in
// them: parameter values, operators, reduction, hashes of samples as the network sees them. Never by names of files, their hashes, the
// precision, tiles or the version.

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/kernel_samples.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Throws Error(bad_input) that names what differs. Returns what is worth saying though it does not: another precision.
std::vector<std::string> require_same_network(const KernelFile& train, const KernelSamples& train_samples,
                                              const KernelFile& cross, const KernelSamples& cross_samples);

/// Which samples are there more than once.
struct Repeated {
    std::vector<bool> in_train;  ///< (M): this test sample is a training sample
    Index test_in_train = 0;     ///< how many
    Index train_duplicates = 0;  ///< training samples that another one before them equals
    Index contradicting = 0;     ///< of these, with other targets than that one
};
/// `targets` (N, C) of the training samples. `test_hashes` may be empty.
Repeated count_repeated(const std::vector<std::uint64_t>& train_hashes,
                        const std::vector<std::uint64_t>& test_hashes, const Matrix<double>& targets);

}  // namespace tangram
