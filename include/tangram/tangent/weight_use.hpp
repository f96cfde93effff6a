#pragma once
// A weight on several positions of a sample: what its gradient is made of where it is not held as rows of J. Positions
// p = 1..T, in groups of channels that do not meet:
//
//   y_p = c W x_p           gradient of (i, r) = c sum over p of s_irp x_ip^T  = c S_ir X_i^T
//
//   x (d_in), y (d_out), s (d_out) of one group and position; W (d_out, d_in), or (d_in, d_out) as it lies
//
//   a convolution   channel by channel: X (d_in, T) are the patches of x, S (d_out, T)
//   a product       position by position: X (T, d_in), S (T, d_out)

#include "tangram/network/reduction.hpp"
#include "tangram/tangent/patches.hpp"
#include "tangram/tangent/steps.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace tangram {

struct WeightUse {
    Index groups = 1;
    Index d_in = 1, d_out = 1;  ///< of a group
    Index positions = 1;        ///< T
    double scale = 1;           ///< c
    bool by_position = false;
    bool lies_by_input = false;                  ///< W as (d_in, d_out)
    std::optional<Patches> patches;              ///< of a convolution
    std::shared_ptr<const StoredRows> stored{};  ///< rows of J that are read, and made of nothing
    std::vector<Index> places_seen{};            ///< what form pairs looks up (tangent/forms/pairs_block.hpp)
    [[nodiscard]] Index parameters() const { return groups * d_out * d_in; }
};

/// The sizes alone decide the form: no table of patches is made for them.
struct WeightUseSizes {
    Index node = 0;  ///< that uses the weight
    Index groups = 1, d_in = 1, d_out = 1, positions = 1;
    Index pixels = 1, taps = 1;  ///< of a convolution; of a product, the positions and 1
    double scale = 1;
};

/// Of a parameter that one product or convolution takes as its weight, and nothing else; nothing for others.
std::optional<WeightUseSizes> sole_use_of(const Network& network, Index parameter);

/// Of a node that sole_use_of() named.
WeightUse weight_use_of(const Network& network, Index node);

}  // namespace tangram
