#pragma once
// How the gradients of a graph's tensors are had, for people: the form of each and its share of a tile's operations
// (tangent/steps.hpp). Private to run/.

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <string>

namespace tangram {

/// One line a step: its tensors, shape, form, share.
std::string forms_table(const Network& network, const Reduction& reduction);

}  // namespace tangram
