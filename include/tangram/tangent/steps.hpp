#pragma once
// From the graph to what the kernel is summed of: one step for each operator with parameters, in the graph's order. A step
// is the tensors that share one Gram of sensitivities, and the form that their gradients have:
//
//   form    gradient of (sample i, row r)     kernel of samples i, j                        tensors
//   outer   a s x^T, and b s with a bias      (S S^T) o (a^2 X X^T), and b^2 S S^T          a weight and, if it has one, its bias
//   plain   b s                               b^2 S S^T                                     a bias alone
//   rows    s, of the tensor itself           S S^T                                         any tensor that is a value of the graph
//   lookup  s_p at row id_p of a table     sum over p, q of [id_ip = id_jq] s_ip . s_jq    a table that is looked up in alone
//
// X is the operator's input, S the sensitivity of its output. What a form computes is in tangent/forms/; which step an
// operator has is said with the operator (tangent/operators.hpp).

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <optional>
#include <vector>

namespace tangram {

enum class Form { outer, plain, rows, lookup };

/// A parameter tensor of a step.
struct StepTensor {
    Index tensor = 0;
    double scale = 1;      ///< a of a weight, b of a bias
    bool is_bias = false;  ///< it is added: its gradient is s alone
};

struct Step {
    Form form = Form::outer;
    Index node = 0;
    Index x = 0;                      ///< value: the operator's input
    Index s = 0;                      ///< value: its output, whose sensitivity counts
    std::vector<StepTensor> tensors;  ///< in the order of the form, in which their kernels are added
    Index table_rows = 0, row_width = 0;  ///< of a lookup
};

/// In the graph's order. A node with tensors whose operator has no step is a fault of the program: Error(failed).
std::vector<Step> steps_of(const Network& network);

/// [tensor of the step]: what its Gram products are multiplied by, a^2 or b^2, divided by C for mean.
std::vector<double> factors_of(const Step& step, const Reduction& reduction);

/// c where the sensitivity of a value is the constant c E, the same for all samples (no operator between it and the output
/// but identities and sums); nothing otherwise. Such a sensitivity is not stored.
std::optional<double> constant_sensitivity(const Network& network, const Reduction& reduction, Index value);

/// The Gram of a constant sensitivity, S S^T: c^2 E E^T (R, R) for full, its trace (1, 1) otherwise.
Matrix<double> constant_gram(const Reduction& reduction, double c);

/// The operations of a pair of samples in all steps, a multiply and an add counted as one: sum of d_in + Q d_out, S only where
/// it is no constant; Q = R, or R^2 for full.
double operations_of_pair(const Network& network, const Reduction& reduction);

}  // namespace tangram
