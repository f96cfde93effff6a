#pragma once
// A chain of layers of which some tensors are no parameters: they are constants of the network, and have no part in its kernel.
//
//   W frozen     a W x is a product with a constant; b B, if it counts, is added to it
//   B frozen     b B is a constant that is added to a W x

#include "tangram/network/chain.hpp"

#include <set>
#include <string>

namespace tangram {

/// `frozen`: names of tensors. Without any it is make_network(chain).
Network make_network(Chain chain, const std::set<std::string>& frozen);

/// The table of chain.hpp, with a column for them; only others count as parameters.
std::string to_table(const Chain& chain, const std::set<std::string>& frozen);

}  // namespace tangram
