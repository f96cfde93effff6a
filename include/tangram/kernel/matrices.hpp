#pragma once
// Which matrices a run produces: in the space of samples N x N ones, the kernel, one component for each parameter
// tensor, conjugate kernels; in the space of parameters the Gram matrix G = J^T J (P x P) alone.
//
//   K[W_l] = a_l^2 (S_l S_l^T) o (X_{l-1} X_{l-1}^T)     K[B_l] = b_l^2 S_l S_l^T     K = sum of all of them
//   C_l    = X_{l-1} X_{l-1}^T, the conjugate kernel that enters layer l

#include "tangram/model/network.hpp"
#include "tangram/tangent/reduction.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Whose Gram matrix: J J^T of samples, or J^T J of parameters.
enum class Space { samples, parameters };
/// samples, params
std::string to_string(Space space);

enum class MatrixKind { ntk, weight_component, bias_component, conjugate_kernel, parameter_gram };

struct KernelMatrix {
    MatrixKind kind = MatrixKind::ntk;
    Index layer = 0;            ///< 0..L-1, of a component or conjugate kernel
    Index rows_per_sample = 1;  ///< C for the kernel and components of reduction full
    std::string path;           ///< of the dataset: "/ntk", "/components/fc1.weight"
    std::string name;           ///< "ntk", "fc1.weight", "fc1", "parameter_gram"
    [[nodiscard]] bool is_component() const {
        return kind == MatrixKind::weight_component || kind == MatrixKind::bias_component;
    }
};

enum class ConjugateKernels { none, last, all };

/// The matrices in the order in which a tile produces them: components and conjugate kernels layer by layer,
/// the kernel last.
std::vector<KernelMatrix> kernel_matrices(const Network& network, const Reduction& reduction, bool components,
                                          ConjugateKernels conjugate_kernels);

/// The one matrix of the space of parameters.
KernelMatrix parameter_gram_matrix();

/// The operations of the tiles (one triangle, a multiply and an add counted as two):
/// N^2 (sum_{l=1..L} d_{l-1} + R sum_{l} d_l), the last layer's S only where it is not constant; R^2 for
/// full.
double tile_operations(const Network& network, const Reduction& reduction, Index samples);

}  // namespace tangram
