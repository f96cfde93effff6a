#pragma once
// What another program may have taken a graph for: networks that compute the same outputs, with other parameters, and so with
// another kernel.
//
//   BatchNorm fused                      y = (scale / sqrt(variance + epsilon)) (W x + B - mean) + shift is one layer W' x + B': its
//                                        parameters are W' and B'; behind convolutions alone, or behind dense layers too
//   statistics counted as parameters     running_mean and running_var are parameters, like scale and shift
//   one weight, not shared               each use of a tensor that several nodes use is a tensor of its own

#include "tangram/input/graph.hpp"

#include <optional>
#include <string>

namespace tangram {

struct OtherReading {
    std::string words;  ///< begins with the name that it has above
    Network network;
};

/// How many there are to ask for.
std::size_t other_readings();

/// Reading `which`; nothing where it is no other than the file's own, or cannot be had.
std::optional<OtherReading> read_otherwise(const GraphFile& file, const GraphOptions& options,
                                           std::size_t which);

}  // namespace tangram
