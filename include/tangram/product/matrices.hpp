#pragma once
// Which matrices the products of samples make, with what is said of them: the kernel, one component for each parameter
// tensor, conjugate kernels.
//
//   /ntk, /components/<tensor>      rows_each = C for reduction full, else 1       source: the tensor
//   /conjugate_kernels/<layer>      X X^T of the input of an operator with a weight       source: the step
//
// The true name of the tensor or layer is the attribute `tensor` or `layer_name`; dataset_names() says what its dataset is called.
// The order is that in which a tile makes them: step by step its conjugate kernel, then its tensors, the kernel last.

#include "tangram/grid/shape.hpp"
#include "tangram/product/problem.hpp"
#include "tangram/tangent/steps.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Has panels hold what the weights are applied to whose conjugate kernels are wanted (operator.hpp, Parameter).
void keep_inputs_of_weights(ConjugateKernels wanted, const Reduction& reduction, Network& network);

/// Names of datasets for names of tensors or layers: '/' is written '.', a leading dot and control characters %xx, what is
/// longer than 200 bytes is cut, and one that is taken by then gets ~2, ~3, ..
std::vector<std::string> dataset_names(const std::vector<std::string>& names);
/// [tensor]: the name of its component's dataset, and of its diagonal's.
std::vector<std::string> tensor_datasets(const Network& network);

/// Whether a step's tensor is a bias, as people mean it: one number a unit, added.
bool is_bias(const Network& network, const Step& step, const StepTensor& its);

std::vector<StoredMatrix> sample_matrices(const Problem& problem, bool symmetric);

/// The network's outputs for each set of samples; none where gradients are given and there is no network.
std::vector<StoredArray> output_arrays(const Problem& problem);

/// Where the component of a tensor is in the shape's list; that of a step's input.
std::optional<Index> component_of(const Shape& shape, Index tensor);
std::optional<Index> conjugate_matrix_of(const Shape& shape, Index step);

}  // namespace tangram
