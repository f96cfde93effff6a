#pragma once
// A dataset of numbers that the user names: samples, labels, row numbers, outputs. It is
//
//   FILE:DATASET    of an HDF5 file (MATLAB's from -v7.3 on among them)
//   FILE.npy, FILE.npz:NAME, an IDX file (train-images-idx3-ubyte), also .gz
//
// and without DATASET or NAME the only one that the file has. Rows are along the first axis; `transposed`, along the last,
// and all axes in reversed order: what a column-major program calls (N, d) is (d, N) in a file. Whatever is wrong with it
// is an Error(bad_input) that names file, dataset and shape.

#include "tangram/support/hdf5.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/matrix.hpp"
#include "tangram/support/number_array.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tangram {

struct InputDataset {
    FileAndName location;
    h5::Handle file;                           ///< of HDF5
    h5::Handle dataset;                        ///< of HDF5
    std::shared_ptr<const NumberArray> array;  ///< of any other format
    std::vector<Index> shape;                  ///< as in the file
    ElementKind kind = ElementKind::real;
    bool integers = false;          ///< stored as integers
    bool is_half = false;           ///< stored in float16, whose range ends early
    Index element_bytes = 8;        ///< of one entry
    bool is_chosen = false;         ///< the name was not given: it is the only one there
    bool has_matlab_class = false;  ///< written by MATLAB
    bool transposed = false;

    [[nodiscard]] Index rows() const { return transposed ? shape.back() : shape.front(); }
    /// The shape with rows first.
    [[nodiscard]] std::vector<Index> shape_by_rows() const;
};

/// Opens a dataset of numbers or booleans with at least one dimension. `what` says what it is for: "samples".
InputDataset open_input(const std::string& location, const std::string& what);

/// All entries of a one-dimensional dataset of texts, in the order of the file; nothing if it is none.
std::vector<std::string> read_texts(const std::string& location);

/// "file:dataset, (1797, 64)".
std::string describe(const InputDataset& input);

/// The product of all dimensions but that of the rows.
Index flattened_width(const InputDataset& input);

/// The entries start <= index < start + count along every axis of the file, row-major, into `out`.
void read_box(const InputDataset& input, std::span<const Index> start, std::span<const Index> count,
              double* out);

/// Reads the given rows, flattened, in the order given, into `out` (rows.size(), width), contiguous. Each row
/// is read once, in the order in which they lie in the file, consecutive ones together.
void read_input_rows(const InputDataset& input, std::span<const std::int64_t> rows, MatrixView<double> out);

/// Throws Error(bad_input) naming row and column of the first entry of `block` that is not finite. `rows` are
/// the row numbers in the input.
void require_finite(const InputDataset& input, std::span<const std::int64_t> rows,
                    ConstMatrixView<double> block);

}  // namespace tangram
