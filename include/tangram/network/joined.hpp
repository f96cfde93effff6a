#pragma once
// Networks of one architecture side by side, as one network: checkpoints of a training run, for a loop that makes the kernels of all.
//
//            +--> network 1 --> f_1 (C) --+
//   x (d_0) -+--> ..                      +--> f = (f_1, .., f_K)  (K C)        E = (E_1, .., E_K)  (R, K C)
//            +--> network K --> f_K (C) --+
//
// Row r of E follows row r of every network. No tensor is on the way of another network's outputs, so the component of a tensor is the one
// that it has in its own network, and the kernel of network s is the sum over its tensors. The total is the sum of all K kernels.

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// What keeps two networks from being of one architecture, in words: a tensor, inputs, outputs, an operator. Nothing where they are.
std::optional<std::string> difference_of_architecture(const Network& a, const Network& b);

/// Tensor t of network s is number s T + t, and is called "names[s], fc1.weight", as its node is. One network stays what it is.
Network join(std::vector<Network> networks, const std::vector<std::string>& names);

/// The same rows of each of them. `of_one` with its targets, if it needs them.
Reduction join(const Reduction& of_one, Index networks);

}  // namespace tangram
