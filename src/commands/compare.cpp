// The comparison from top to bottom in judge(): equal as they lie? in another order? explained by the components? wrong in a
// few tiles only? another reduction? What nothing explains is a residual.

#include "tangram/commands/compare.hpp"

#include "tangram/commands/options.hpp"
#include "tangram/commands/recomputed.hpp"
#include "tangram/output/entry_comparison.hpp"
#include "tangram/output/kernel_entries.hpp"
#include "tangram/output/sample_order.hpp"
#include "tangram/support/agreement.hpp"

#include <algorithm>
#include <iostream>

namespace tangram {

namespace {

/// The two kernels, open.
struct Pair {
    const CompareOptions& options;
    const mpi::Communicator& world;
    KernelFile kernel;
    std::optional<TileFile> file;
    std::optional<OtherKernel> other;
    KernelFacts facts;  ///< on root
};

/// What was found, for people.
struct Judgement {
    std::string verdict;
    std::string numbers;  ///< lines of a table
    bool equal = false;
};

/// Collective.
Pair open_pair(const CompareOptions& options, const mpi::Communicator& world) {
    Pair pair{options, world, {}, {}, {}, {}};
    agree_on_root(world, [&] { require_of_samples(read_kernel_file(options.file, FailedChecks::refuse)); });
    agree(world, [&] {
        pair.kernel = read_kernel_file(options.file, FailedChecks::refuse);
        const KernelShape& shape = pair.kernel.shape;
        pair.file.emplace(options.file, shape, TileFile::Access::read);
        const std::string reduction = options.like.empty() ? pair.kernel.reduction : options.like;
        pair.other.emplace(options.other, shape.panels.samples, reduction == "full" ? shape.outputs : 1);
    });
    agree_on_root(world, [&] { pair.facts = read_facts(pair.kernel); });
    return pair;
}

double relative(double difference, double largest) {
    return largest > 0 ? difference / largest : difference;
}

std::string rows_of(const KernelShape& shape, Index panel) {
    const Index C = shape.matrices.back().rows_per_sample;
    return fmt::format("{} to {}", shape.panels.begin(panel) * C,
                       (shape.panels.begin(panel) + shape.panels.size(panel)) * C - 1);
}

std::string worst_place(const Pair& pair, const EntryComparison& found) {
    const KernelShape& shape = pair.kernel.shape;
    return fmt::format("the worst tile has rows {} and columns {}, off by {} at row {}, column {}",
                       rows_of(shape, found.worst_tile.row), rows_of(shape, found.worst_tile.column),
                       plain(found.worst), found.worst_row, found.worst_column);
}

std::string equal_in_words(double worst, double largest) {
    const double off = relative(worst, largest);
    return fmt::format("equal to {} ({:.1e}) of the largest entry", plain(off), off);
}

std::string table_of(const Explanation& explanation) {
    std::string table = fmt::format("\n{:<28}  {:>16}  {:>16}\n", "fitted", "weight", "known to");
    for (const FittedWeight& line : explanation.fit)
        table += fmt::format("{:<28}  {:>16}  {:>16.1e}\n", line.name, plain(line.weight), line.uncertainty);
    table += fmt::format("{:<28}  {:>16.1e}  of sqrt(K_ii K_jj), root mean square\n", "left over",
                         explanation.residual);
    return table;
}

std::string numbers_of(const Pair& pair, const EntryComparison& found) {
    return fmt::format(
        "largest     {} here, {} there\ndifference  at most {} ({:.1e} of the largest entry), {}\n"
        "tiles       {} of {} are off by more than {:.1e} of the largest entry\n",
        plain(found.largest), plain(found.largest_other), plain(found.worst),
        relative(found.worst, found.largest), worst_place(pair, found), found.tiles_off, found.tiles,
        pair.options.tolerance);
}

/// Collective. Root's explanation; on the other ranks what is needed to compare all entries with it: not the fit.
Explanation explain_on_root(const Pair& pair, const FitProblem& problem) {
    Explanation explanation;
    agree_on_root(pair.world, [&] { explanation = explain(problem, pair.facts, pair.options.tolerance); });
    explanation.holds = mpi::broadcast(pair.world, Index{explanation.holds ? 1 : 0}) != 0;
    explanation.weights = mpi::broadcast(pair.world, std::move(explanation.weights));
    explanation.offset = mpi::broadcast(pair.world, std::vector<double>{explanation.offset}).front();
    explanation.verdict = mpi::broadcast(pair.world, std::move(explanation.verdict));
    return explanation;
}

/// The explanation as weights of the file's matrices: of the kernel, and of the components that differ from it.
KernelModel model_of(const KernelShape& shape, const Explanation& explanation) {
    KernelModel model = as_it_is(shape);
    std::vector<std::size_t> components;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (shape.matrices[m].is_component()) components.push_back(m);
    }
    if (components.empty()) {
        model.weights.back() = explanation.weights.front();
    } else {
        // Most components have one and the same weight: that of the kernel.
        std::vector<double> sorted = explanation.weights;
        std::sort(sorted.begin(), sorted.end());
        const double common = sorted[sorted.size() / 2];
        model.weights.back() = common;
        for (std::size_t k = 0; k < components.size(); ++k)
            model.weights[components[k]] = explanation.weights[k] - common;
    }
    model.offset = explanation.offset;
    return model;
}

bool only_few_tiles(const EntryComparison& found) {
    return found.tiles >= 4 && found.tiles_off * 4 <= found.tiles;
}

std::string few_tiles_in_words(const Pair& pair, const EntryComparison& found) {
    return fmt::format("{} of {} tiles {} off, {}; all others are {}", found.tiles_off, found.tiles,
                       found.tiles_off == 1 ? "is" : "are", worst_place(pair, found),
                       equal_in_words(found.worst_elsewhere, found.largest));
}

/// Collective. By the components, checked on all entries; nothing if they do not explain OTHER.
std::optional<Judgement> judge_by_components(const Pair& pair, const EntryComparison& as_they_lie,
                                             Judgement& so_far) {
    const FitProblem problem =
        fit_problem(pair.world, pair.kernel, *pair.file, *pair.other, as_they_lie.diagonal);
    const Explanation explanation = explain_on_root(pair, problem);
    so_far.numbers += table_of(explanation);
    if (!explanation.holds) return std::nullopt;
    const EntryComparison rest =
        compare_entries(pair.world, pair.kernel, *pair.file, *pair.other,
                        model_of(pair.kernel.shape, explanation), pair.options.tolerance);
    const double largest = std::max(rest.largest, as_they_lie.largest_other);
    const bool all = rest.worst <= pair.options.tolerance * largest;
    if (!all && !only_few_tiles(rest)) return std::nullopt;
    Judgement judgement = so_far;
    judgement.verdict = explanation.verdict;
    if (!all) judgement.verdict += "; besides, " + few_tiles_in_words(pair, rest);
    judgement.numbers +=
        fmt::format("so explained, all entries are {}\n", equal_in_words(rest.worst, largest));
    return judgement;
}

/// Collective. By the components, computed again on a few samples where the file has none.
std::optional<Judgement> judge_by_recomputing(const Pair& pair, const std::string& reduction,
                                              Judgement& so_far) {
    RecomputedComparison found =
        compare_recomputed(pair.world, pair.kernel, *pair.other, reduction,
                           {pair.options.model, pair.options.data}, pair.options.tolerance);
    so_far.numbers +=
        fmt::format("recomputed  {} on {} samples from the recorded inputs, by explicit Jacobians\n",
                    reduction, found.samples);
    if (!found.explanation.fit.empty()) so_far.numbers += table_of(found.explanation);
    if (!found.equal && !found.explanation.holds) return std::nullopt;
    Judgement judgement = so_far;
    judgement.equal = found.equal;
    judgement.verdict = found.equal ? equal_in_words(found.worst, found.largest) : found.explanation.verdict;
    judgement.verdict += fmt::format(" (of reduction {}, on {} samples)", reduction, found.samples);
    return judgement;
}

/// Collective. What the file alone cannot tell: components that it has not stored, other reductions. Where the inputs are not
/// to be had, says so.
std::optional<Judgement> judge_from_inputs(const Pair& pair, Judgement& so_far) {
    const KernelFile& kernel = pair.kernel;
    const bool has_components = std::any_of(kernel.shape.matrices.begin(), kernel.shape.matrices.end(),
                                            [](const KernelMatrix& matrix) { return matrix.is_component(); });
    try {
        if (!has_components && kernel.logit < 0) {
            if (auto judgement = judge_by_recomputing(pair, kernel.reduction, so_far)) return judgement;
        }
        if (kernel.shape.outputs == 1 || kernel.reduction == "full") return std::nullopt;
        const std::string verdict = find_reduction(
            pair.world, kernel, *pair.other, {pair.options.model, pair.options.data}, pair.options.tolerance);
        if (verdict.empty()) {
            so_far.numbers +=
                "reductions  trace, mean, sum and single outputs were recomputed on a few samples: none is "
                "it\n";
            return std::nullopt;
        }
        Judgement judgement = so_far;
        judgement.verdict = verdict;
        return judgement;
    } catch (const AgreedError& error) {
        so_far.numbers += fmt::format("reductions  others were not tried: {}\n", error.what());
        return std::nullopt;
    }
}

/// Collective.
Judgement judge(const Pair& pair) {
    Judgement judgement;
    if (!pair.options.like.empty()) {
        auto found = judge_by_recomputing(pair, pair.options.like, judgement);
        if (found) return *found;
        judgement.verdict =
            fmt::format("residual: no component of reduction {} explains it", pair.options.like);
        return judgement;
    }
    const EntryComparison found = compare_entries(pair.world, pair.kernel, *pair.file, *pair.other,
                                                  as_it_is(pair.kernel.shape), pair.options.tolerance);
    judgement.numbers = numbers_of(pair, found);
    if (found.worst <= pair.options.tolerance * found.largest) {
        judgement.equal = true;
        judgement.verdict = equal_in_words(found.worst, found.largest);
        return judgement;
    }
    if (const auto order =
            find_order(pair.world, pair.kernel, *pair.file, *pair.other, found, pair.options.tolerance)) {
        judgement.verdict = order->verdict;
        return judgement;
    }
    if (auto explained = judge_by_components(pair, found, judgement)) return *explained;
    if (only_few_tiles(found)) {
        judgement.verdict = "residual in a few tiles: " + few_tiles_in_words(pair, found);
        return judgement;
    }
    if (auto explained = judge_from_inputs(pair, judgement)) return *explained;
    judgement.verdict = fmt::format(
        "residual that nothing explains: entries differ by at most {} and by {} in the root mean square of "
        "the largest entry; {}",
        plain(relative(found.worst, found.largest)),
        plain(relative(std::sqrt(found.mean_square), found.largest)), worst_place(pair, found));
    return judgement;
}

}  // namespace

