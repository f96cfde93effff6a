#include "tangram/product/assembly.hpp"

#include "tangram/support/threads.hpp"
#include "tile_groups.hpp"
#include "tile_planes.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>

namespace tangram {

namespace {

/// A group's memory, and its operations for each thread: about a minute's, in which a job can't stop.
constexpr Index most_group_bytes = Index{1} << 30;
constexpr double most_group_operations = 2e12;

/// One step's share of the kernel, added to `total`, and its planes. Returns false once the queue was stopped.
template <class T>
bool add_step(const AssemblyContext<T>& context, const PreparedStep& prepared, const Tile& tile,
              const GramScratch<T>& scratch, MatrixView<T> total) {
    const TileRoutines<T>& form = tile_routines_of<T>(prepared.step.form);
    const StepGrams<T> grams = form.prepare(features_of(context, prepared, tile, total), scratch);
    if (!form.add(grams, prepared.index == 0 ? Start::zero : Start::out, total))
        refuse_not_finite(context, prepared, tile);
    return produce_step(context, prepared, tile, grams);
}

/// All planes of one tile. Returns false once the queue was stopped.
template <class T>
bool compute_tile(const AssemblyContext<T>& context, const Tile& tile, const GramScratch<T>& scratch) {
    const auto ntk = static_cast<Index>(context.problem.shape.total_index());
    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    const MatrixView<T> total = shape_plane(context, *plane, ntk, tile);
    for (const PreparedStep& prepared : context.problem.steps) {
        if (!add_step(context, prepared, tile, scratch, total)) return false;
    }
    return submit_with_mirror(context, plane, tile);
}

template <class T>
AssemblyContext<T> context_of(const TileProblem<T>& problem, TileWorkspace<T>& workspace, int thread) {
    AssemblyContext<T> context{problem, workspace.queue};
    if (problem.measuring == nullptr) return context;
    context.measures = &workspace.measures[at(thread)];
    context.kept = workspace.kept.data();
    if (workspace.groups.side == 0) context.kept += thread * kept_values(*problem.measuring);
    return context;
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

/// Each has a place of its own where all its matrices are kept.
Index tiles_under_way(const GroupSizes& sizes, int threads) {
    return sizes.side > 0 ? sizes.side * sizes.side : threads;
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
                                int threads, const Measuring* measuring)
    : queue(planes_for(threads, shape.tile_entries() * static_cast<Index>(sizeof(T))), shape.tile_entries(),
            measuring != nullptr ? record_values(*measuring) : 0) {
    scratch.reserve(at(threads));
    for (int thread = 0; thread < threads; ++thread)
        scratch.emplace_back(shape.axes.row.whole(), shape.axes.column.whole(), network, reduction);
    const GroupSizes sizes = group_sizes(shape, network, reduction, threads);
    groups = {sizes.side,
              sizes.rows_of_panel,
              AlignedBuffer<T>(sizes.tile_values),
              AlignedBuffer<T>(2 * sizes.side * sizes.rows_of_panel),
              {}};
    for (int thread = 0; thread < threads; ++thread) groups.scratch.emplace_back(sizes.scratch);
    if (measuring == nullptr) return;
    for (int thread = 0; thread < threads; ++thread) measures.emplace_back(*measuring);
    kept = AlignedBuffer<T>(tiles_under_way(sizes, threads) * kept_values(*measuring));
}

GroupSizes group_sizes(const Shape& shape, const Network& network, const Reduction& reduction, int threads) {
    GroupSizes sizes;
    const Index R = shape.total().rows_each,
                panel = std::max(shape.axes.row.whole(), shape.axes.column.whole());
    for (const PreparedStep& prepared : prepare_steps(network, reduction)) {
        for (const MadeBlock& block : prepared.blocks) {
            sizes.rows_of_panel =
                std::max(sizes.rows_of_panel, panel * (block.values + R * row_padding<float>));
            sizes.scratch = std::max(sizes.scratch, block.scratch);
        }
    }
    if (sizes.rows_of_panel == 0) return sizes;
    const double tile_operations =
        operations_of_pair(network, reduction) * static_cast<double>(panel * panel);
    const Index most = std::max(shape.axes.row.panels(), shape.axes.column.panels());
    const auto tile_values = [&](Index side) { return 2 * side * side * shape.tile_entries(); };
    const auto fits = [&](Index side) {
        const Index values = tile_values(side) + 2 * side * sizes.rows_of_panel;
        return values * value_bytes(shape.precision) <= most_group_bytes &&
               static_cast<double>(side * side) * tile_operations <= threads * most_group_operations;
    };
    sizes.side = 1;
    // Fewer tiles than threads would leave some of them idle.
    while (sizes.side < most && (sizes.side * sizes.side < Index{2} * threads || fits(sizes.side + 1)))
        ++sizes.side;
    sizes.tile_values = tile_values(sizes.side);
    return sizes;
}

Index workspace_bytes(const Shape& shape, const Network& network, const Reduction& reduction, int threads) {
    const Index bytes = value_bytes(shape.precision);
    const Index plane = shape.tile_entries() * bytes;
    return planes_for(threads, plane) * plane +
           threads * gram_scratch_bytes(shape.axes.row.whole(), shape.axes.column.whole(), network, reduction,
                                        bytes) +
           group_sizes(shape, network, reduction, threads).values(threads) * bytes;
}

Index measuring_bytes(const Measuring& measuring, const Network& network, const Reduction& reduction,
                      int threads) {
    const Shape& shape = measuring.shape;
    const Index bytes = value_bytes(shape.precision), wide = sizeof(double);
    const GroupSizes sizes = group_sizes(shape, network, reduction, threads);
    return planes_for(threads, shape.tile_entries() * bytes) * record_values(measuring) * wide +
           threads * scratch_values(measuring) * wide +
           tiles_under_way(sizes, threads) * kept_values(measuring) * bytes;
}

template <class T>
TileProblem<T>::TileProblem(const Network& network, const Reduction& reduction, const Shape& of,
                            const FeatureStore<T>& from, const Measuring* measured)
    : shape(of),
      measuring(measured),
      store(from),
      full(reduction.is_full()),
      steps(prepare_steps(network, reduction)) {
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
    workspace.queue.open(threads);
    std::atomic<std::size_t> next{0};
    FirstFailure failure;
    std::atomic<bool> short_of_threads{false};
    const Index side = workspace.groups.side;
    const std::vector<TileGroup> groups =
        side > 0 ? group_tiles(problem.shape.axes, tiles, side) : std::vector<TileGroup>{};
    Phases phases(threads);
    const std::function<void()> between = [&] {
        if (go_on()) return;
        next = tiles.size();
        phases.halt();
    };
#pragma omp parallel num_threads(threads + 1) default(shared)
    {
        const int thread = omp_get_thread_num();
        if (omp_get_num_threads() != threads + 1) {
            short_of_threads = true;
        } else if (thread == 0) {
            write_planes(workspace.queue, sink, between, failure);
        } else if (side > 0) {
            work_on_groups(context_of(problem, workspace, thread - 1), groups, workspace, thread - 1, phases,
                           failure);
        } else {
            work_on_tiles(context_of(problem, workspace, thread - 1), tiles,
                          workspace.scratch[at(thread - 1)], next, failure);
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
