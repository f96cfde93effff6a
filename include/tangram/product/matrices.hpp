#pragma once
// Which matrices the products of samples make, with what is said of them: the kernel, one component for each parameter
// tensor, conjugate kernels.
//
//   /ntk, /components/<tensor>      rows_each = C for reduction full, else 1       source: the tensor
//   /conjugate_kernels/<layer>      X X^T of the input of an operator with a weight       source: the step
//
// The order is that in which a tile makes them: step by step its conjugate kernel, then its tensors, the kernel last.

#include "tangram/grid/shape.hpp"
#include "tangram/product/problem.hpp"

namespace tangram {

/// Has panels hold what the weights are applied to whose conjugate kernels are wanted (operator.hpp, Parameter).
void keep_inputs_of_weights(ConjugateKernels wanted, const Reduction& reduction, Network& network);

std::vector<StoredMatrix> sample_matrices(const Problem& problem, bool symmetric);

/// Where the component of a tensor is in the shape's list; that of a step's input.
std::optional<Index> component_of(const Shape& shape, Index tensor);
std::optional<Index> conjugate_matrix_of(const Shape& shape, Index step);

}  // namespace tangram
