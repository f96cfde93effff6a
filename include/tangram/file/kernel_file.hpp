#pragma once
// A finished kernel file, read back: what its attributes and the shapes of its datasets say.
//
//   /ntk and /components/<tensor> (n, n), /conjugate_kernels/<layer> (N, N)     n = N, or N R for full, R = C
//   the same, (m, n) and (M, N)                                                    of test samples against samples
//   /parameter_gram (P, P)                                                         instead, with --space params
//   /outputs (N, C)   /samples (N)   /checksums/<dataset> (tiles, tiles)
//
// Everything that a reader of tiles relies on is looked at, so that a file which is not what it says is refused by
// name.

#include "tangram/grid/shape.hpp"
#include "tangram/support/hdf5.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// What the run that wrote the file said of its own checks.
struct RecordedChecks {
    Index passed = -1;  ///< 1, 0, or -1: not run
    double tolerance = 0;
    std::string first_failure;  ///< "" if none
};

struct KernelFile {
    std::string path;
    std::string product;     ///< "samples", "test x train", "params"
    Shape shape;             ///< its matrices do not know their sources
    Index samples = 0;       ///< N
    Index test_samples = 0;  ///< M, 0 where there are none
    Index outputs = 1;       ///< C
    std::string software_version, date, reduction, parameterization;
    Index logit = -1;  ///< -1: none
    /// Which rows of J, for people: "trace of 10 outputs".
    std::string reduction_text;
    Index rows_of_sample = 1;  ///< R: rows of J a sample
    bool of_plain_outputs =
        true;  ///< the reduction's name says all: no loss, no outputs chosen, combined or weighted
    /// What takes the place of C where an entry is made of all outputs.
    [[nodiscard]] Index outputs_that_count() const { return of_plain_outputs ? outputs : rows_of_sample; }
    bool gradients_are_given = false;  ///< by a file, and no network: there are no outputs
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

}  // namespace tangram
