#pragma once
// An array of numbers, or of short texts, that lies in a file entry by entry: what .npy, .npz and IDX files hold. Entries are
// in row-major (C) or column-major (Fortran) order; only those that are asked for are read.

#include "tangram/support/byte_source.hpp"
#include "tangram/support/matrix.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tangram {

enum class ElementKind { real, integer, boolean, text };

struct ElementType {
    ElementKind kind = ElementKind::real;
    bool is_signed = true;
    Index bytes = 8;  ///< of one entry
    bool big_endian = false;
    bool wide_text = false;  ///< texts of 4-byte code points, otherwise of bytes
};

class NumberArray {
public:
    /// The entries begin at byte `data_begin` of `bytes` and are all that follows. Throws Error(bad_input) where they are
    /// not as many as `shape` says.
    NumberArray(ByteSource bytes, Index data_begin, ElementType type, std::vector<Index> shape,
                bool column_major);

    [[nodiscard]] const std::vector<Index>& shape() const { return shape_; }
    [[nodiscard]] const ElementType& type() const { return type_; }

    /// The numbers at start <= index < start + count along every axis, row-major, into `out`. Throws Error(bad_input),
    /// Error(io).
    void read_box(std::span<const Index> start, std::span<const Index> count, double* out) const;

    /// All entries of an array of texts, as UTF-8, in the order of the file.
    [[nodiscard]] std::vector<std::string> read_texts() const;

private:
    ByteSource bytes_;
    Index data_begin_ = 0;
    ElementType type_;
    std::vector<Index> shape_;
    bool column_major_ = false;
};

}  // namespace tangram
