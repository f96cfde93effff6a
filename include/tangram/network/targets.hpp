#pragma once
// What the network should give for each sample of a set: the class that it is of, or C numbers. A loss is measured against it.
//
//   classes (N)      class c stands for the numbers 0, .., 1 at c, .., 0
//   values  (N, C)   targets, or probabilities of the classes

#include "tangram/support/matrix.hpp"

#include <vector>

namespace tangram {

struct Targets {
    std::vector<Index> classes{};  ///< (N); empty where there are values
    Matrix<double> values{};       ///< (N, C)
    [[nodiscard]] bool are_classes() const { return values.size() == 0; }
    /// What output `output` should be for sample `sample`.
    [[nodiscard]] double operator()(Index sample, Index output) const {
        if (!are_classes()) return values(sample, output);
        return classes[at(sample)] == output ? 1.0 : 0.0;
    }
};

}  // namespace tangram
