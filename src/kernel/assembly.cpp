#include "tangram/kernel/assembly.hpp"

#include "tangram/kernel/plane_queue.hpp"
#include "tangram/kernel/tile.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"

#include <omp.h>

#include <atomic>
#include <exception>

namespace tangram {

namespace {

/// What every tile needs to know; the same for all threads.
template <class T>
struct AssemblyContext {
    const Network& network;
    const Reduction& reduction;
    const std::vector<KernelMatrix>& matrices;
    const PanelStore<T>& store;
    PlaneQueue<T>& queue;
};

/// The two Gram products of one layer on one tile, in a thread's own memory; rows padded against cache
/// aliasing.
template <class T>
class GramScratch {
public:
    GramScratch(Index panel_size, Index rows_per_sample)
        : ld_g_(panel_size + padding),
          ld_h_(panel_size * rows_per_sample + padding),
          g_(panel_size * ld_g_),
          h_(panel_size * rows_per_sample * ld_h_) {}
    [[nodiscard]] MatrixView<T> G(Index rows, Index cols) const { return {g_.data(), rows, cols, ld_g_}; }
    [[nodiscard]] MatrixView<T> H(Index rows, Index cols) const { return {h_.data(), rows, cols, ld_h_}; }

private:
    static constexpr Index padding = 64 / static_cast<Index>(sizeof(T));
    Index ld_g_, ld_h_;
    AlignedBuffer<T> g_, h_;
};

/// C = A B^T, where B is A on a diagonal tile: then one triangle is computed, and mirrored so that C is
/// exactly symmetric.
template <class T>
void gram(const Tile& tile, ConstMatrixView<T> A, ConstMatrixView<T> B, MatrixView<T> C) {
    if (tile.is_diagonal()) {
        blas::gram_lower(A, C);
        mirror_lower(C);
    } else {
        blas::gemm(blas::Op::none, blas::Op::transpose, T{1}, A, B, T{0}, C);
    }
}

/// The plane's memory as the block that `matrix` has on `tile`; `mirrored`: on the tile across the diagonal.
template <class T>
MatrixView<T> shape_plane(const AssemblyContext<T>& context, Plane<T>& plane, Index matrix, const Tile& tile,
                          bool mirrored) {
    const Panels& panels = context.store.panels();
    const Index rows = context.matrices[static_cast<std::size_t>(matrix)].rows_per_sample;
    const Tile block = mirrored ? Tile{tile.column, tile.row} : tile;
    const Index height = panels.size(block.row) * rows;
    const Index width = panels.size(block.column) * rows;
    const MatrixView<T> values{plane.memory.data(), height, width, width};
    plane.content = {matrix, block, panels.begin(block.row) * rows, panels.begin(block.column) * rows,
                     values};
    return values;
}

/// Hands the plane to the writer and, off the diagonal, its transpose too. Returns false once the queue was
/// stopped.
template <class T>
bool submit_with_mirror(const AssemblyContext<T>& context, Plane<T>* plane, const Tile& tile) {
    Plane<T>* mirror = nullptr;
    if (!tile.is_diagonal()) {
        mirror = context.queue.acquire();
        if (mirror == nullptr) return false;
        transpose(plane->content.values, shape_plane(context, *mirror, plane->content.matrix, tile, true));
    }
    context.queue.submit(plane);
    if (mirror != nullptr) context.queue.submit(mirror);
    return true;
}

/// Fills one plane by fill(values) and submits it. Returns false once the queue was stopped.
template <class T, class Fill>
bool produce(const AssemblyContext<T>& context, Index matrix, const Tile& tile, Fill fill) {
    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    fill(shape_plane(context, *plane, matrix, tile, false));
    return submit_with_mirror(context, plane, tile);
}

/// G and H of one layer.
template <class T>
void layer_grams(const AssemblyContext<T>& context, Index layer, const Tile& tile, MatrixView<T> G,
                 MatrixView<T> H) {
    const PanelStore<T>& store = context.store;
    gram(tile, store.activation(tile.row, layer), store.activation(tile.column, layer), G);
    if (store.layout().sensitivities[static_cast<std::size_t>(layer)].stored()) {
        gram(tile, store.sensitivity(tile.row, layer), store.sensitivity(tile.column, layer), H);
    } else {
        const auto value = static_cast<T>(constant_gram(context.network, context.reduction));
        fill_constant_gram(value, context.reduction.rows_per_sample(), H);
    }
}

/// One layer's planes, `matrix` being the next one in the list; what they add to the kernel goes to `total`.
template <class T>
bool add_layer(const AssemblyContext<T>& context, Index layer, const Tile& tile, ConstMatrixView<T> G,
               ConstMatrixView<T> H, MatrixView<T> total, Index& matrix) {
    const Layer& weights = context.network.layers[static_cast<std::size_t>(layer)];
    const double factor = context.reduction.factor();
    const auto weight = static_cast<T>(weights.weight_scale * weights.weight_scale * factor);
    const auto bias =
        static_cast<T>(weights.has_bias() ? weights.bias_scale * weights.bias_scale * factor : 0.0);
    const auto next_is = [&](MatrixKind kind) {
        const KernelMatrix& next = context.matrices[static_cast<std::size_t>(matrix)];
        return next.kind == kind && next.layer == layer;
    };
    if (next_is(MatrixKind::conjugate_kernel) &&
        !produce(context, matrix++, tile, [&](MatrixView<T> out) { scale_into(G, T{1}, out); })) {
        return false;
    }
    add_hadamard(G, H, weight, bias, total);
    if (next_is(MatrixKind::weight_component) &&
        !produce(context, matrix++, tile, [&](MatrixView<T> out) { hadamard(G, H, weight, out); })) {
        return false;
    }
    return !next_is(MatrixKind::bias_component) ||
           produce(context, matrix++, tile, [&](MatrixView<T> out) { scale_into(H, bias, out); });
}

/// All planes of one tile. Returns false once the queue was stopped.
template <class T>
bool compute_tile(const AssemblyContext<T>& context, const Tile& tile, const GramScratch<T>& scratch) {
    const Panels& panels = context.store.panels();
    const Index rows = panels.size(tile.row);
    const Index cols = panels.size(tile.column);
    const Index R = context.reduction.rows_per_sample();
    const auto ntk = static_cast<Index>(context.matrices.size()) - 1;

    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    const MatrixView<T> total = shape_plane(context, *plane, ntk, tile, false);
    clear(total);
    Index matrix = 0;
    for (Index layer = 0; layer < context.network.depth(); ++layer) {
        const MatrixView<T> G = scratch.G(rows, cols);
        const MatrixView<T> H = scratch.H(rows * R, cols * R);
        layer_grams(context, layer, tile, G, H);
        if (!add_layer(context, layer, tile, ConstMatrixView<T>(G), ConstMatrixView<T>(H), total, matrix))
            return false;
    }
    if (!all_finite(ConstMatrixView<T>(total))) {
        fail(ExitCode::bad_input,
             "the kernel of samples {} to {} against {} to {} has an entry that is not finite: use "
             "--precision float64, or "
             "check the scale of the weights and samples",
             panels.begin(tile.row), panels.begin(tile.row) + rows - 1, panels.begin(tile.column),
             panels.begin(tile.column) + cols - 1);
    }
    return submit_with_mirror(context, plane, tile);
}

/// The first exception of any thread.
class FirstFailure {
public:
    void keep(std::exception_ptr failure) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(failure);
    }
    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    std::mutex mutex_;
    std::exception_ptr failure_;
};

template <class T>
void work_on_tiles(const AssemblyContext<T>& context, const std::vector<Tile>& tiles,
                   std::atomic<std::size_t>& next, FirstFailure& failure) {
    try {
        const GramScratch<T> scratch(context.store.panels().panel_size, context.reduction.rows_per_sample());
        for (std::size_t k = next++; k < tiles.size(); k = next++) {
            if (!compute_tile(context, tiles[k], scratch)) break;
        }
    } catch (...) {
        failure.keep(std::current_exception());
        context.queue.stop();
    }
    context.queue.leave();
}

template <class T>
void write_planes(PlaneQueue<T>& queue, const TileSink<T>& sink, FirstFailure& failure) {
    try {
        while (Plane<T>* plane = queue.take()) {
            sink(plane->content);
            queue.release(plane);
        }
    } catch (...) {
        failure.keep(std::current_exception());
        queue.stop();
    }
}

}  // namespace

