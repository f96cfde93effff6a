// f J^T J of one set of samples: P x P. Tiles are computed by any rank, over all samples (product/parameter_gram.hpp).

#include "tangram/product/matrices.hpp"
#include "tangram/product/parameter_gram.hpp"
#include "tangram/product/product.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/stopwatch.hpp"
#include "tangram/tangent/jacobian_rows.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <algorithm>

namespace tangram {

namespace {

constexpr Index wide = sizeof(double);
/// Features of all samples are kept up to this part of the room.
constexpr Index kept_part = 4;

GramProblem gram_problem(const Problem& problem, const Shape& shape) {
    return {problem.network, problem.reduction, shape.axes.row, problem.samples};
}

Axis batches_of(const Problem& problem) {
    return sample_batches(problem.samples.count, problem.reduction);
}

std::vector<Attribute> describe_blocks(const Network& network) {
    std::vector<std::string> tensors;
    std::vector<std::int64_t> first, size;
    for (const ParameterBlock& block : parameter_blocks(network)) {
        tensors.push_back(block.name);
        first.push_back(block.first);
        size.push_back(block.size);
    }
    return {{"symmetric", Index{1}},
            {"long_name", std::string("Gram matrix of the Jacobian in the space of parameters, J^T J")},
            {"tensor", tensors},
            {"first", first},
            {"size", size}};
}

Shape shape(const Problem& problem) {
    const Index P = problem.network.parameters();
    if (problem.reduction.is_full()) {
        fail(
            ExitCode::usage,
            "--reduction full has no meaning for J^T J, which is the smaller one here ({} parameters, {} rows of J): give --space samples, or trace",
            P, problem.samples.count * problem.reduction.sensitivities());
    }
    const Axis parameters{P, problem.tile.value_or(default_panel_size(P, 1)), Unit::parameter};
    Shape of{Axes::square(parameters), problem.precision, {}, {}};
    of.matrices.push_back(
        {Role::total, "/parameter_gram", "parameter_gram", 1, 0, describe_blocks(problem.network)});
    of.arrays = output_arrays(problem);
    require_tiles_fit(of);
    return of;
}

double operations(const Problem& problem, const Shape& of) {
    const auto P = static_cast<double>(of.axes.row.extent);
    return P * P * static_cast<double>(problem.samples.count) *
           static_cast<double>(problem.reduction.sensitivities());
}

/// What the checks take: the probe's vectors, features of a batch a thread, tiles that are read, explicit Jacobians of
/// two panels, and the tile routine once more.
Index check_bytes(const PlanRequest& r, const GramProblem& problem) {
    if (r.check_samples == 0) return 0;
    const Index P = r.shape.axes.row.extent;
    const Index side = r.shape.axes.row.whole();
    const Index samples = std::min(r.check_samples, problem.samples.count);
    const Index probing =
        scan_bytes(r.shape, r.threads) + 2 * P * wide + batch_bytes(problem, {r.threads, 1, r.threads});
    const GramProblem few{problem.network, problem.reduction, problem.parameters, {samples, {}}};
    const GramPace pace{r.threads, 1, 1};
    const Index rows = samples * problem.reduction.sensitivities();
    Index values = 0;  // of a check sample, all kept
    for (const Value& value : problem.network.values) values += value.size;
    const Index gradients = samples * values * (1 + problem.reduction.sensitivities()) * wide;
    const Index comparing = gradient_bytes(problem.network, problem.reduction, samples) + gradients +
                            3 * P * wide + (3 * rows * side + side * side) * wide + batch_bytes(few, pace) +
                            gram_bytes(few, pace, value_bytes(r.shape.precision));
    return std::max(probing, comparing);
}

/// Passes over all samples of the rank with the most tiles.
Index passes_of(const PlanRequest& r, const GramPace& pace) {
    const Index mine = (r.shape.axes.tiles() + r.ranks - 1) / r.ranks;
    const Index at_once = Index{pace.threads} * pace.tiles_a_thread;
    return (mine + at_once - 1) / at_once;
}

MemoryPlan plan(const PlanRequest& r) {
    const GramProblem problem = gram_problem(r.problem, r.shape);
    const Axis batches = batches_of(r.problem);
    const Index outputs =
        ((problem.samples.count - 1) / r.ranks + 1 + batches.panel_size) * problem.network.outputs() * wide;
    const Index checks = check_bytes(r, problem);
    MemoryPlan plan;
    Index features = 0;
    Index tiles = 0;
    const auto fits = [&](const GramPace& pace) {
        plan.pace = pace;
        features = batch_bytes(problem, pace);
        tiles =
            r.shape.axes.stored_tiles() * wide + gram_bytes(problem, pace, value_bytes(r.shape.precision));
        // Before the tiles, the outputs and the diagonal are made from a batch a thread.
        const Index outputs_phase = outputs + batch_bytes(problem, {r.threads, 1, r.threads}) +
                                    (1 + r.threads) * r.shape.axes.row.extent * wide;
        plan.needed = std::max({outputs_phase, outputs + features + tiles, checks});
        return plan.needed <= r.room;
    };
    const GramPace all{r.threads, 2, batches.panels()};
    const bool keeps_all = batch_bytes(problem, all) <= r.room / kept_part && fits(all);
    plan.fits = keeps_all || fits({r.threads, 2, r.threads}) || fits({r.threads, 1, 1});
    const bool held = plan.pace.batches >= batches.panels();
    const Index passes = passes_of(r, plan.pace);
    plan.feature_rounds = held ? 1 : 1 + static_cast<double>(r.ranks) * static_cast<double>(passes);
    const std::string how = held ? "of all samples, on every rank"
                                 : fmt::format("of {} samples at once, again in each of {} passes",
                                               plan.pace.batches * batches.panel_size, passes);
    plan.lines = {{"outputs", outputs},
                  {"features for its tiles", features, how},
                  {"tiles under way", tiles},
                  {"checks", checks}};
    return plan;
}

Distribution distribute_tiles(const Shape& of, int ranks, int rank, const TileSet& done) {
    return distribute_freely(of.axes, ranks, rank, done);
}

/// Throws Error(bad_input) naming the first entry on the diagonal of J^T J that overflows the file's precision; where
/// there is none, no entry does.
void require_in_range(const ComputeRequest& r, const std::vector<ParameterBlock>& blocks,
                      const std::vector<double>& diagonal) {
    const double most = largest_number(r.shape.precision) / 2;
    for (std::size_t p = 0; p < diagonal.size(); ++p) {
        if (!(diagonal[p] <= most)) r.hooks.refuse_overflow(name_of_parameter(blocks, static_cast<Index>(p)));
    }
}

/// What one rank does with its samples before there are tiles.
struct OwnSamples {
    PanelRange batches, samples;
    Matrix<double> outputs;        ///< (n, C)
    std::vector<double> diagonal;  ///< (P): of J^T J, over these samples
};

/// The outputs and the diagonal of batches `wave`, whose features are there.
void take_batches(const ComputeRequest& r, FeaturePanels& features, const PanelRange& wave, OwnSamples& own) {
    const std::vector<ParameterBlock> blocks = parameter_blocks(r.problem.network);
    const std::vector<Step> steps = steps_of(r.problem.network, r.problem.reduction);
    for (Index batch = wave.begin; batch < wave.end; ++batch) {
        const Matrix<double>& part = features.outputs(batch);
        std::copy_n(part.data(), part.size(),
                    own.outputs.view().row(features.samples().begin(batch) - own.samples.begin));
        add_squared_jacobian(features.view(batch), steps, blocks, own.diagonal);
    }
}

/// Collective. The outputs of this rank's part of the samples; and whether J^T J will be finite, before anything is spent on
/// it. Where the plan holds all features they are in `features` afterwards.
void compute_outputs(const ComputeRequest& r, FeaturePanels& features, TileLoopReport& report) {
    const Axis& batches = features.samples();
    const auto part = [&](int rank) { return shard_panels(batches, {1, r.world.size()}, rank); };
    const bool hold_all = r.plan.pace.batches >= batches.panels();
    OwnSamples own{part(r.world.rank()), shard_units(batches, {1, r.world.size()}, r.world.rank()), {}, {}};
    const Stopwatch watch;
    agree(r.world, [&] {
        own.outputs = Matrix<double>(own.samples.size(), r.problem.network.outputs());
        own.diagonal.resize(at(r.problem.network.parameters()));
        fault_point("read", r.world.rank());
        r.hooks.read(SetOfSamples::samples, own.samples, {});
        fault_point("features", r.world.rank());
        r.hooks.name_samples(SetOfSamples::samples, [&] {
            if (hold_all) {
                features.compute_part_of_all(own.batches, r.threads);
                take_batches(r, features, own.batches, own);
                return;
            }
            for (Index first = own.batches.begin; first < own.batches.end; first += r.threads) {
                const PanelRange wave{first, std::min<Index>(first + r.threads, own.batches.end)};
                features.compute(wave, r.threads);
                take_batches(r, features, wave, own);
            }
        });
    });
    if (hold_all)
        features.gather_all(r.world, part);
    else
        features.forget();  // the tiles may hold fewer batches at once
    mpi::sum(r.world, own.diagonal);
    agree(r.world, [&] { require_in_range(r, parameter_blocks(r.problem.network), own.diagonal); });
    report.features_seconds = watch.seconds();
    r.hooks.take_outputs(SetOfSamples::samples, own.samples, std::as_const(own.outputs).view());
}

TileLoopReport compute(const ComputeRequest& r) {
    TileLoopReport report;
    FeaturePanels features(batches_of(r.problem), r.problem.network, r.problem.reduction,
                           r.problem.samples.read);
    compute_outputs(r, features, report);
    r.hooks.features_done(report.features_seconds);
    Distribution remaining = distribute_freely(r.shape.axes, r.world.size(), r.world.rank(), r.done);
    const double per_entry = 2 * static_cast<double>(r.problem.samples.count) *
                             static_cast<double>(r.problem.reduction.sensitivities());
    const TileWork work = r.hooks.begin_tiles(remaining.tiles, per_entry);
    const Stopwatch watch;
    with_precision(r.shape.precision, [&](auto number) {
        using T = decltype(number);
        compute_gram_tiles<T>(gram_problem(r.problem, r.shape), features, remaining.tiles, r.plan.pace,
                              work.sink.of<T>(), work.control.go_on);
    });
    report.stopped = !work.control.all_done();
    report.assemble_seconds = watch.seconds();
    return report;
}

Action act(const mpi::Communicator& world, const Problem& problem, const Shape& /*of*/,
           const Distribution& /*whole*/, const ActionResources& resources, const std::vector<double>& v,
           const std::vector<double>& /*u*/) {
    return act_on_parameters(world, problem, resources.threads, v);
}

}  // namespace

const Product products_of::parameters{
    .name = "params",
    .holds = "J^T J of parameters, no kernel of samples",
    .option = "--space params",
    .title = "J^T J",
    .space = "params",
    .sums_tensors = false,
    .keeps_compared = false,
    .shape = shape,
    .operations = operations,
    .plan = plan,
    .distribute = distribute_tiles,
    .compute = compute,
    .act = act,
    .compare = compare_parameters,
};

}  // namespace tangram
