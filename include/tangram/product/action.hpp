#pragma once
// Products acting on vectors, in float64, from features computed afresh and never from tiles: what the probe of the checks
// holds stored entries against.
//
//   samples x samples    K v = J_row (J_column^T v)      K^T u = J_column (J_row^T u)      per tensor; X_row (X_column^T v) for
//                                                                                            conjugate kernels
//   params x params      G u = f J^T (J u)
//
// Each rank has the features of its own samples:
//
//   BEFORE   rank p: v, panels of p     J^T v summed over ranks     AFTER   rank p: rows of K v of its own panels, zero elsewhere
//
// Work: O(N P R), features included.

#include "tangram/grid/partition.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/product/feature_panels.hpp"
#include "tangram/support/mpi.hpp"

#include <limits>
#include <vector>

namespace tangram {

/// What a product does to a vector, by matrix of the shape: of rows that other ranks compute, zero.
struct Action {
    std::vector<std::vector<double>> on_columns;  ///< K v, by row
    std::vector<std::vector<double>> on_rows;     ///< K^T u, by column; none of a symmetric product
    /// Of the total, where it comes along: trace(J J^T) of the parameter Gram, of all ranks; NaN otherwise.
    double trace = std::numeric_limits<double>::quiet_NaN();
};

struct ActionResources {
    int threads = 1;
    bool keep_features =
        true;  ///< of the rank's samples in float64; otherwise they are computed again for each step
};

/// Collective. v: one entry a column of the total; u: one a row. Throws what reading throws, and WrongNumberError.
Action act_on_samples(const mpi::Communicator& world, const Problem& problem, const Shape& shape,
                      const Distribution& distribution, const ActionResources& resources,
                      const std::vector<double>& v, const std::vector<double>& u);

/// Collective. u (P). This rank's samples are its part of the batches.
Action act_on_parameters(const mpi::Communicator& world, const Problem& problem, int threads,
                         const std::vector<double>& u);

}  // namespace tangram
