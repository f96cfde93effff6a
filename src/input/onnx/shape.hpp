#pragma once
// Shapes of values, and tables of where entries lie in them. Private to input/onnx/.

#include "tangram/support/error.hpp"
#include "tangram/support/matrix.hpp"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tangram::onnx_file {

using Shape = std::vector<Index>;

/// Shapes that do not go together, or a value that is too large. Whoever lowers a node says which node it was (lower()).
class ShapeError : public Error {
public:
    ShapeError(std::string what, std::string advice)
        : Error(ExitCode::bad_input, what + ": " + advice),
          what_(std::move(what)),
          advice_(std::move(advice)) {}
    [[nodiscard]] const std::string& problem() const { return what_; }
    [[nodiscard]] const std::string& advice() const { return advice_; }

private:
    std::string what_, advice_;
};

/// Entries. Throws ShapeError above 2^28, and above 64 axes: every shape that a file leads to goes through here before anything
/// is allocated.
Index count(const Shape& shape);
/// Strides of a row-major shape.
Shape strides_of(const Shape& shape);
/// offset + sum over axes k of i_k strides_k, for all i of `shape` in row-major order: what most tables of `arrange` are.
std::vector<Index> strided(const Shape& shape, std::span<const Index> strides, Index offset = 0);
/// Where the entries of a value broadcast to `shape` come from, by numpy's rules. Throws ShapeError where they forbid it.
std::vector<Index> broadcast_table(const Shape& from, const Shape& shape);
/// Both broadcast to this one.
Shape broadcast_shape(const Shape& a, const Shape& b);

}  // namespace tangram::onnx_file
