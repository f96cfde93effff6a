#pragma once
// Numbers that people's programs multiply kernels and components by, and their names: 1/C, 1/fan_in, weight_std^2, ..

#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

/// What is known of one component of a kernel.
struct ComponentFacts {
    std::string name;  ///< "fc1.weight"
    bool is_bias = false;
    Index fan_in = 1, fan_out = 1;
    double scale = 1;     ///< a_l or b_l
    bool is_ntk = false;  ///< of the ntk parameterization: scale = weight_std / sqrt(fan_in) or bias_std
};

/// Of a graph's tensor by its shape, (d_out, ..): what it is multiplied by a unit is its fan-in.
ComponentFacts facts_of_tensor(const std::string& name, const std::vector<Index>& shape, bool is_bias);

/// What is known of the kernel.
struct KernelFacts {
    Index samples = 1, test_samples = 0, outputs = 1, parameters = 0;  ///< no test samples: 0
    std::string reduction;
    Index logit = -1;
    std::vector<ComponentFacts> components;
};

/// A positive number in plain decimals with seven significant digits.
std::string plain(double value);

/// "equal to 3.1e-08 of the largest entry".
std::string equal_in_words(double worst, double largest);

/// " = 1/fan_in = 1/C (fan_in = 784, C = 10)": what `factor` is by name, "" for none. It has to agree within
/// `relative_error`, or one in a million.
std::string name_of_component_factor(double factor, double relative_error, const KernelFacts& facts,
                                     const ComponentFacts& component);
std::string name_of_total_factor(double factor, double relative_error, const KernelFacts& facts);

}  // namespace tangram
