#include "tile_groups.hpp"

#include "tangram/support/blas.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tangram {

namespace {

/// Samples whose rows a thread makes at a time.
constexpr Index samples_of_part = 8;

template <class T>
struct GroupTile {
    MatrixView<T> total, H;
};

/// The tile's part of the group's memory.
template <class T>
GroupTile<T> memory_of(const AssemblyContext<T>& context, const TileWorkspace<T>& workspace,
                       const TileGroup& group, std::size_t k) {
    const Shape& shape = context.problem.shape;
    const Tile& tile = group.tiles[k];
    const Index R = shape.total().rows_each, entries = shape.tile_entries();
    const Index rows = shape.axes.row.size(tile.row) * R, cols = shape.axes.column.size(tile.column) * R;
    T* const memory = workspace.groups.tiles.data() + 2 * static_cast<Index>(k) * entries;
    return {{memory, rows, cols, cols}, {memory + entries, rows, cols, cols}};
}

/// J of a panel of the group.
template <class T>
MatrixView<T> rows_of(const AssemblyContext<T>& context, const TileWorkspace<T>& workspace,
                      const TileGroup& group, Index place, const MadeBlock& block) {
    const Index R = context.problem.shape.total().rows_each;
    const Index cols = block.values / R;
    return {workspace.groups.rows.data() + place * workspace.groups.rows_of_panel,
            context.axes().size_of(group.panels[at(place)]) * R, cols, cols + row_padding<T>};
}

/// A group on one of the threads.
template <class T>
struct GroupWork {
    const AssemblyContext<T>& context;
    TileWorkspace<T>& workspace;
    const TileGroup& group;
    int thread;
    Phases& phases;

    [[nodiscard]] GroupTile<T> memory(std::size_t k) const { return memory_of(context, workspace, group, k); }

    /// total += the step's kernels; its planes.
    bool finish_step(const PreparedStep& prepared, std::size_t k, const StepGrams<T>& grams) const {
        const TileRoutines<T>& form = tile_routines_of<T>(prepared.step.form);
        const Start start = prepared.index == 0 ? Start::zero : Start::out;
        if (!form.add(grams, start, memory(k).total)) refuse_not_finite(context, prepared, group.tiles[k]);
        return produce_step(context, prepared, group.tiles[k], grams);
    }

    void make(const PreparedStep& prepared, const MadeBlock& block, const GroupPart& part) const {
        const FeatureStore<T>& store = context.problem.store;
        const Index number = group.panels[at(part.panel)], R = context.problem.shape.total().rows_each;
        const MatrixView<T> J = rows_of(context, workspace, group, part.panel, block);
        tile_routines_of<T>(prepared.step.form)
            .making->make(prepared, block, store.X(number, prepared.step.x).row_block(part.first, part.count),
                          store.S(number, prepared.step.s).row_block(part.first * R, part.count * R),
                          workspace.groups.scratch[at(thread)].data(),
                          J.row_block(part.first * R, part.count * R));
    }

    void multiply(const MadeBlock& block, bool first, std::size_t k) const {
        const Tile& tile = group.tiles[k];
        const Index row = group.place_of(context.axes().number_of_row(tile.row));
        const Index column = group.place_of(context.axes().number_of_column(tile.column));
        const ConstMatrixView<T> J_row = rows_of(context, workspace, group, row, block);
        const ConstMatrixView<T> J_column = rows_of(context, workspace, group, column, block);
        const T beta = first ? T{0} : T{1};
        if (context.axes().is_diagonal(tile))
            blas::gram_lower(J_row, memory(k).H, beta);
        else
            blas::gemm(blas::Op::none, blas::Op::transpose, T{1}, J_row, J_column, beta, memory(k).H);
    }

    bool finish_made(const PreparedStep& prepared, std::size_t k) const {
        const MatrixView<T> H = memory(k).H;
        if (context.axes().is_diagonal(group.tiles[k])) mirror_lower(H);
        StepGrams<T> grams;
        grams.H = H;
        grams.bias = static_cast<T>(prepared.factors[0]);
        return finish_step(prepared, k, grams);
    }

