#pragma once
// How large the finished file will be. Tiles at the edges are stored whole, each on pages of its own where it is large:
//
//   matrices   tiles x round up(T_row T_column values)      Shape
//   tables     numbers of samples, checksums of tiles, check samples squared, diagonals of test samples
//   the rest   what HDF5 says of each dataset; texts: command line, configuration, identity, hosts

#include "tangram/grid/shape.hpp"
#include "tangram/run/inputs.hpp"

namespace tangram {

/// Bytes of the file, at most some tens of kB too many. `check_samples`: that were asked for, of each set.
Index file_bytes(const Product& product, const Shape& shape, const Inputs& inputs, Index check_samples);

}  // namespace tangram
