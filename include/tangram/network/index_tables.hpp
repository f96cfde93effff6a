#pragma once
// Which entries of its inputs an entry of an output is made of: all that transposing, slicing, padding, repeating, pooling and
// summing along axes are. Made once, when a network is read.

#include "tangram/support/matrix.hpp"

#include <vector>

namespace tangram {

/// y_j = x[from[j]], or `fill` where from[j] is -1; x: the entries of all inputs, one after the other.
struct Arrangement {
    std::vector<Index> from;
    double fill = 0;
};

/// Output j has the window from[begin[j]] .. from[begin[j + 1] - 1], entries of x, each with its weight.
struct Windows {
    std::vector<Index> begin{0};  ///< (outputs + 1)
    std::vector<Index> from;
    std::vector<double> weight;
    [[nodiscard]] Index outputs() const { return static_cast<Index>(begin.size()) - 1; }
};

}  // namespace tangram
