#pragma once
// Another program's kernel of the same samples, as a (m, n) matrix with our rows and columns: (M, N) samples, or (M C, N C)
// for reduction full, row i C + r. M = N and the samples are the same, or M test samples are held against N samples. What
// lies in the file may be
//
//   (m, n)         as ours
//   (M, C, N, C)   the same, not flattened
//   (M, N, C, C)   neural-tangents' order: entry (i, j, r, s)
//   (M, N, C)      entry (i, j, r) of outputs r and r: the diagonal over outputs. Against one row a sample: their sum, their
//                  mean, or the one output that ours is of; against reduction full the entries of r != s are absent
//   (M, N)         one row a sample, where ours is of reduction full
//   (a, b)         fewer rows or columns: perhaps a part of ours
//
// or, of a kernel that is not symmetric, any of them with the samples in each other's place: then it is read transposed.

#include "tangram/support/matrix.hpp"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace tangram {

struct OtherSource;

enum class OtherLayout { rows, flat_blocks, blocks, output_diagonal, one_row_a_sample, part };

/// What is known of the kernel that it is compared with.
struct OurKernel {
    Index row_samples = 0, column_samples = 0;  ///< M, N
    bool symmetric = true;
    Index outputs = 1;
    std::string reduction;
    Index logit = -1;
    [[nodiscard]] Index rows_per_sample() const { return reduction == "full" ? outputs : 1; }
    [[nodiscard]] Index rows() const { return row_samples * rows_per_sample(); }
    [[nodiscard]] Index columns() const { return column_samples * rows_per_sample(); }
};

/// An absent entry is read as NaN; a NaN in the file is an error.
inline bool is_absent(double entry) {
    return std::isnan(entry);
}

class OtherKernel {
public:
    /// Opens FILE.npy, or FILE:DATASET of HDF5 (/ntk of a kernel file of ours without a DATASET). Not collective. Throws
    /// Error(bad_input) naming file, dataset and shape, Error(io).
    OtherKernel(const std::string& location, OurKernel ours);
    ~OtherKernel();
    OtherKernel(OtherKernel&&) noexcept;
    OtherKernel& operator=(OtherKernel&&) = delete;

    /// Entries from (row, col) on; whole samples, or one row, or one column: row, col, out.rows and out.cols are multiples
    /// of rows_per_sample, or out.rows or out.cols is 1. Throws Error(io), and Error(bad_input) naming an entry that is not
    /// finite.
    void read(Index row, Index col, MatrixView<double> out) const;
    /// As it is read: of the dataset, or of its transpose.
    [[nodiscard]] Index part_rows() const { return shape_[is_transposed_ ? 1 : 0]; }
    [[nodiscard]] Index part_columns() const { return shape_[is_transposed_ ? 0 : 1]; }

    [[nodiscard]] bool is_transposed() const { return is_transposed_; }
    /// Whether its shape leaves open which way it lies; then it is read as it lies, until it is turned.
    [[nodiscard]] bool fits_both_ways() const { return fits_both_ways_; }
    void turn() { is_transposed_ = !is_transposed_; }

    [[nodiscard]] OtherLayout layout() const { return layout_; }
    [[nodiscard]] const std::vector<Index>& shape() const { return shape_; }
    /// Whether no entry is absent.
    [[nodiscard]] bool has_all_entries() const {
        return layout_ != OtherLayout::output_diagonal || rows_per_sample_ == 1;
    }
    /// Throws Error(bad_input) with the shapes that it could have.
    [[noreturn]] void refuse_shape() const;

    /// Relative size of its rounding: 2^-23 for float32, 2^-52 for float64.
    [[nodiscard]] double rounding_unit() const;
    /// "other.h5:K, (1797, 1797), float64".
    [[nodiscard]] std::string description() const;

private:
    void read_as_it_lies(Index row, Index col, MatrixView<double> out) const;
    void read_matrix(Index row, Index col, MatrixView<double> out) const;
    void read_blocks(Index row, Index col, MatrixView<double> out) const;
    void read_diagonal(Index row, Index col, MatrixView<double> out) const;
    std::string location_;
    OurKernel ours_;
    OtherLayout layout_ = OtherLayout::rows;
    std::unique_ptr<OtherSource> source_;
    std::vector<Index> shape_;
    Index rows_per_sample_ = 1;
    bool is_transposed_ = false, fits_both_ways_ = false;
};

}  // namespace tangram
