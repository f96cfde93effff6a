#pragma once
// The Gram matrix of the Jacobian in parameter space, tile by tile:
//
//   G = f J^T J  (P, P)       tile (I, J) = f sum over batches b of  J_b[:, panel I]^T J_b[:, panel J]
//
// with panels of parameters, J_b (n R, T) the rows of J for one batch of samples (tangent/jacobian_rows.hpp) and f
// = Reduction::factor(). Every rank goes through all samples for the tiles that are its own, a few at a time:
//
//                rank 0                        rank 1
//   BEFORE       the network, its tiles        the network, its tiles
//   pass 0       two tiles a thread,           two tiles a thread,        features of all samples, batch by batch;
//                summed over all samples       summed over all samples    every thread adds its tiles' products
//   pass 1       the next tiles                ..
//   AFTER        its tiles of G, whole         its tiles of G, whole
//
// Nothing is summed over ranks, so that the bits are the same on any number of them. Where the features of all samples fit,
// each rank computes its part of them and all get all (product/feature_panels.hpp); where not, every rank computes them again,
// batch by batch, in every pass: about 2 N P (1 + R) operations, against 2 N R T^2 of a tile. A batch is the same on every
// number of ranks and threads; its products are in the kernel's precision, their sum over batches is in float64.

#include "tangram/grid/plane_queue.hpp"
#include "tangram/product/feature_panels.hpp"
#include "tangram/product/plan.hpp"

#include <vector>

namespace tangram {

/// What the tiles of a run have in common.
struct GramProblem {
    const Network& network;
    const Reduction& reduction;  ///< not full
    Axis parameters;             ///< P in panels of T
    SampleSet samples;
};

/// The samples in batches of about 2048 rows of J. Depends on R and N alone, because the bits do.
Axis sample_batches(Index samples, const Reduction& reduction);

/// Computes `tiles` and hands every plane to `sink`, mirrored ones too. Asks `go_on` between batches; once it says no,
/// what is not whole is dropped. Not collective, unless those two are. Throws what they and reading throw,
/// WrongNumberError, and Error(bad_input) naming parameters if an entry is not finite.
/// `features`: of sample_batches(); what it holds already is not computed again.
template <class T>
void compute_gram_tiles(const GramProblem& problem, FeaturePanels& features, const std::vector<Tile>& tiles,
                        const GramPace& pace, const TileSink<T>& sink, const GoOn& go_on);

/// Bytes of the features that it holds, with what it takes to make them; of everything else.
Index batch_bytes(const GramProblem& problem, const GramPace& pace);
Index gram_bytes(const GramProblem& problem, const GramPace& pace, Index value_bytes);

}  // namespace tangram
