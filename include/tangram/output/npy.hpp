#pragma once
// NumPy's .npy files of numbers: a header with dtype and shape, then the entries in row-major (C) or column-major (Fortran)
// order. Format: numpy.lib.format, versions 1 to 3.

#include "tangram/support/file_descriptor.hpp"
#include "tangram/support/matrix.hpp"

#include <span>
#include <string>
#include <vector>

namespace tangram {

class NpyFile {
public:
    /// Throws Error(bad_input) naming the file if it is none, of another dtype than real numbers and integers, or not as
    /// long as its header says.
    explicit NpyFile(const std::string& path);

    [[nodiscard]] const std::vector<Index>& shape() const { return shape_; }
    /// "<f8"
    [[nodiscard]] const std::string& dtype() const { return dtype_; }
    /// Bytes of one entry.
    [[nodiscard]] Index entry_bytes() const { return entry_bytes_; }

    /// The entries start <= index < start + count along every axis, row-major, into `out`. Throws Error(io).
    void read_box(std::span<const Index> start, std::span<const Index> count, double* out) const;

private:
    void parse_header(const std::string& header);
    FileDescriptor file_;
    std::string path_;
    std::string dtype_;
    Index entry_bytes_ = 0;
    bool column_major_ = false;
    std::vector<Index> shape_;
    Index data_begin_ = 0;
};

}  // namespace tangram
