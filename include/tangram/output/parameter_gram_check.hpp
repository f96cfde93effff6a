#pragma once
// The checks of G = f J^T J (P, P), stored in tiles:
//
//   explicit        the same tile routine over the check samples alone, all P x P entries of it, against
//                   f J_ref^T J_ref with J_ref by backpropagation of each sample (tangent/jacobian.hpp)
//   probe           G u against f J^T (J u) over all samples, u a fixed random +-1 vector: every stored entry
//   trace           trace(G) against trace(f J J^T)
//   symmetry, smallest diagonal entry, J_ref against central differences      as for a kernel
//
// J^T (J u) is computed in float64 from features computed afresh, never from tiles, layer by layer for each batch:
//
//   y[i, r] = sum_l S_l[i, r, .] . (a_l X_{l-1} U_l^T + b_l u_l)[i, .]        D_l[i, .] = sum_r y[i, r] S_l[i, r, .]
//   (J^T y)[W_l] = a_l D_l^T X_{l-1}      (J^T y)[B_l] = b_l sum_i D_l[i, .]

#include "tangram/model/samples.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"

#include <string>

namespace tangram {

/// Collective. Fills the report: one component a tensor, which is what its rows of G show; relative error and scale on
/// the tensor's own block. `X` (M, d_0): the check samples, the same on every rank. Samples near a kink are left out.
void check_parameter_gram(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                          const Distribution& distribution, const Network& network,
                          const Reduction& reduction, ConstMatrixView<double> X,
                          const ReadSamples& read_samples, int threads, CheckReport& report);

}  // namespace tangram
