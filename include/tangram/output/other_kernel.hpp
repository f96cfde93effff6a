#pragma once
// Another program's kernel of the same samples, as a (n, n) matrix with our rows: n = N, or N C for reduction full, row
// i C + r. What lies in the file may be
//
//   (n, n)         as ours
//   (N, C, N, C)   the same, not flattened
//   (N, N, C, C)   neural-tangents' order: entry (i, j, r, s)

#include "tangram/support/matrix.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tangram {

struct OtherSource;

class OtherKernel {
public:
    /// Opens FILE.npy, or FILE:DATASET of HDF5 (/ntk of a kernel file of ours without a DATASET), for a kernel of
    /// `samples` samples with `rows_per_sample` rows each. Not collective. Throws Error(bad_input) naming file, dataset
    /// and shape, Error(io).
    OtherKernel(const std::string& location, Index samples, Index rows_per_sample);
    ~OtherKernel();
    OtherKernel(OtherKernel&&) noexcept;
    OtherKernel& operator=(OtherKernel&&) = delete;

    /// Entries from (row, col) on; whole samples, or one row, or one column: row, col, out.rows and out.cols are multiples
    /// of rows_per_sample, or out.rows is 1. Throws Error(io), and Error(bad_input) naming an entry that is not finite.
    void read(Index row, Index col, MatrixView<double> out) const;

    /// Relative size of its rounding: 2^-23 for float32, 2^-52 for float64.
    [[nodiscard]] double rounding_unit() const;
    /// "other.h5:K, (1797, 1797), float64".
    [[nodiscard]] std::string description() const;

private:
    void read_blocks(Index row, Index col, MatrixView<double> out) const;
    std::string location_;
    std::unique_ptr<OtherSource> source_;
    std::vector<Index> shape_;
    Index rows_per_sample_ = 1;
};

}  // namespace tangram
