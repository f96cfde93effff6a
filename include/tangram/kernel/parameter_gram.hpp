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
// Nothing is summed over ranks, so that the bits are the same on any number of them, and nothing travels: features of all
// samples cost about 2 N P (1 + R) operations a pass, tiles 2 N R T^2 each, so that computing them again on every rank and in
// every pass is a few percent of the work where P is large enough to matter. A batch is the same on every number of ranks and
// threads; its products are in the kernel's precision, their sum over batches is in float64.

#include "tangram/kernel/feature_panels.hpp"
#include "tangram/kernel/plane_queue.hpp"
#include "tangram/kernel/tile_loop.hpp"

#include <vector>

namespace tangram {

/// What the tiles of a run have in common.
struct GramProblem {
    const Network& network;
    const Reduction& reduction;  ///< not full
    Panels parameters;           ///< P in panels of T
    Index samples = 0;           ///< N
    const ReadSamples& read_samples;
};

/// How much is under way at once: changes memory and speed, not a bit.
struct GramPace {
    int threads = 1;
    int tiles_a_thread = 2;
    Index batches = 1;  ///< whose features are there at once; all of them serve every pass
};

/// The samples in batches of about 2048 rows of J. Depends on R and N alone, because the bits do.
Panels sample_batches(Index samples, const Reduction& reduction);

/// Computes `tiles` and hands every plane to `sink`, mirrored ones too. Asks `go_on` between batches; once it says no,
/// what is not whole is dropped. Not collective, unless those two are. Throws what they and reading throw,
/// WrongNumberError, and Error(bad_input) naming parameters if an entry is not finite.
template <class T>
void compute_gram_tiles(const GramProblem& problem, const std::vector<Tile>& tiles, const GramPace& pace,
                        const TileSink<T>& sink, const GoOn& go_on);

/// Bytes of the features that it holds, with what it takes to make them; of everything else.
Index batch_bytes(const GramProblem& problem, const GramPace& pace);
Index gram_bytes(const GramProblem& problem, const GramPace& pace, Index value_bytes);

/// The operations of all tiles (one triangle, a multiply and an add counted as two): P^2 N R.
double gram_operations(Index parameters, Index samples, const Reduction& reduction);

}  // namespace tangram
