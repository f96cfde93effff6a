#include "sample_tiles.hpp"

#include "tangram/product/entry_range.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/product/shard_features.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/stopwatch.hpp"
#include "tangram/tangent/features.hpp"
#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/steps.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

/// Features that a panel of a graph may have: a sample's can be so many that panels by the number of samples would leave none
/// to share out, or to slice where memory is short.
constexpr Index most_panel_bytes = Index{1} << 30;

bool is_graph(const Network& network) {
    return std::any_of(network.values.begin(), network.values.end(),
                       [](const Value& value) { return value.shared; });
}

/// The set that an axis is of, and this rank's panels of it, by number.
struct Part {
    SetOfSamples set;
    PanelRange panels;
    PanelRange samples;
};

std::vector<Part> parts_of(const ComputeRequest& r, const Distribution& distribution) {
    const Axes& axes = r.shape.axes;
    const Grid& grid = distribution.grid;
    std::vector<Part> parts{
        {SetOfSamples::samples, distribution.own.back(), shard_units(axes.column, grid, r.world.rank())}};
    if (!axes.symmetric)
        parts.push_back(
            {SetOfSamples::test, distribution.own.front(), shard_units(axes.row, grid, r.world.rank())});
    return parts;
}

/// The diagonals of this rank's row panels, one row a sample.
template <class T>
std::vector<Matrix<double>> diagonals_of(const ComputeRequest& r, const Part& part,
                                         const FeatureStore<T>& store) {
    const Index entries = r.problem.reduction.rows_per_sample() * r.problem.reduction.rows_per_sample();
    std::vector<Matrix<double>> all;
    for (std::size_t t = 0; t < r.problem.network.tensors.size(); ++t)
        all.emplace_back(part.samples.size(), entries);
    Index done = 0;
    for (Index number = part.panels.begin; number < part.panels.end; ++number) {
        const Index n = store.axes().size_of(number);
        const auto blocks = diagonal_blocks(r.problem.network, r.problem.reduction, store.layout(number), n,
                                            store.panels().block(number));
        for (std::size_t t = 0; t < all.size(); ++t)
            std::copy_n(blocks[t].data(), blocks[t].size(), all[t].data() + done * entries);
        done += n;
    }
    return all;
}

/// Collective. Reads this rank's samples of one set and computes their features into the store.
template <class T>
void compute_part(const ComputeRequest& r, const Part& part, FeatureStore<T>& store, TileLoopReport& report) {
    const Network& network = r.problem.network;
    const Reduction& reduction = r.problem.reduction_of(part.set);
    Matrix<double> X;
    Matrix<double> outputs;
    agree(r.world, [&] {
        X = Matrix<double>(part.samples.size(), network.inputs());
        outputs = Matrix<double>(part.samples.size(), network.outputs());
        fault_point("read", r.world.rank());
        r.hooks.read(part.set, part.samples, X.view());
    });
    fault_point("features", r.world.rank(), {X.data(), at(X.size())});
    agree(r.world, [&] {
        const Stopwatch watch;
        r.hooks.name_samples(part.set, [&] {
            if (r.keep != nullptr && r.plan.keep_features && part.panels.size() > 0) {
                auto& kept = part.set == SetOfSamples::test ? r.keep->rows : r.keep->columns;
                kept = keep_shard_features(network, reduction, part.panels, std::as_const(X).view(),
                                           r.threads, store, outputs.view());
            } else {
                compute_shard_features(network, reduction, part.panels, std::as_const(X).view(), r.threads,
                                       store, outputs.view());
            }
        });
        report.features_seconds += watch.seconds();
    });
    r.hooks.take_outputs(part.set, part.samples, std::as_const(outputs).view());
    if (part.set == SetOfSamples::test) r.hooks.take_diagonals(part.samples, diagonals_of(r, part, store));
}

template <class T>
TileLoopReport compute_tiles(const ComputeRequest& r) {
    const Network& network = r.problem.network;
    const Distribution whole = distribute(r.shape.axes, r.world.size(), r.world.rank());
    FeatureStore<T> store(r.shape.axes, whole.grid, r.world.rank(), network, r.problem.reduction,
                          r.plan.residency);
    TileLoopReport report;
    for (const Part& part : parts_of(r, whole)) compute_part(r, part, store, report);
    r.hooks.features_done(report.features_seconds);
    Distribution remaining = distribute(r.shape.axes, r.world.size(), r.world.rank(), r.done);
    const TileWork work =
        r.hooks.begin_tiles(remaining.tiles, 2 * operations_of_pair(network, r.problem.reduction));
    fault_point("exchange", r.world.rank());
    TileLoopReport loop =
        run_tile_loop<T>({r.world, network, r.problem.reduction, r.shape, r.threads, r.measuring}, remaining,
                         store, work.sink.of<T>(), work.control);
    loop.features_seconds = report.features_seconds;
    return loop;
}

/// The most panels that any rank owns.
Index largest_shard(const Axes& axes, const Grid& grid) {
    Index panels = 0;
    for (int shard = 0; shard < grid.active(); ++shard)
        panels = std::max(panels, panels_owned(axes, grid, shard));
    return panels;
}

