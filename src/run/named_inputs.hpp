#pragma once
// --data NAME=FILE[:DATASET]: which input of a graph the samples are for. Private to run/.

#include "tangram/input/graph.hpp"
#include "tangram/input/samples.hpp"

namespace tangram {

/// Of one sample, or as many as the graph was made for.
Index entries_of(const GraphInput& input);

/// Takes the names off, brings the locations into the order of the graph's inputs, and says what kind each is. A graph with one input may have none of
/// them named. Throws Error(usage) on an input that nothing is given for, or two, and on a name that the graph does not have.
void order_by_inputs(const std::vector<GraphInput>& inputs, const char* option, SampleOptions& samples);

/// Throws Error(bad_input) where a source has another width than the input that it is for.
void require_widths_of_inputs(const std::vector<GraphInput>& inputs, const SampleSelection& selection);

}  // namespace tangram
