#pragma once
// A finished kernel file, read back: what its attributes and the shapes of its datasets say.
//
//   /ntk and /components/<tensor> (n, n), /conjugate_kernels/<layer> (N, N)     n = N, or N C for full
//   /parameter_gram (P, P)                                                         instead, with --space params
//   /outputs (N, C)   /samples (N)   /checksums/<dataset> (tiles, tiles)
//
// Everything that a reader of tiles relies on is looked at, so that a file which is not what it says is refused by
// name.

#include "tangram/output/schema.hpp"
#include "tangram/support/hdf5.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tangram {

/// What the run that wrote the file said of its own checks.
struct RecordedChecks {
    Index passed = -1;  ///< 1, 0, or -1: not run
    double tolerance = 0;
    std::string first_failure;  ///< "" if none
};

struct KernelFile {
    std::string path;
    KernelShape shape;
    std::string software_version, date, reduction, parameterization;
    Index logit = -1;  ///< -1: none
    RecordedChecks checks;
    std::optional<std::uint64_t> contents;  ///< checksum of all that is not a tile; older files have none
};

/// What to do with a file whose own checks failed: most commands have no use for it.
enum class FailedChecks { refuse, accept };

/// Opens the file. Throws Error(bad_input) if it is none of HDF5's, Error(io) if it cannot be read or is cut off.
h5::Handle open_kernel_file(const std::string& path);

/// Reads what describes the file. Not collective. Throws Error(bad_input), naming file and dataset, if it is no
/// tangram file, of another version, unfinished, or if what it says of itself does not fit; Error(check_failed);
/// Error(io).
KernelFile read_kernel_file(const std::string& path, FailedChecks failed_checks);

/// Throws Error(bad_input) if it is of the space of parameters.
void require_of_samples(const KernelFile& kernel);

}  // namespace tangram
