#include "tangram/kernel/tile_workspace.hpp"

#include "tangram/kernel/tile.hpp"
#include "tangram/tangent/panel.hpp"

namespace tangram {

namespace {

/// One cache line of padding a row, in values.
template <class T>
constexpr Index padding = 64 / static_cast<Index>(sizeof(T));

bool has_constant_gram_matrix(const Network& network, const Reduction& reduction) {
    return reduction.is_full() && network.layers.back().is_linear();
}

/// Values of one matrix on a whole tile.
Index plane_values(const Panels& panels, const Reduction& reduction) {
    const Index side = panels.size(0) * reduction.rows_per_sample();
    return side * side;
}

}  // namespace

template <class T>
GramScratch<T>::GramScratch(Index panel_size, const Network& network, const Reduction& reduction)
    : ld_g_(panel_size + padding<T>),
      ld_h_(panel_size * reduction.rows_per_sample() + padding<T>),
      g_(panel_size * ld_g_),
      h_(panel_size * reduction.rows_per_sample() * ld_h_) {
    if (!has_constant_gram_matrix(network, reduction)) return;
    const Index rows = panel_size * reduction.rows_per_sample();
    constant_ = AlignedBuffer<T>(rows * ld_h_);
    fill_constant_gram(static_cast<T>(constant_gram(network, reduction)), reduction.rows_per_sample(),
                       MatrixView<T>{constant_.data(), rows, rows, ld_h_});
}

template <class T>
TileWorkspace<T>::TileWorkspace(const Panels& panels, const Network& network, const Reduction& reduction,
                                int threads)
    : queue(planes_for(threads, plane_values(panels, reduction) * static_cast<Index>(sizeof(T))),
            plane_values(panels, reduction)) {
    scratch.reserve(at(threads));
    for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(panels.size(0), network, reduction);
}

Index workspace_bytes(const Panels& panels, const Network& network, const Reduction& reduction, int threads,
                      Index value_bytes) {
    const Index T = panels.size(0);
    const Index plane = plane_values(panels, reduction);
    const Index grams = T * T + plane * (has_constant_gram_matrix(network, reduction) ? 2 : 1);
    const Index planes = planes_for(threads, plane * value_bytes) * plane;
    return (planes + threads * grams) * value_bytes;
}

template class GramScratch<float>;
template class GramScratch<double>;
template struct TileWorkspace<float>;
template struct TileWorkspace<double>;

}  // namespace tangram