void add_compare_options(CLI::App& app, CompareOptions& options) {
    app.add_option("file", options.file, "the kernel file")->required()->type_name("OUT.h5");
    app.add_option("other", options.other,
                   "another program's kernel of the same samples: an HDF5 dataset or a .npy file")
        ->required()
        ->type_name("OTHER.h5:DATASET");
    app.add_option("--like", options.like,
                   "the reduction that OTHER is of (the file's own): trace, mean, sum, full; recomputed on a "
                   "few samples");
    app.add_option("--tolerance", options.tolerance, "what counts as equal, of the largest entry (1e-5)");
    app.add_option("--model", options.model, "where the model file is now")->type_name("FILE[:GROUP]");
    app.add_option("--data", options.data, "where the samples are now")->type_name("FILE[:DATASET]");
    add_config_option(app);
}

void validate(const CompareOptions& options) {
    if (options.file.empty() || options.other.empty())
        fail(ExitCode::usage, "a file's name is empty: give OUT.h5 and OTHER");
    if (!options.like.empty()) require_one_of("--like", options.like, {"trace", "mean", "sum", "full"});
    require_finite(options.tolerance, "--tolerance");
    if (options.tolerance <= 0)
        fail(ExitCode::usage, "--tolerance is {}: give a positive number", options.tolerance);
}

int run_compare(const CompareOptions& options, const mpi::Communicator& world) {
    const Pair pair = open_pair(options, world);
    const Judgement judgement = judge(pair);
    if (world.is_root()) {
        std::cout << fmt::format("{0}\n\nfile        {1}, {2}, {3}\nother       {4}\n{5}\nverdict     {0}\n",
                                 judgement.verdict, options.file, pair.kernel.reduction,
                                 to_string(pair.kernel.shape.precision), pair.other->description(),
                                 judgement.numbers)
                  << std::flush;
    }
    return static_cast<int>(judgement.equal ? ExitCode::done : ExitCode::check_failed);
}

}  // namespace tangram
