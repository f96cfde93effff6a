#include "tangram/commands/memory_plan.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/memory.hpp"

#include <algorithm>

namespace tangram {

namespace {

constexpr Index wide = sizeof(double);
/// Features of all samples are kept up to this part of the budget.
constexpr Index kept_part = 4;

/// What the checks take: the probe's vectors, features of a batch a thread, tiles that are read, explicit Jacobians of
/// two panels, and the tile routine once more.
Index check_bytes(const PlannedRun& run, const GramProblem& problem, Index value_size) {
    const Index P = run.shape.panels.samples;
    const Index side = run.shape.panels.size(0);
    const Index samples = std::min(run.check_samples, run.shape.samples);
    Index widths = 0;
    for (const Layer& layer : run.network.layers)
        widths += layer.fan_in() + layer.fan_out() * (1 + run.network.outputs());
    const GramPace probe{run.threads, 1, run.threads};
    const Index probing = (4 + 3 * run.threads) * P * wide +
                          run.threads * side * side * (2 * value_size + wide) + batch_bytes(problem, probe);
    const GramProblem few{run.network, run.reduction, run.shape.panels, samples, problem.read_samples};
    const GramPace pace{run.threads, 1, 1};
    const Index rows = samples * run.network.outputs();
    const Index comparing = samples * widths * wide + 3 * P * wide + (3 * rows * side + side * side) * wide +
                            batch_bytes(few, pace) + gram_bytes(few, pace, value_size);
    return std::max(probing, comparing);
}

}  // namespace

MemoryPlan plan_gram_memory(const mpi::Communicator& world, const PlannedRun& run,
                            std::optional<Index> memory) {
    const ReadSamples nothing_to_read;
    const GramProblem problem{run.network, run.reduction, run.shape.panels, run.shape.samples,
                              nothing_to_read};
    const Index value_size = value_bytes(run.shape.precision);
    const Index tiles = run.shape.panels.count();
    const Panels batches = sample_batches(run.shape.samples, run.reduction);
    MemoryPlan plan;
    plan.base = resident_memory();
    // The same pace on all ranks is not needed, but what they say of it is easier to read.
    const Index share = memory ? *memory : share_of_node(world);
    const auto least = static_cast<Index>(mpi::minimum(world, static_cast<double>(share - plan.base)));
    plan.budget = least + plan.base;
    plan.samples =
        ((run.shape.samples - 1) / world.size() + 1 + batches.panel_size) * run.network.outputs() * wide;
    plan.checks = run.check_samples == 0 ? 0 : check_bytes(run, problem, value_size);
    const auto fits = [&](const GramPace& pace) {
        plan.gram = pace;
        plan.held_features = batch_bytes(problem, pace);
        plan.tiles = plan.samples + tiles * tiles * wide + gram_bytes(problem, pace, value_size);
        return plan.peak() - plan.base <= least;
    };
    const GramPace all{run.threads, 2, batches.count()};
    const bool keeps_all = batch_bytes(problem, all) <= least / kept_part && fits(all);
    const bool found = keeps_all || fits({run.threads, 2, run.threads}) || fits({run.threads, 1, 1});
    const bool too_much = mpi::maximum(world, found ? 0.0 : 1.0) > 0;
    const double needed = mpi::maximum(world, static_cast<double>(plan.peak()) / (1 << 30));
    agree(world, [&] {
        if (!too_much) return;
        fail(ExitCode::no_resources, "not enough memory ({:.3g} GiB a rank, {:.3g} GiB needed at least): {}",
             static_cast<double>(plan.budget) / (1 << 30), needed,
             memory ? "raise --memory, or give fewer --threads or a smaller --tile"
                    : "use fewer ranks a node, fewer --threads, or a smaller --tile");
    });
    return plan;
}

}  // namespace tangram
