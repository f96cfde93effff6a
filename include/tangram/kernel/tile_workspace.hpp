#pragma once
// The memory of the tile loop, allocated once: for each thread G and H of one layer on one tile,
//
//   G (T, T)      H (T R', T R'), R' = C for reduction full and 1 otherwise
//
// and the planes that circulate between the threads and the writer.

#include "tangram/kernel/plane_queue.hpp"
#include "tangram/model/network.hpp"
#include "tangram/tangent/reduction.hpp"

#include <vector>

namespace tangram {

/// The two Gram products of one layer on one tile, in a thread's own memory; rows padded against cache
/// aliasing. For full, whose Gram of a linear output is constant but not one number, that is kept as well.
template <class T>
class GramScratch {
public:
    /// For tiles of `panel_size` samples a side.
    GramScratch(Index panel_size, const Network& network, const Reduction& reduction);
    [[nodiscard]] MatrixView<T> G(Index rows, Index cols) const { return {g_.data(), rows, cols, ld_g_}; }
    [[nodiscard]] MatrixView<T> H(Index rows, Index cols) const { return {h_.data(), rows, cols, ld_h_}; }
    [[nodiscard]] ConstMatrixView<T> constant_H(Index rows, Index cols) const {
        return {constant_.data(), rows, cols, ld_h_};
    }

private:
    Index ld_g_, ld_h_;
    AlignedBuffer<T> g_, h_, constant_;
};

template <class T>
struct TileWorkspace {
    /// For tiles of `panels` on `threads` threads.
    TileWorkspace(const Panels& panels, const Network& network, const Reduction& reduction, int threads);

    PlaneQueue<T> queue;
    std::vector<GramScratch<T>> scratch;  ///< one a thread
    [[nodiscard]] int threads() const { return static_cast<int>(scratch.size()); }
};

/// Bytes of a workspace whose values have `value_bytes` bytes.
Index workspace_bytes(const Panels& panels, const Network& network, const Reduction& reduction, int threads,
                      Index value_bytes);

}  // namespace tangram
