#pragma once
// A dataset of numbers that the user names as FILE:DATASET: samples, labels, row numbers, outputs. Whatever
// is wrong with it is an Error(bad_input) that names file, dataset and shape.

#include "tangram/model/location.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tangram {

struct InputDataset {
    FileAndName location;
    h5::Handle file;
    h5::Handle dataset;
    std::vector<Index> shape;
    bool integers = false;  ///< stored as integers, otherwise as floating-point numbers

    [[nodiscard]] Index rows() const { return shape.front(); }
};

/// Opens a dataset of integers or floats with at least one dimension. `what` says what it is for: "samples".
InputDataset open_input(const std::string& location, const std::string& what);

/// "file:dataset, (1797, 64)".
std::string describe(const InputDataset& input);

/// The product of all dimensions but the first.
Index flattened_width(const InputDataset& input);

/// Reads the given rows, flattened, in the order given, into `out` (rows.size(), width), contiguous. Each row
/// is read once, in the order in which they lie in the file, consecutive ones together.
void read_input_rows(const InputDataset& input, std::span<const std::int64_t> rows, MatrixView<double> out);

/// Throws Error(bad_input) naming row and column of the first entry of `block` that is not finite. `rows` are
/// the row numbers in the input.
void require_finite(const InputDataset& input, std::span<const std::int64_t> rows,
                    ConstMatrixView<double> block);

}  // namespace tangram
