#pragma once
// The samples: rows of one dataset, or of several whose columns are joined, flattened to N x d_0. Opening validates; reading
// touches the rows asked for and no others. In this order, whatever of it is asked for:
//
//   axes reversed (--transpose) | channels first, (N, H, W, C) -> (N, C, H, W) | x <- ((scale x + shift) - mean) / std |
//   columns of several datasets joined

#include "tangram/input/input_dataset.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// What samples are to the network. Integers and truth values (0 and 1) are what they are: never scaled. Of row numbers nothing is
/// read: the columns are the row's own number (network/stored_rows.hpp), counted from `first_number`.
enum class SampleKind { numbers, integers, booleans, row_number };

struct SampleOptions {
    std::vector<std::string> locations;  ///< FILE[:DATASET], one, or several whose columns are joined
    std::string rows;                    ///< "A:B", half-open; "" for all
    std::string indices;                 ///< FILE[:DATASET] of row numbers; "" for none
    /// Of x <- ((scale x + shift) - mean) / std: empty, one number, one a channel or one a column.
    std::vector<double> scale{}, shift{}, mean{}, std{};
    std::optional<bool> transpose{};  ///< rows lie along the last axis of the file; not said: by shape
    bool channels_first = false;      ///< the last axis becomes the first after the rows
    std::vector<SampleKind> kinds{};  ///< [location]; none: all are numbers
    Index first_number = 0;           ///< of row numbers
    std::string name{};               ///< what messages call them all; "": their locations
    [[nodiscard]] SampleKind kind(std::size_t k) const {
        return kinds.empty() ? SampleKind::numbers : kinds[k];
    }
};

/// "a.h5:x", or "a.h5:x + a.h5:t"; or their name.
std::string data_text(const SampleOptions& options);

/// A dataset of samples as it is read.
struct SampleSource {
    std::string location;  ///< with the dataset, also where the user left it out
    bool transposed = false;
    Index width = 0;     ///< columns that it gives
    Index channels = 1;  ///< of them, width / channels follow each other
};

/// Which rows of the input are the N samples, in kernel order, and how wide they are.
struct SampleSelection {
    Index dataset_rows = 0;          ///< rows of the whole input
    Index width = 0;                 ///< d_0 after flattening and joining
    bool integers = false;           ///< stored as integers
    std::vector<std::int64_t> rows;  ///< (N): the row of each sample in the input
    std::vector<SampleSource> sources{};
    std::vector<std::string> notes{};  ///< what the user should be told: on the rank that selected
    /// Arrays that stay open from one read to the next, so that a compressed one is unpacked once: one a source.
    mutable std::vector<std::shared_ptr<const NumberArray>> open_arrays{};
    [[nodiscard]] Index count() const { return static_cast<Index>(rows.size()); }
};

/// Opens the input and settles which rows are the samples. `expected_width` is the network's d_0.
/// Throws Error(bad_input) naming file, dataset and shape, or Error(usage) on a malformed --rows.
SampleSelection select_samples(const SampleOptions& options, Index expected_width);

/// Reads samples [first, first + out.rows) of the selection into `out` (contiguous, out.cols = width),
/// scaled. Throws Error(bad_input) naming row and column of a value that is not finite.
void read_samples(const SampleOptions& options, const SampleSelection& selection, Index first,
                  MatrixView<double> out);

/// Labels of the selected samples: one for each row of the input or one for each sample. As integers (also stored as
/// floats), booleans (0, 1), one-hot rows (the column of the 1) or strings (the place in `classes`).
struct Labels {
    bool integers = true;
    std::vector<double> values{};        ///< (N)
    std::vector<std::string> classes{};  ///< of strings: each once, sorted
    std::vector<std::string> notes{};    ///< what the user should be told
};
/// Strings are numbered by `train`, the labels of the training samples, where those are given. Throws Error(bad_input)
/// that names a class which is not among them, and where one has strings and the other numbers.
Labels read_labels(const std::string& location, const SampleSelection& selection,
                   const Labels* train = nullptr);

/// What the outputs should be for all samples of the selection, (N, C): stored as (rows of the input or N, C).
Matrix<double> read_targets(const std::string& location, const SampleSelection& selection, Index outputs);

/// The user's own outputs for samples [first, first + out.rows): (rows of the input or N, C) as stored.
/// Returns whether the stored type is narrower than float64, so that agreement can only be expected to its
/// precision.
bool read_expected_outputs(const std::string& location, const SampleSelection& selection, Index first,
                           MatrixView<double> out);

}  // namespace tangram
