#include "tangram/product/assembly.hpp"

#include "tangram/product/matrices.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/threads.hpp"

#include <omp.h>

#include <atomic>

namespace tangram {

namespace {

/// What every tile needs to know; the same for all threads.
template <class T>
struct AssemblyContext {
    const TileProblem<T>& problem;
    PlaneQueue<T>& queue;
    [[nodiscard]] const Axes& axes() const { return problem.shape.axes; }
};

/// The plane's memory as the block that `matrix` has at panels (row, column).
template <class T>
MatrixView<T> shape_plane(const AssemblyContext<T>& context, Plane<T>& plane, Index matrix,
                          const Tile& block) {
    const Shape& shape = context.problem.shape;
    const StoredMatrix& stored = shape.matrices[at(matrix)];
    const Index R = stored.rows_each;
    const MatrixView<T> values =
        shape_block(plane.memory.data(), shape.tile_rows(stored), shape.tile_columns(stored),
                    shape.axes.row.size(block.row) * R, shape.axes.column.size(block.column) * R);
    plane.content = {matrix, block, shape.axes.row.begin(block.row) * R,
                     shape.axes.column.begin(block.column) * R, values};
    return values;
}

/// Hands the plane to the writer and, where the tile is mirrored, its transpose too. Returns false once the queue was
/// stopped.
template <class T>
bool submit_with_mirror(const AssemblyContext<T>& context, Plane<T>* plane, const Tile& tile) {
    Plane<T>* mirror = nullptr;
    if (context.axes().is_mirrored(tile)) {
        mirror = context.queue.acquire();
        if (mirror == nullptr) return false;
        transpose(plane->content.values,
                  shape_plane(context, *mirror, plane->content.matrix, {tile.column, tile.row}));
    }
    context.queue.submit(plane);
    if (mirror != nullptr) context.queue.submit(mirror);
    return true;
}

/// Fills one plane by fill(values) and submits it, where the matrix is stored. Returns false once the queue was stopped.
template <class T, class Fill>
bool produce(const AssemblyContext<T>& context, Index matrix, const Tile& tile, Fill fill_plane) {
    if (matrix == not_stored) return true;
    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    fill_plane(shape_plane(context, *plane, matrix, tile));
    return submit_with_mirror(context, plane, tile);
}

/// The features of the tile's two panels that a step needs.
template <class T>
StepTile<T> features_of(const AssemblyContext<T>& context, const PreparedStep& prepared, const Tile& tile,
                        MatrixView<T> total) {
    const FeatureStore<T>& store = context.problem.store;
    const Index row = context.axes().number_of_row(tile.row);
    const Index column = context.axes().number_of_column(tile.column);
    const bool needs_input = facts_of(prepared.step.form).needs_input;
    StepTile<T> features{prepared,
                         needs_input ? store.X(row, prepared.step.x) : ConstMatrixView<T>{},
                         needs_input ? store.X(column, prepared.step.x) : ConstMatrixView<T>{},
                         store.S(row, prepared.step.s),
                         store.S(column, prepared.step.s),
                         total.rows,
                         total.cols};
    features.diagonal = context.axes().is_diagonal(tile);
    features.full = context.problem.full;
    return features;
}

/// One step's share of the kernel, added to `total`, and its planes. Returns false once the queue was stopped.
template <class T>
bool add_step(const AssemblyContext<T>& context, const PreparedStep& prepared, const Tile& tile,
              const GramScratch<T>& scratch, MatrixView<T> total, bool& finite) {
    const TileRoutines<T>& form = tile_routines_of<T>(prepared.step.form);
    const StepGrams<T> grams = form.prepare(features_of(context, prepared, tile, total), scratch);
    finite = form.add(grams, prepared.index == 0 ? Start::zero : Start::out, total);
    const StepPlanes& planes = context.problem.planes[prepared.index];
    if (!produce(context, planes.conjugate, tile, [&](MatrixView<T> out) { scale_into(grams.G, T{1}, out); }))
        return false;
    for (std::size_t which = 0; which < planes.tensors.size(); ++which) {
        if (!produce(context, planes.tensors[which], tile,
                     [&](MatrixView<T> out) { form.fill(grams, which, out); }))
            return false;
    }
    return true;
}

/// All planes of one tile. Returns false once the queue was stopped.
template <class T>
bool compute_tile(const AssemblyContext<T>& context, const Tile& tile, const GramScratch<T>& scratch) {
    const auto ntk = static_cast<Index>(context.problem.shape.total_index());
    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    const MatrixView<T> total = shape_plane(context, *plane, ntk, tile);
    bool finite = true;
    for (const PreparedStep& prepared : context.problem.steps) {
        if (!add_step(context, prepared, tile, scratch, total, finite)) return false;
    }
    if (!finite) {
        // The diagonal was seen to be finite before (product/entry_range.hpp), which bounds all entries: not expected.
        const Axis& rows = context.axes().row;
        const Axis& columns = context.axes().column;
        fail(
            ExitCode::bad_input,
            "the kernel of samples {} to {} against {} to {} has an entry that is not finite: use --precision float64, or smaller samples or weights",
            rows.begin(tile.row), rows.begin(tile.row) + rows.size(tile.row) - 1, columns.begin(tile.column),
            columns.begin(tile.column) + columns.size(tile.column) - 1);
    }
    return submit_with_mirror(context, plane, tile);
}

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
TileWorkspace<T>::TileWorkspace(const Shape& shape, const Network& network, const Reduction& reduction,
                                int threads)
    : queue(planes_for(threads, shape.tile_entries() * static_cast<Index>(sizeof(T))), shape.tile_entries()) {
    scratch.reserve(at(threads));
    for (int thread = 0; thread < threads; ++thread)
        scratch.emplace_back(shape.axes.row.whole(), shape.axes.column.whole(), network, reduction);
}

Index workspace_bytes(const Shape& shape, const Network& network, const Reduction& reduction, int threads) {
    const Index bytes = value_bytes(shape.precision);
    const Index plane = shape.tile_entries() * bytes;
    return planes_for(threads, plane) * plane + threads * gram_scratch_bytes(shape.axes.row.whole(),
                                                                             shape.axes.column.whole(),
                                                                             network, reduction, bytes);
}

template <class T>
TileProblem<T>::TileProblem(const Network& network, const Reduction& reduction, const Shape& of,
                            const FeatureStore<T>& from)
    : shape(of), store(from), full(reduction.is_full()), steps(prepare_steps(network, reduction)) {
    for (const PreparedStep& prepared : steps) {
        const auto conjugate = conjugate_matrix_of(shape, static_cast<Index>(prepared.index));
        planes.push_back({conjugate.value_or(not_stored), {}});
        for (const StepTensor& its : prepared.step.tensors)
            planes.back().tensors.push_back(component_of(shape, its.tensor).value_or(not_stored));
    }
}

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

template struct TileWorkspace<float>;
template struct TileWorkspace<double>;
template struct TileProblem<float>;
template struct TileProblem<double>;
template void assemble(const TileProblem<float>&, const std::vector<Tile>&, TileWorkspace<float>&,
                       const TileSink<float>&, const GoOn&);
template void assemble(const TileProblem<double>&, const std::vector<Tile>&, TileWorkspace<double>&,
                       const TileSink<double>&, const GoOn&);

}  // namespace tangram
