#pragma once
// The named dimensions of the kernel file, so that xarray and netCDF readers know which axis is which. Every dataset has
// them, by scales in the group of the dataset or in the root (a scale in /components or /conjugate_kernels would be
// taken for a matrix):
//
//   /row, /column (n)                  of the kernel and its components: the row of the sample in the input
//                                      of /parameter_gram: the parameter
//   /parameter_blocks/tensor           of that table
//   /sample_row, /sample_column (N)    of conjugate kernels, where they are smaller (reduction full)
//   /samples (N), /output (C)          of the outputs and labels; /test_samples (M) of those of test samples
//   /output_row, /output_column (C)    of diagonals, for reduction full
//   /checks/row, /checks/column (m'), /checks/component, /checks/samples
//   /checksums/tile_row, /checksums/tile_column (tiles): the first sample of the panel
//   /timing/phase, /timing/rank

#include "tangram/file/metadata.hpp"
#include "tangram/support/hdf5.hpp"

namespace tangram {

/// Writes the scales that are not there yet, and names the axes of every dataset. One rank. Throws Error(io).
void write_dimensions(const h5::Handle& file, const KernelMetadata& metadata);

/// The scales in the root of the file that write_dimensions() makes.
inline constexpr const char* root_scales[] = {"/row",    "/column",     "/sample_row",   "/sample_column",
                                              "/output", "/output_row", "/output_column"};

inline constexpr const char* parameter_blocks_group = "/parameter_blocks";

}  // namespace tangram
