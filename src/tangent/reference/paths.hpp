#pragma once
// Which values and nodes of a network a parameter tensor has to do with.

#include "tangram/network/network.hpp"

#include <functional>
#include <vector>

namespace tangram::reference {

/// A node that has the tensor, and as which of its own.
struct Use {
    Index node = 0;
    std::size_t tensor = 0;
};
std::vector<Use> uses_of(const Network& network, Index tensor);

/// [value]: whether the network's output depends on it.
std::vector<bool> leading_to_output(const Network& network);

/// [value]: whether it lies on a path from some parameter tensor to the network's output, the one path that
/// derivatives take.
std::vector<bool> between_tensors_and_output(const Network& network);

/// [value]: whether it lies on a path from one of these tensors to the network's output.
std::vector<bool> between_some_tensors_and_output(const Network& network,
                                                  const std::function<bool(Index tensor)>& is_one);

}  // namespace tangram::reference