template <class T>
void assemble(const Network& network, const Reduction& reduction, const std::vector<KernelMatrix>& matrices,
              const PanelStore<T>& store, const std::vector<Tile>& tiles, int threads,
              const TileSink<T>& sink) {
    const Index side = store.panels().panel_size * reduction.rows_per_sample();
    PlaneQueue<T> queue(PlaneQueue<T>::planes_for(threads), side * side, threads);
    const AssemblyContext<T> context{network, reduction, matrices, store, queue};
    std::atomic<std::size_t> next{0};
    FirstFailure failure;
    std::atomic<bool> short_of_threads{false};
#pragma omp parallel num_threads(threads + 1) default(shared)
    {
        if (omp_get_num_threads() != threads + 1) {
            short_of_threads = true;
        } else if (omp_get_thread_num() == 0) {
            write_planes(queue, sink, failure);
        } else {
            work_on_tiles(context, tiles, next, failure);
        }
    }
    failure.rethrow();
    if (short_of_threads) {
        fail(ExitCode::no_resources,
             "OpenMP gives fewer than {} threads: lower --threads or raise OMP_THREAD_LIMIT", threads + 1);
    }
}

template void assemble(const Network&, const Reduction&, const std::vector<KernelMatrix>&,
                       const PanelStore<float>&, const std::vector<Tile>&, int, const TileSink<float>&);
template void assemble(const Network&, const Reduction&, const std::vector<KernelMatrix>&,
                       const PanelStore<double>&, const std::vector<Tile>&, int, const TileSink<double>&);

}  // namespace tangram
