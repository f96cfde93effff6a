#pragma once
// The kernel file, format "tangram", version 1: what lies where. The docs have the whole table for readers.
//
//   /ntk  /components/<tensor>  /conjugate_kernels/<layer>   (rows, columns), chunk = tile: the matrices of a Shape
//   /parameter_gram  /parameter_blocks                       (P, P) instead of all these, for J^T J
//   /outputs (N, C)  /test_outputs (M, C)                    the arrays of a Shape
//   everything else                                          small: file/metadata.hpp

#include "tangram/support/matrix.hpp"

namespace tangram {

inline constexpr const char* format_name = "tangram";
inline constexpr Index format_version = 1;

/// What to do with a kernel file that is not as it was written.
inline constexpr const char* get_another = "restore the file from a copy, or compute it again";

}  // namespace tangram
