#include "tangram/kernel/assembly.hpp"

#include "tangram/kernel/layer_scales.hpp"
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
    const TileProblem<T>& problem;
    PlaneQueue<T>& queue;
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

/// The plane's memory as the block that `matrix` has on `tile`; `mirrored`: on the tile across the diagonal. It
/// lies there as in a whole tile, with zeros beyond the edge of the kernel: so it is stored.
template <class T>
MatrixView<T> shape_plane(const AssemblyContext<T>& context, Plane<T>& plane, Index matrix, const Tile& tile,
                          bool mirrored) {
    const Panels& panels = context.problem.store.panels();
    const Index rows = context.problem.matrices[at(matrix)].rows_per_sample;
    const Tile block = mirrored ? Tile{tile.column, tile.row} : tile;
    const Index side = panels.size(0) * rows;
    const MatrixView<T> whole{plane.memory.data(), side, side, side};
    const MatrixView<T> values =
        whole.block(0, 0, panels.size(block.row) * rows, panels.size(block.column) * rows);
    if (values.rows < side || values.cols < side) fill(T{0}, whole);
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

/// The next of the matrices that a tile produces, and whether it is the one asked for.
class NextMatrix {
public:
    explicit NextMatrix(const std::vector<KernelMatrix>& matrices) : matrices_(matrices) {}
    [[nodiscard]] bool is(MatrixKind kind, Index layer) const {
        return matrices_[at(index_)].kind == kind && matrices_[at(index_)].layer == layer;
    }
    Index take() { return index_++; }

private:
    const std::vector<KernelMatrix>& matrices_;
    Index index_ = 0;
};

/// The planes of a layer's matrices, as far as they are stored: fill_* write them. Returns false once the queue
/// was stopped.
template <class T, class FillWeight, class FillBias>
bool produce_layer(const AssemblyContext<T>& context, Index layer, const Tile& tile, ConstMatrixView<T> G,
                   NextMatrix& next, FillWeight fill_weight, FillBias fill_bias) {
    if (next.is(MatrixKind::conjugate_kernel, layer) &&
        !produce(context, next.take(), tile, [&](MatrixView<T> out) { scale_into(G, T{1}, out); })) {
        return false;
    }
    if (next.is(MatrixKind::weight_component, layer) && !produce(context, next.take(), tile, fill_weight)) {
        return false;
    }
    return !next.is(MatrixKind::bias_component, layer) || produce(context, next.take(), tile, fill_bias);
}

/// One layer's share of the kernel, added to `total`, and its planes. Returns false once the queue was stopped.
template <class T>
bool add_layer(const AssemblyContext<T>& context, Index layer, const Tile& tile,
               const GramScratch<T>& scratch, MatrixView<T> total, bool& finite, NextMatrix& next) {
    const PanelStore<T>& store = context.problem.store;
    const Panels& panels = store.panels();
    const LayerScales scales =
        scales_of(context.problem.network.layers[at(layer)], context.problem.reduction);
    const MatrixView<T> G = scratch.G(panels.size(tile.row), panels.size(tile.column));
    gram(tile, store.activation(tile.row, layer), store.activation(tile.column, layer), G);
    const Start start = layer == 0 ? Start::zero : Start::out;
    const bool constant = !store.layout().sensitivities[at(layer)].stored();
    if (constant && !context.problem.reduction.is_full()) {
        const double value = constant_gram(context.problem.network, context.problem.reduction);
        const auto weight = static_cast<T>(scales.weight * value);
        const auto bias = static_cast<T>(scales.bias * value);
        finite = add_scaled(ConstMatrixView<T>(G), weight, bias, start, total);
        return produce_layer(
            context, layer, tile, ConstMatrixView<T>(G), next,
            [&](MatrixView<T> out) { scale_into(ConstMatrixView<T>(G), weight, out); },
            [&](MatrixView<T> out) { fill(bias, out); });
    }
    ConstMatrixView<T> H = scratch.constant_H(total.rows, total.cols);
    if (!constant) {
        gram(tile, store.sensitivity(tile.row, layer), store.sensitivity(tile.column, layer),
             scratch.H(total.rows, total.cols));
        H = scratch.H(total.rows, total.cols);
    }
    const auto weight = static_cast<T>(scales.weight);
    const auto bias = static_cast<T>(scales.bias);
    finite = add_hadamard(ConstMatrixView<T>(G), H, weight, bias, start, total);
    return produce_layer(
        context, layer, tile, ConstMatrixView<T>(G), next,
        [&](MatrixView<T> out) { hadamard(ConstMatrixView<T>(G), H, weight, out); },
        [&](MatrixView<T> out) { scale_into(H, bias, out); });
}

/// All planes of one tile. Returns false once the queue was stopped.
template <class T>
bool compute_tile(const AssemblyContext<T>& context, const Tile& tile, const GramScratch<T>& scratch) {
    const auto ntk = static_cast<Index>(context.problem.matrices.size()) - 1;
    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    const MatrixView<T> total = shape_plane(context, *plane, ntk, tile, false);
    bool finite = true;
    NextMatrix next(context.problem.matrices);
    for (Index layer = 0; layer < context.problem.network.depth(); ++layer) {
        if (!add_layer(context, layer, tile, scratch, total, finite, next)) return false;
    }
    if (!finite) {
        const Panels& panels = context.problem.store.panels();
        // The diagonal is known to be finite (kernel/entry_range.hpp): this is a second lock on the door.
        fail(ExitCode::bad_input,
             "the kernel of samples {} to {} against {} to {} has an entry that is not finite: use "
             "--precision float64, or smaller samples or weights",
             panels.begin(tile.row), panels.begin(tile.row) + panels.size(tile.row) - 1,
             panels.begin(tile.column), panels.begin(tile.column) + panels.size(tile.column) - 1);
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
                   const GramScratch<T>& scratch, std::atomic<std::size_t>& next, FirstFailure& failure) {
    try {
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
void write_planes(PlaneQueue<T>& queue, const TileSink<T>& sink, const std::function<void()>& between,
                  FirstFailure& failure) {
    try {
        while (Plane<T>* plane = queue.take(between)) {
            sink(plane->content);
            queue.release(plane);
            between();
        }
    } catch (...) {
        failure.keep(std::current_exception());
        queue.stop();
    }
}

}  // namespace

template <class T>
void assemble(const TileProblem<T>& problem, const std::vector<Tile>& tiles, TileWorkspace<T>& workspace,
              const TileSink<T>& sink, const GoOn& go_on) {
    const int threads = workspace.threads();
    const AssemblyContext<T> context{problem, workspace.queue};
    workspace.queue.open(threads);
    std::atomic<std::size_t> next{0};
    FirstFailure failure;
    std::atomic<bool> short_of_threads{false};
    const std::function<void()> between = [&] {
        if (!go_on()) next = tiles.size();
    };
#pragma omp parallel num_threads(threads + 1) default(shared)
    {
        const int thread = omp_get_thread_num();
        if (omp_get_num_threads() != threads + 1) {
            short_of_threads = true;
        } else if (thread == 0) {
            write_planes(workspace.queue, sink, between, failure);
        } else {
            work_on_tiles(context, tiles, workspace.scratch[at(thread - 1)], next, failure);
        }
    }
    failure.rethrow();
    if (short_of_threads) {
        fail(ExitCode::no_resources,
             "OpenMP gives fewer than {} threads: lower --threads or raise OMP_THREAD_LIMIT", threads + 1);
    }
}

template void assemble(const TileProblem<float>&, const std::vector<Tile>&, TileWorkspace<float>&,
                       const TileSink<float>&, const GoOn&);
template void assemble(const TileProblem<double>&, const std::vector<Tile>&, TileWorkspace<double>&,
                       const TileSink<double>&, const GoOn&);

}  // namespace tangram
