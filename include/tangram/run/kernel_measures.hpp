#pragma once
// What a run measures of the tiles that come by (product/measuring.hpp): which kernels, against which targets and classes; and what of it
// is stored and printed.
//
//   targets  --targets as numbers (N, C): column k of --logit k, the sum over outputs of `sum`, vec(Y) of `full`
//            --labels one-hot, 0 and 1; -1 and +1 of two classes and one output, the smaller first; class k against the rest of --logit k
//   classes  of --labels, no more than most_measured_classes

#include "tangram/file/measure_record.hpp"
#include "tangram/product/measures.hpp"
#include "tangram/run/inputs.hpp"

#include <optional>
#include <string>

namespace tangram {

/// Of what the tile loop makes. Nothing where nothing is measured.
std::optional<Measuring> choose_measuring(const KernelOptions& options, const Inputs& inputs,
                                          const Shape& made, std::uint64_t seed);

/// What was measured, on root: as it is stored, and as a table for people.
struct MeasuresFound {
    MeasureRecord record;
    std::string table;
};
MeasuresFound describe_measures(const MeasureSums& sums, const Inputs& inputs, const KernelOptions& options);

/// Eleven columns of a table, with two before: the number, or "-" where it is none.
std::string table_cell(double value, const char* format);

/// A line for people on those whose centred norm is zero; "" where there are none.
std::string remark_on_constant(const std::vector<std::string>& kernels);

/// Bytes that it takes in the file.
Index measures_file_bytes(const Measuring& measuring, const Inputs& inputs, const KernelOptions& options);
/// Operations of all tiles that are for it alone, as a double counts them.
double measure_operations(const Measuring& measuring);

/// What decides the numbers, beside the kernel's identity.
std::string measures_identity(const Measuring& measuring, const std::string& level);

}  // namespace tangram
