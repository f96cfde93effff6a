#pragma once
// The operators as the reference computes them, y = f(x_1, .., theta_1, ..): plain loops in float64. For a node,
// whatever its kind:
//
//   forward         y                                 at several points at once: a weight is swept once for all
//   magnitudes      sum of the |terms| of y           eps times it is what y loses to rounding
//   pull_back       D_{x_k} += D_y dy/dx_k            adds: a value may have several uses
//   gradient        J = d dy/dtheta_t                 one row of J, some units of theta_t
//   add_rate        y' += dy/dh along theta_t + h u
//   crosses_kink    whether the way from one end over the middle to the other meets a point where f is not smooth
//   branches_differ whether f has another derivative at two places because a kink lies between them
//   add_inherited   what the rounding of x_k, entry by entry, is in y; nothing where y sums over many of them
//
// What each kind does is in operators/.

#include "direction.hpp"
#include "tangram/network/network.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <span>
#include <vector>

namespace tangram::reference {

using Vector = std::vector<double>;

/// What a node reads. All inputs have the same number of points; ld is 0 where all points are one.
struct Operands {
    std::vector<ConstMatrixView<double>> inputs;   ///< (points, size) each
    std::vector<ConstMatrixView<double>> tensors;  ///< (units, entries a unit) each
};

/// The same vector at every point.
ConstMatrixView<double> repeated(const Vector& v, Index points);
/// A node's operands at one point: the sample.
Operands operands_of(const Network& network, const Node& node, const SampleGradient& sample);

/// y (points, size of the output).
void forward(const Node& node, const Operands& in, MatrixView<double> y);

/// (size of the output), at the first point; empty for operators that lose nothing to cancellation.
Vector magnitudes(const Node& node, const Operands& in);

/// D_y (C, size of the output); D_x[k] (C, size of input k), without rows where nobody asks for it.
void pull_back(const Node& node, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x);

/// D_x[k] (C, size of input k) += D_y |dy/dx_k|, or more, D_y and the tensors being magnitudes: as pull_back() where that has
/// one term for each entry of D_x, or is linear in the tensors.
void pull_back_magnitudes(const Node& node, const Operands& in, ConstMatrixView<double> D_y,
                          std::span<const MatrixView<double>> D_x);

/// d: d(row of J)/dy at the entries of y that the units asked for are in, as many for each; J: the units' entries.
void gradient(const Node& node, const Operands& in, std::size_t tensor, std::span<const double> d, double* J);

/// The same of a node whose units may be in any entries of y: d is all of them, J the units from first_unit on.
void gradient_of_units(const Node& node, const Operands& in, std::span<const double> d, Index first_unit,
                       std::span<double> J);
bool has_units_anywhere(const Node& node);

/// rate (points, size of the output).
void add_rate(const Node& node, const Operands& in, std::size_t tensor, const Direction& u,
              MatrixView<double> rate);

/// `ends`: the operands at two points.
bool crosses_kink(const Node& node, const Operands& middle, const Operands& ends);

/// At their first points; exact ties follow the operator's rule.
bool branches_differ(const Node& node, const Operands& here, const Operands& there);

/// x[k], y: roundings of the inputs and of the output, by entry.
void add_inherited(const Node& node, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y);

}  // namespace tangram::reference
