#include "tangram/commands/memory_plan.hpp"

#include "tangram/kernel/tile_workspace.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/memory.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/panel.hpp"

#include <algorithm>

namespace tangram {

namespace {

constexpr Index wide = sizeof(double);
/// Part of the memory that the node has left which a run may plan with: the rest is for what cannot be planned
/// (MPI's buffers, the page cache of metadata).
constexpr double usable_share = 0.9;

double gib(Index bytes) {
    return static_cast<double>(bytes) / (1 << 30);
}

Index largest_shard(const PlannedRun& run) {
    Index panels = 0;
    for (int shard = 0; shard < run.distribution.grid.active(); ++shard)
        panels = std::max(panels, shard_panels(run.shape.panels, run.distribution.grid, shard).size());
    return panels;
}

/// Bytes of one panel's features in values of `bytes_each`.
Index panel_bytes(const PlannedRun& run, Index bytes_each) {
    return lay_out_panel(run.network, run.reduction, run.shape.panels.panel_size, bytes_each).size *
           bytes_each;
}

Index checksum_bytes(const KernelShape& shape) {
    const auto tiles = shape.panels.count();
    return static_cast<Index>(shape.matrices.size()) * tiles * tiles * wide;
}

/// Vectors with one number a kernel row, V of the largest layer, and the tiles that the threads read. Without
/// the features of the shard.
Index check_bytes(const PlannedRun& run) {
    const KernelShape& shape = run.shape;
    const Index samples = std::min(run.check_samples, shape.panels.samples);
    const auto matrices = static_cast<Index>(shape.matrices.size());
    const Index rows = shape.rows(shape.matrices.back());
    const Index side = shape.tile_rows(shape.matrices.back());
    Index largest_layer = 0;
    Index widths = 0;
    for (const Layer& layer : run.network.layers) {
        largest_layer = std::max(largest_layer, layer.fan_in() * layer.fan_out());
        widths += layer.fan_in() + layer.fan_out() * (1 + run.network.outputs());
    }
    const Index vectors = (3 + matrices * (1 + 2 * run.threads)) * rows * wide;
    const Index tiles = run.threads * side * side * (2 * value_bytes(shape.precision) + wide);
    const Index gradients = samples * widths * wide;
    const Index check_rows = samples * run.reduction.rows_per_sample();
    return vectors + tiles + gradients + 2 * largest_layer * wide + 4 * check_rows * check_rows * wide;
}

/// Everything but the budget and what follows from it.
MemoryPlan fixed_part(const PlannedRun& run) {
    const Index shard = largest_shard(run);
    const Index shard_samples = shard * run.shape.panels.panel_size;
    MemoryPlan plan;
    plan.base = resident_memory();
    plan.samples = shard_samples * (run.network.inputs() + run.network.outputs()) * wide;
    plan.own_features = shard * panel_bytes(run, value_bytes(run.shape.precision));
    plan.scratch =
        run.threads * feature_scratch_bytes(run.network, run.reduction, run.shape.panels.panel_size);
    plan.tiles = workspace_bytes(run.shape.panels, run.network, run.reduction, run.threads,
                                 value_bytes(run.shape.precision)) +
                 checksum_bytes(run.shape);
    plan.checks = run.check_samples == 0 ? 0 : check_bytes(run);
    return plan;
}

}  // namespace

Index MemoryPlan::peak() const {
    return base + std::max({samples + own_features + scratch, held_features + tiles, checks});
}

Index share_of_node(const mpi::Communicator& world) {
    const mpi::Communicator node = world.split_by_node();
    constexpr Index unknown = Index{1} << 50;  // a petabyte: more than any plan
    const Index available = available_memory().value_or(unknown);
    return resident_memory() +
           static_cast<Index>(usable_share * static_cast<double>(available) / node.size());
}

MemoryPlan plan_memory(const mpi::Communicator& world, const PlannedRun& run, std::optional<Index> memory) {
    MemoryPlan plan = fixed_part(run);
    const Index share = memory ? *memory : share_of_node(world);
    // The smallest over the ranks, whose threads and libraries may differ: the schedule must be the same on all.
    const auto least = static_cast<Index>(mpi::minimum(world, static_cast<double>(share - plan.base)));
    const auto room = static_cast<Index>(mpi::minimum(world, static_cast<double>(least - plan.tiles)));
    plan.budget = least + plan.base;
    const Index bytes = panel_bytes(run, value_bytes(run.shape.precision));
    plan.residency = choose_residency(run.shape.panels, run.distribution.grid, room / bytes);
    const bool none = plan.residency.resident == 0;
    if (none) plan.residency.resident = 1;
    plan.held_features = most_panels_held(run.shape.panels, run.distribution.grid, plan.residency) * bytes;

    const Index kept = largest_shard(run) * panel_bytes(run, wide);
    plan.keep_probe_features = run.check_samples == 0 || plan.checks + plan.scratch + kept <= least;
    if (run.check_samples > 0)
        plan.checks += plan.scratch + (plan.keep_probe_features ? kept : panel_bytes(run, wide));
    const bool too_much = mpi::maximum(world, none || plan.peak() - plan.base > least ? 1.0 : 0.0) > 0;
    const double needed = mpi::maximum(world, gib(plan.peak()));
    agree(world, [&] {
        if (!too_much) return;
        fail(ExitCode::no_resources, "not enough memory ({:.3g} GiB a rank, {:.3g} GiB needed at least): {}",
             gib(plan.budget), needed,
             memory ? "raise --memory, use more ranks, or a smaller --tile"
                    : "use more nodes, fewer ranks a node, or a smaller --tile");
    });
    return plan;
}

}  // namespace tangram
