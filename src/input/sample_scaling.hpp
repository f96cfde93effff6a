#pragma once
// x <- ((scale x + shift) - mean) / std, column by column, and the order of an image's values.

#include "tangram/input/samples.hpp"

namespace tangram {

/// Throws Error(usage) on a list that has neither one number, nor one a channel, nor one a column; Error(bad_input) on
/// integers of which a mean below 1 is subtracted, as if they had been divided by 255.
void check_scaling(const SampleOptions& options, const SampleSelection& selection);

/// Scales `block` (n, width of `source`), whose columns begin at column `first_column` of all.
void scale_block(const SampleOptions& options, const SampleSelection& selection, const SampleSource& source,
                 Index first_column, MatrixView<double> block);

/// (n, H W C) of (n, C H W): each row's channels become its slowest axis.
void put_channels_first(Index channels, MatrixView<double> block);

}  // namespace tangram
