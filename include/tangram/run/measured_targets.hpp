#pragma once
// Targets and classes of samples as measures take them.

#include "tangram/product/measuring.hpp"
#include "tangram/run/inputs.hpp"

namespace tangram {

/// Those that the sets of columns and rows, maybe one and the same, came with, into `measuring`; what does not fit the reduction, of one
/// network, is left out.
void add_targets_and_classes(const Reduction& reduction, const InputSet& columns, const InputSet& rows,
                             Measuring& measuring);
/// Of a run's.
void add_targets_and_classes(const Inputs& inputs, Measuring& measuring);

/// Names of the classes, of columns and rows alike; none where there are no labels, or more than a table holds.
std::vector<std::string> names_of_classes(const Inputs& inputs);

}  // namespace tangram
