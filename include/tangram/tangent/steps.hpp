#pragma once
// From the graph to what the kernel is summed of: one step for each operator with parameters, in the graph's order. A step
// is the tensors that share one Gram of sensitivities, and the form that their gradients have:
//
//   form    gradient of (sample i, row r)     kernel of samples i, j                        tensors
//   outer   a s x^T, and b s with a bias      (S S^T) o (a^2 X X^T), and b^2 S S^T          a weight and, if it has one, its bias
//   plain   b s                               b^2 S S^T                                     a bias alone
//   rows    s, of the tensor itself           S S^T                                         any tensor that is a value of the graph
//   made    G = c sum_p s_p x_p^T             G G^T, G made where it is multiplied          a weight on positions p = 1..T (weight_use.hpp)
//   pairs   the same                          c^2 sum_pq (s_ip . s_jq) (x_ip . x_jq)        the same
//   lookup  s_p at row id_p of a table     sum over p, q of [id_ip = id_jq] s_ip . s_jq    a table that is looked up in alone
//   stored  read from a file               J J^T, J read where it is multiplied             gradients that were given, too many to hold
//
// X is the operator's input, S the sensitivity of its output. What a form computes is in tangent/forms/; which step an
// operator has is said with the operator (tangent/operators.hpp). A weight on positions has, by shapes alone, so that the
// same network has the same bits everywhere, Q = R, or R^2 for full:
//
//   pairs   where T^2 (d_in + Q d_out) < Q P_t operations of a pair of samples are fewer
//   rows    where R P_t numbers of a sample are no more than those of x and s
//   made    otherwise

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"

#include <optional>
#include <vector>

namespace tangram {

enum class Form { outer, plain, rows, made, pairs, lookup, stored };

/// Its gradient is a sum over positions that is not held.
constexpr bool is_on_positions(Form form) {
    return form == Form::made || form == Form::pairs;
}

/// A parameter tensor of a step.
struct StepTensor {
    Index tensor = 0;
    double scale = 1;      ///< a of a weight, b of a bias
    bool is_bias = false;  ///< it is added: its gradient is s alone
};

struct Step {
    Form form = Form::outer;
    Index node = 0;  ///< that has the tensors
    Index use = 0;   ///< the node that applies them: itself, or the one that takes it as its weight
    Index x = 0;     ///< value: the input of that
    Index s = 0;     ///< value: its output, whose sensitivity counts; for rows the tensor itself
    std::optional<Index>
        weighted{};  ///< value: what its weight is applied to, whose Gram is a conjugate kernel; none: no weight
    std::vector<StepTensor> tensors;      ///< in the order of the form, in which their kernels are added
    Index table_rows = 0, row_width = 0;  ///< of a lookup
};

/// In the graph's order. A node with tensors whose operator has no step is a fault of the program: Error(failed).
std::vector<Step> steps_of(const Network& network, const Reduction& reduction);

/// Whether a panel holds its X: the form needs it, or its Gram is wanted (operator.hpp, Parameter).
bool holds_input(const Network& network, const Step& step);

/// [tensor of the step]: what its Gram products are multiplied by, a^2 or b^2, divided by C for mean.
std::vector<double> factors_of(const Step& step, const Reduction& reduction);

/// c where the sensitivity of a value is the constant c E, the same for all samples (no operator between it and the output
/// but identities and sums); nothing otherwise. Such a sensitivity is not stored.
std::optional<double> constant_sensitivity(const Network& network, const Reduction& reduction, Index value);

/// The Gram of a constant sensitivity, S S^T: c^2 E E^T (R, R) for full, its trace (1, 1) otherwise.
Matrix<double> constant_gram(const Reduction& reduction, double c);

/// The operations of a pair of samples, a multiply and an add counted as one: of a step as its form says, d_in + Q d_out for
/// outer; Q = R, or R^2 for full. Of all steps.
double operations_of_pair(const Network& network, const Reduction& reduction, const Step& step);
double operations_of_pair(const Network& network, const Reduction& reduction);

/// The operations of making the gradients of a sample that are made where they are multiplied, once: R T P_t.
double operations_of_making(const Network& network, const Reduction& reduction);

}  // namespace tangram