    bool sum_made(const PreparedStep& prepared) const {
        const std::vector<MadeBlock>& blocks = prepared.blocks;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const bool made = phases.share(group.parts.size(), [&](std::size_t k) {
                make(prepared, blocks[b], group.parts[k]);
                return true;
            });
            if (!made) return false;
            const bool summed = phases.share(group.tiles.size(), [&](std::size_t k) {
                multiply(blocks[b], b == 0, k);
                return true;
            });
            if (!summed) return false;
        }
        return phases.share(group.tiles.size(), [&](std::size_t k) { return finish_made(prepared, k); });
    }

    bool add_step(const PreparedStep& prepared) const {
        const TileRoutines<T>& form = tile_routines_of<T>(prepared.step.form);
        if (form.making != nullptr) return sum_made(prepared);
        return phases.share(group.tiles.size(), [&](std::size_t k) {
            const StepTile<T> features = features_of(context, prepared, group.tiles[k], memory(k).total);
            return finish_step(prepared, k, form.prepare(features, workspace.scratch[at(thread)]));
        });
    }

    bool submit_total(std::size_t k) const {
        const auto ntk = static_cast<Index>(context.problem.shape.total_index());
        return produce(context, ntk, group.tiles[k],
                       [&](MatrixView<T> out) { scale_into<T>(memory(k).total, T{1}, out); });
    }

    [[nodiscard]] bool compute() const {
        for (const PreparedStep& prepared : context.problem.steps) {
            if (!add_step(prepared)) return false;
        }
        return phases.share(group.tiles.size(), [&](std::size_t k) { return submit_total(k); });
    }
};

}  // namespace

Index TileGroup::place_of(Index number) const {
    return std::lower_bound(panels.begin(), panels.end(), number) - panels.begin();
}

std::vector<TileGroup> group_tiles(const Axes& axes, const std::vector<Tile>& tiles, Index side) {
    std::map<std::pair<Index, Index>, TileGroup> by_place;
    for (const Tile& tile : tiles) {
        TileGroup& group = by_place[{tile.row / side, tile.column / side}];
        group.tiles.push_back(tile);
        group.panels.push_back(axes.number_of_row(tile.row));
        group.panels.push_back(axes.number_of_column(tile.column));
    }
    std::vector<TileGroup> groups;
    for (auto& [place, group] : by_place) {
        std::sort(group.panels.begin(), group.panels.end());
        group.panels.erase(std::unique(group.panels.begin(), group.panels.end()), group.panels.end());
        for (std::size_t k = 0; k < group.panels.size(); ++k) {
            const Index n = axes.size_of(group.panels[k]);
            for (Index first = 0; first < n; first += samples_of_part)
                group.parts.push_back({static_cast<Index>(k), first, std::min(samples_of_part, n - first)});
        }
        groups.push_back(std::move(group));
    }
    return groups;
}

template <class T>
void work_on_groups(const AssemblyContext<T>& context, const std::vector<TileGroup>& groups,
                    TileWorkspace<T>& workspace, int thread, Phases& phases, FirstFailure& failure) {
    try {
        for (const TileGroup& group : groups) {
            if (phases.halted()) break;
            AssemblyContext<T> of_group = context;
            of_group.group = &group.tiles;
            if (!GroupWork<T>{of_group, workspace, group, thread, phases}.compute()) break;
        }
    } catch (...) {
        failure.keep(std::current_exception());
        context.queue.stop();
        phases.drop_out();
    }
    context.queue.leave();
}

template void work_on_groups(const AssemblyContext<float>&, const std::vector<TileGroup>&,
                             TileWorkspace<float>&, int, Phases&, FirstFailure&);
template void work_on_groups(const AssemblyContext<double>&, const std::vector<TileGroup>&,
                             TileWorkspace<double>&, int, Phases&, FirstFailure&);

}  // namespace tangram
