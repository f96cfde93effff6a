#pragma once
// --data NAME=FILE[:DATASET]: which input of a graph the samples are for. Private to run/.

#include "tangram/input/graph.hpp"
#include "tangram/input/samples.hpp"

namespace tangram {

/// Takes the names off and brings the locations into the order of the graph's inputs. A graph with one input may have none of
/// them named. Throws Error(usage) on an input that nothing is given for, or two, and on a name that the graph does not have.
void order_by_inputs(const std::vector<GraphInput>& inputs, const char* option,
                     std::vector<std::string>& locations);

/// Throws Error(bad_input) where a source has another width than the input that it is for.
void require_widths_of_inputs(const std::vector<GraphInput>& inputs, const SampleSelection& selection);

}  // namespace tangram