/// The largest tensors' J^T v, twice, and the matrices that are compared.
Index comparison_bytes(const PlanRequest& r) {
    Index largest_step = 0;
    for (const Step& step : steps_of(r.problem.network, r.problem.reduction)) {
        Index size = 0;
        for (const StepTensor& its : step.tensors) size += r.problem.network.tensors[at(its.tensor)].size();
        largest_step = std::max(largest_step, size);
    }
    const bool is_one_set = r.shape.axes.symmetric && r.shape.stored;  // neighbours have columns of their own
    const Index sets = is_one_set ? 1 : 2;
    const Index rows =
        std::min(r.check_samples, r.shape.axes.column.extent) * r.problem.reduction.rows_per_sample();
    return (2 * largest_step + 4 * sets * rows * rows) * Index{sizeof(double)} +
           sets * gradient_bytes(r.problem.network, r.problem.reduction,
                                 std::min(r.check_samples, r.shape.axes.column.extent));
}

}  // namespace

Index samples_of_panel(const Problem& problem, Index extent) {
    if (problem.tile) return *problem.tile;
    Index T = default_panel_size(extent, problem.reduction.rows_per_sample());
    if (!is_graph(problem.network)) return T;
    const Index value_bytes = problem.precision == Precision::float32 ? sizeof(float) : sizeof(double);
    while (T > 32 && lay_out_panel(problem.network, problem.reduction, T, value_bytes).size * value_bytes >
                         most_panel_bytes)
        T = std::max<Index>(32, T / 2 / 32 * 32);
    return T;
}

Shape sample_shape(const Problem& problem, const Axes& axes) {
    Shape shape{axes, problem.precision, sample_matrices(problem, axes.symmetric), {}};
    shape.arrays = output_arrays(problem);
    shape.stored = problem.stored;
    require_tiles_fit(shape);
    return shape;
}

Distribution distribute_sample_tiles(const Shape& shape, int ranks, int rank, const TileSet& done) {
    return distribute(shape.axes, ranks, rank, done);
}

double sample_tile_operations(const Problem& problem, const Shape& shape) {
    const double pairs =
        static_cast<double>(shape.axes.row.extent) * static_cast<double>(shape.axes.column.extent);
    return (shape.axes.symmetric ? 1 : 2) * pairs * operations_of_pair(problem.network, problem.reduction);
}

MemoryPlan plan_sample_tiles(const PlanRequest& r) {
    constexpr Index wide = sizeof(double);
    const Network& network = r.problem.network;
    const Reduction& reduction = r.problem.reduction;
    const Axes& axes = r.shape.axes;
    const Grid grid = make_grid(r.ranks, axes);
    const Index T = std::max(axes.row.panel_size, axes.column.panel_size);
    const Index shard = largest_shard(axes, grid);
    const Index block = panel_bytes(network, reduction, T, value_bytes(r.shape.precision));
    const Index wide_block = panel_bytes(network, reduction, T, wide);
    const Index samples = shard * T * (network.inputs() + network.outputs()) * wide;
    const Index scratch = r.threads * feature_scratch_bytes(network, reduction, T);
    const Index tiles = workspace_bytes(r.shape, network, reduction, r.threads) +
                        static_cast<Index>(r.shape.matrices.size()) * axes.stored_tiles() * wide;
    MemoryPlan plan;
    plan.residency = choose_residency(axes, grid, (r.room - tiles) / block);
    const bool none = plan.residency.resident == 0;
    if (none) plan.residency.resident = 1;
    const Index held = most_panels_held(axes, grid, plan.residency) * block;
    plan.received = panels_received(axes, grid, 0, plan.residency) * block;
    Index checks = 0;
    if (r.check_samples > 0) {
        checks = scan_bytes(r.shape, r.threads) + comparison_bytes(r) + scratch;
        const Index all_products =
            std::min(most_products_bytes, network.parameters() * reduction.sensitivities() * wide);
        plan.hold_probe_features = checks + shard * wide_block <= r.room;
        checks += plan.hold_probe_features ? shard * wide_block
                                           : (axes.symmetric ? 1 : 2) * wide_block + all_products;
        const Index computing = samples + shard * (block + wide_block) + scratch;
        plan.keep_features = std::max({computing, held + tiles + shard * wide_block, checks}) <= r.room;
    }
    const Index kept = plan.keep_features ? shard * wide_block : 0;
    const std::string how = plan.residency.holds_everything()
                                ? "all at once"
                                : fmt::format("in {} slices, {} of them resident", plan.residency.slices,
                                              plan.residency.resident);
    plan.lines = {
        {"samples and outputs", samples},
        {"its own features", shard * block},
        {"scratch of the features", scratch},
        {"features for its tiles", held, how},
        {"tiles under way", tiles},
        {"features for the checks", kept, plan.keep_features ? "kept in float64" : "computed again"},
        {"checks", checks, plan.hold_probe_features ? "" : "features computed by panels"}};
    plan.needed = std::max({samples + shard * block + scratch + kept, held + tiles + kept, checks});
    plan.fits = !none && plan.needed <= r.room;
    return plan;
}

TileLoopReport compute_sample_tiles(const ComputeRequest& request) {
    return with_precision(request.shape.precision,
                          [&](auto number) { return compute_tiles<decltype(number)>(request); });
}

}  // namespace tangram
