#pragma once
// Is another program's kernel that of another network than ours, or of another formula? Of a graph, on a few samples, by explicit
// Jacobians:
//
//   BatchNorm fused, statistics counted as parameters, one weight not shared      input/other_readings.hpp
//   product of traces, product of sums, one weight not shared over positions      compare/product_of_traces.hpp

#include "tangram/compare/recomputed.hpp"

#include <string>

namespace tangram {

/// Collective. A verdict that begins with one of these; "" if it is none of them. `reduction`, `logit`: of our kernel, with whose
/// rows OTHER's agree. Throws AgreedError.
std::string find_other_network(const mpi::Communicator& world, const SmallRun& few, const OtherKernel& other,
                               const std::string& reduction, Index logit, double tolerance);

}  // namespace tangram
