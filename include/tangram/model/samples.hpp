#pragma once
// The samples: rows of an HDF5 dataset, x <- scale * x + shift, flattened to N x d_0. Opening validates;
// reading touches the rows asked for and no others.

#include "tangram/support/hdf5.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct SampleOptions {
    std::string location;                ///< FILE:DATASET
    std::string rows;                    ///< "A:B", half-open; "" for all
    std::string indices;                 ///< FILE:DATASET of row numbers; "" for none
    std::optional<double> scale, shift;  ///< x <- scale x + shift
};

/// Which rows of the input are the N samples, in kernel order, and how wide they are.
struct SampleSelection {
    Index dataset_rows = 0;          ///< rows of the whole input
    Index width = 0;                 ///< d_0 after flattening
    bool integers = false;           ///< stored as integers
    std::vector<std::int64_t> rows;  ///< (N): the row of each sample in the input
    [[nodiscard]] Index count() const { return static_cast<Index>(rows.size()); }
};

/// Opens the input and settles which rows are the samples. `expected_width` is the network's d_0.
/// Throws Error(bad_input) naming file, dataset and shape, or Error(usage) on a malformed --rows.
SampleSelection select_samples(const SampleOptions& options, Index expected_width);

/// Reads samples [first, first + out.rows) of the selection into `out` (contiguous, out.cols = width),
/// scaled. Throws Error(bad_input) naming row and column of a value that is not finite.
void read_samples(const SampleOptions& options, const SampleSelection& selection, Index first,
                  MatrixView<double> out);

/// Samples [first, first + out.rows) of a run's N, (n, d_0), read afresh from wherever they are.
using ReadSamples = std::function<void(Index first, MatrixView<double> out)>;

/// Labels of the selected samples: one for each row of the input or one for each sample.
struct Labels {
    bool integers = true;
    std::vector<double> values;  ///< (N)
};
Labels read_labels(const std::string& location, const SampleSelection& selection);

/// The user's own outputs for samples [first, first + out.rows): (rows of the input or N, C) as stored.
/// Returns whether the stored type is narrower than float64, so that agreement can only be expected to its
/// precision.
bool read_expected_outputs(const std::string& location, const SampleSelection& selection, Index first,
                           MatrixView<double> out);

}  // namespace tangram
