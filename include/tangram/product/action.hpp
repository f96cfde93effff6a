#pragma once
// Products acting on vectors, in float64, from features in float64 and never from tiles: what the probe of the checks holds
// stored entries against. The features are those that the run computed, kept before they were rounded, where there is room for
// them; otherwise they are computed afresh, once to be held or, without room for that, panel by panel, twice.
//
//   samples x samples    K v = J_row (J_column^T v)      K^T u = J_column (J_row^T u)      per tensor; X_row (X_column^T v) for
//                                                                                            conjugate kernels
//   params x params      G u = f J^T (J u)
//
// Each rank has the features of its own samples:
//
//   BEFORE   rank p: v, panels of p     J^T v summed over ranks     AFTER   rank p: rows of K v of its own panels, zero elsewhere
//
// Work: O(N R sum_t T_t P_t), features included. J^T v of all tensors and rows exists at once where features are not held, but
// not more than 1 GiB of it (or one tensor's): then they are computed in several rounds.

#include "tangram/grid/partition.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/product/feature_panels.hpp"
#include "tangram/support/mpi.hpp"

#include <limits>
#include <memory>
#include <vector>

namespace tangram {

/// The most J^T v that exists at once, of several tensors and rows.
inline constexpr Index most_products_bytes = Index{1} << 30;

/// What a product does to a vector, by matrix of the shape: of rows that other ranks compute, zero.
struct Action {
    std::vector<std::vector<double>> on_columns;  ///< K v, by row
    std::vector<std::vector<double>> on_rows;     ///< K^T u, by column; none of a symmetric product
    /// Of the total, where it comes along: trace(J J^T) of the parameter Gram, of all ranks; NaN otherwise.
    double trace = std::numeric_limits<double>::quiet_NaN();
};

/// The features of this rank's samples in float64, as the run computed them; nothing where it kept none.
struct KeptFeatures {
    std::unique_ptr<FeaturePanels> columns, rows;
};

struct ActionResources {
    int threads = 1;
    /// Features that are not kept already are held, all of the rank's; otherwise they are computed again by panels.
    bool hold_features = true;
    const KeptFeatures* kept = nullptr;
};

/// Collective. v: one entry a column of the total; u: one a row. Throws what reading throws, and WrongNumberError.
Action act_on_samples(const mpi::Communicator& world, const Problem& problem, const Shape& shape,
                      const Distribution& distribution, const ActionResources& resources,
                      const std::vector<double>& v, const std::vector<double>& u);

/// Collective. u (P). This rank's samples are its part of the batches.
Action act_on_parameters(const mpi::Communicator& world, const Problem& problem, int threads,
                         const std::vector<double>& u);

}  // namespace tangram
