#pragma once
// J^T v of one step's tensors, and J of that, panel by panel in float64: what products that are never made act by. Private to product/.
//
//   V += J^T v of a panel      y = J V of a panel, (n, R') a tensor

#include "tangram/tangent/jacobian_action.hpp"

#include <vector>

namespace tangram {

/// Memory for one array a tensor of a step, zero.
struct StepArrays {
    StepArrays() = default;
    StepArrays(const Network& network, const Step& step) {
        for (const StepTensor& its : step.tensors) {
            const ParameterTensor& tensor = network.tensors[at(its.tensor)];
            arrays.emplace_back(tensor.units(), tensor.unit_size());
        }
    }
    [[nodiscard]] StepParameters pointers() {
        StepParameters all;
        for (Matrix<double>& array : arrays) all.push_back(array.data());
        return all;
    }
    std::vector<Matrix<double>> arrays;
};

/// A step's J^T v for one of the rows of each sample, and the step.
struct StepProducts {
    const Step& step;
    std::size_t index = 0;  ///< of the step
    Index round = 0;        ///< the row
    StepArrays V;
};

/// V += J^T y of a panel.   y (n, R')
void add_transposed(const FeatureView& view, ConstMatrixView<double> y, StepProducts& to);

/// [tensor of the step]: J V of a panel, (n, R').
std::vector<Matrix<double>> action_of(const FeatureView& view, Index rows_each, StepProducts& of);

}  // namespace tangram
