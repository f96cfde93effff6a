#include "tangram/run/memory_plan.hpp"

#include "tangram/support/agreement.hpp"
#include "tangram/support/memory.hpp"

namespace tangram {

namespace {

/// Part of the memory that the node has left which a run may plan with: the rest is for what cannot be planned
/// (MPI's buffers, the page cache of metadata).
constexpr double usable_share = 0.9;

/// Collective. What one rank may take: what it has already, and its share of what is left on its node.
Index share_of_node(const mpi::Communicator& world) {
    const mpi::Communicator node = world.split_by_node();
    constexpr Index unknown = Index{1} << 50;  // a petabyte: more than any plan
    const Index available = available_memory().value_or(unknown);
    return resident_memory() +
           static_cast<Index>(usable_share * static_cast<double>(available) / node.size());
}

}  // namespace

Index room_beyond_base(const mpi::Communicator& world, std::optional<double> memory) {
    const Index share =
        memory ? static_cast<Index>(*memory * static_cast<double>(Index{1} << 30)) : share_of_node(world);
    return static_cast<Index>(mpi::minimum(world, static_cast<double>(share - resident_memory())));
}

MemoryPlan plan_memory(const mpi::Communicator& world, const Product& product, PlanRequest request,
                       std::optional<Index> memory) {
    const Index base = resident_memory();
    const Index share = memory ? *memory : share_of_node(world);
    // The smallest over the ranks, whose threads and libraries may differ: the schedule must be the same on all.
    request.room = static_cast<Index>(mpi::minimum(world, static_cast<double>(share - base)));
    request.threads = static_cast<int>(mpi::maximum(world, request.threads));
    Index beside = 0;
    for (const PlanLine& line : request.beside) beside += line.bytes;
    request.room -= beside;
    MemoryPlan plan = product.plan(request);
    request.room += beside;
    plan.needed += beside;
    plan.lines.insert(plan.lines.end(), request.beside.begin(), request.beside.end());
    plan.base = base;
    plan.budget = request.room + base;
    const double needed = mpi::maximum(world, gib(plan.peak()));
    agree(world, [&] {
        if (plan.fits) return;
        fail(ExitCode::no_resources, "not enough memory ({:.3g} GiB a rank, {:.3g} GiB needed at least): {}",
             gib(plan.budget), needed,
             memory ? "raise --memory, use more ranks, fewer --threads or a smaller --tile"
                    : "use more nodes, fewer ranks a node, fewer --threads or a smaller --tile");
    });
    return plan;
}

}  // namespace tangram
