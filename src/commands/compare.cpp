// The comparison from top to bottom in judge(): a part of ours, or of another reduction by its shape? equal as they lie? in
// another order? centred or asymmetric? explained by the components? wrong in a few tiles only? another reduction? What nothing
// explains is a residual.

#include "tangram/commands/compare.hpp"

#include "compare_from_inputs.hpp"
#include "tangram/compare/comparison_words.hpp"
#include "tangram/compare/kernel_entries.hpp"
#include "tangram/compare/kernel_part.hpp"
#include "tangram/compare/row_hypotheses.hpp"
#include "tangram/compare/sample_order.hpp"
#include "tangram/run/options.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace tangram {

namespace {

using namespace comparing;

/// Collective.
Pair open_pair(const CompareOptions& options, const mpi::Communicator& world) {
    Pair pair{options, world, {}, {}, {}, {}};
    agree_on_root(world, [&] {
        const KernelFile kernel = read_kernel_file(options.file, FailedChecks::refuse);
        require_that_serves(kernel, kernel.shape.axes.column.unit == Unit::sample, "compare");
    });
    agree(world, [&] {
        pair.kernel = read_kernel_file(options.file, FailedChecks::refuse);
        const Shape& shape = pair.kernel.shape;
        pair.file.emplace(options.file, shape, TileFile::Access::read);
        const std::string reduction = options.like.empty() ? pair.kernel.reduction : options.like;
        const Index outputs = options.like.empty() ? pair.kernel.outputs_that_count() : pair.kernel.outputs;
        pair.other.emplace(options.other, OurKernel{shape.axes.row.extent, shape.axes.column.extent,
                                                    shape.axes.symmetric, outputs, reduction,
                                                    options.like.empty() ? pair.kernel.logit : Index{-1}});
        const OtherLayout layout = pair.other->layout();
        const bool other_shape = layout == OtherLayout::part || layout == OtherLayout::one_row_a_sample;
        if (other_shape && !options.like.empty()) pair.other->refuse_shape();
    });
    agree_on_root(world, [&] { pair.facts = read_facts(pair.kernel); });
    return pair;
}

/// Collective. Root's explanation; on the other ranks what is needed to compare all entries with it: not the fit.
Explanation explain_on_root(const Pair& pair, const FitProblem& problem) {
    Explanation explanation;
    agree_on_root(pair.world, [&] { explanation = explain(problem, pair.facts, pair.options.tolerance); });
    explanation.holds = mpi::broadcast(pair.world, Index{explanation.holds ? 1 : 0}) != 0;
    explanation.weights = mpi::broadcast(pair.world, std::move(explanation.weights));
    const std::vector<double> added =
        mpi::broadcast(pair.world, std::vector<double>{explanation.ridge, explanation.offset});
    explanation.ridge = added[0];
    explanation.offset = added[1];
    explanation.verdict = mpi::broadcast(pair.world, std::move(explanation.verdict));
    return explanation;
}

/// Collective. By the components, checked on all entries; nothing if they do not explain OTHER.
std::optional<Judgement> judge_by_components(const Pair& pair, const EntryComparison& as_they_lie,
                                             Judgement& so_far) {
    const FitProblem problem = fit_problem(pair.files(), read_scales(pair.files(), as_they_lie.ours));
    const Explanation explanation = explain_on_root(pair, problem);
    so_far.numbers += table_of(explanation);
    if (!explanation.holds) return std::nullopt;
    const EntryComparison rest =
        compare_entries(pair.files(), model_of(pair.kernel.shape, explanation), pair.options.tolerance);
    const double largest = std::max(rest.largest, as_they_lie.largest_other);
    const bool all = rest.worst <= pair.options.tolerance * largest;
    if (!all && !only_few_tiles(rest)) return std::nullopt;
    Judgement judgement = so_far;
    judgement.verdict = explanation.verdict;
    if (!all) judgement.verdict += "; besides, " + few_tiles_in_words(pair.kernel.shape, rest);
    judgement.numbers +=
        fmt::format("so explained, all entries are {}\n", equal_in_words(rest.worst, largest));
    return judgement;
}

/// Collective. OTHER has another shape than ours: a part of it, or one row a sample where ours has one an output.
Judgement judge_by_shape(const Pair& pair) {
    Judgement judgement;
    judgement.verdict = find_part(pair.files(), pair.options.tolerance);
    if (!judgement.verdict.empty()) return judgement;
    judgement.is_explained = false;
    if (pair.other->layout() == OtherLayout::part) return judgement;
    try {
        if (auto found = judge_by_reduction(pair, load_few(pair), judgement)) return *found;
    } catch (const AgreedError& error) {
        judgement.numbers += fmt::format("reductions  others were not tried: {}\n", error.what());
    }
    judgement.verdict =
        "residual that nothing explains: one row a sample, where this kernel has one an output";
    return judgement;
}

Judgement with_verdict(Judgement judgement, std::string verdict, bool is_explained = true) {
    judgement.verdict = std::move(verdict);
    judgement.is_explained = is_explained;
    return judgement;
}

/// Collective. OTHER has our shape, or one that can be read as ours.
Judgement judge_entries(const Pair& pair) {
    const double tolerance = pair.options.tolerance;
    const EntryComparison found = compare_entries(pair.files(), as_it_is(pair.kernel.shape), tolerance);
    Judgement judgement;
    judgement.numbers = numbers_of(pair.kernel.shape, found, tolerance);
    if (found.worst <= tolerance * found.largest) {
        judgement.equal = true;
        return with_verdict(judgement, equal_in_words(found.worst, found.largest));
    }
    if (const auto order = find_order(pair.files(), found, tolerance))
        return with_verdict(judgement, order->verdict);
    const Asymmetry asymmetry = measure_asymmetry(pair.files());
    if (const auto verdict = find_by_rows(pair.files(), pair.facts, found, asymmetry, tolerance))
        return with_verdict(judgement, *verdict);
    if (auto explained = judge_by_components(pair, found, judgement)) return *explained;
    const std::string asymmetric = asymmetry_in_words(found, asymmetry, tolerance);
    if (only_few_tiles(found))
        return with_verdict(judgement, "residual in a few tiles: " +
                                           few_tiles_in_words(pair.kernel.shape, found) + asymmetric);
    if (auto explained = judge_from_inputs(pair, judgement)) return *explained;
    return with_verdict(
        judgement,
        fmt::format(
            "residual that nothing explains: entries differ by at most {} and by {} in the root mean square of the largest entry; {}{}",
            plain(relative(found.worst, found.largest)),
            plain(relative(std::sqrt(found.mean_square), found.largest)),
            worst_place(pair.kernel.shape, found), asymmetric),
        false);
}

/// Collective. Of OTHER as it is read.
Judgement judge_one_way(const Pair& pair) {
    const OtherLayout layout = pair.other->layout();
    if (layout == OtherLayout::part || layout == OtherLayout::one_row_a_sample) return judge_by_shape(pair);
    if (pair.options.like.empty()) return judge_entries(pair);
    Judgement judgement;
    if (auto found = judge_by_recomputing(pair, load_few(pair), pair.options.like, judgement)) return *found;
    return with_verdict(judgement,
                        fmt::format("residual: no component of reduction {} explains it", pair.options.like),
                        false);
}

/// Collective. Of OTHER as it lies or transposed: as its shape wants, or both where that leaves it open.
Judgement judge(Pair& pair) {
    Judgement judgement = judge_one_way(pair);
    if (!judgement.is_explained && pair.other->fits_both_ways()) {
        pair.other->turn();
        const Judgement turned = judge_one_way(pair);
        if (turned.is_explained)
            judgement = turned;
        else
            pair.other->turn();
    }
    agree(pair.world, [&] {
        if (!judgement.is_explained && pair.other->layout() == OtherLayout::part) pair.other->refuse_shape();
    });
    if (!pair.other->is_transposed()) return judgement;
    judgement.equal = false;
    judgement.verdict = judgement.is_explained
                            ? "transposed: its rows are the columns here; read so it is " + judgement.verdict
                            : judgement.verdict + "; its shape is that of the transpose, and so it was read";
    return judgement;
}

/// How OTHER was read where it does not lie as ours does; "" if it does.
std::string reading_in_words(const Pair& pair) {
    if (pair.other->layout() != OtherLayout::output_diagonal) return "";
    const KernelFile& kernel = pair.kernel;
    const char* const shape = kernel.shape.axes.symmetric ? "(N, N, C)" : "(M, N, C)";
    if (kernel.reduction == "full" && pair.options.like.empty())
        return fmt::format("; of all pairs of outputs it has r = s alone, {}, and only these were compared",
                           shape);
    if (pair.options.like.empty() && kernel.logit >= 0)
        return fmt::format("; of its outputs, {}, output {} was compared", shape, kernel.logit);
    return fmt::format("; its {} over the last axis was compared: {} is the kernel of each output",
                       kernel.reduction == "mean" ? "mean" : "sum", shape);
}

}  // namespace

void add_compare_options(CLI::App& app, CompareOptions& options) {
    app.add_option("file", options.file, "the kernel file")->required()->type_name("OUT.h5");
    app.add_option("other", options.other,
                   "another program's kernel of the same samples: an HDF5 dataset or a .npy file")
        ->required()
        ->type_name("OTHER.h5:DATASET");
    one_of(app.add_option("--like", options.like,
                          "the reduction that OTHER is of (the file's own); recomputed on a few samples"),
           {"trace", "mean", "sum", "full"});
    app.add_option("--tolerance", options.tolerance, "what counts as equal, of the largest entry (1e-5)");
    app.add_option("--model", options.model, "where the model file is now")->type_name("FILE[:GROUP]");
    app.add_option("--data", options.data, "where the samples are now")->type_name("FILE[:DATASET]");
    app.add_option("--test", options.test, "where the test samples are now")->type_name("FILE[:DATASET]");
    add_config_option(app);
}

void validate(const CompareOptions& options) {
    if (options.file.empty() || options.other.empty())
        fail(ExitCode::usage, "a file's name is empty: give OUT.h5 and OTHER");
    require_finite(options.tolerance, "--tolerance");
    if (options.tolerance <= 0)
        fail(ExitCode::usage, "--tolerance is {}: give a positive number", options.tolerance);
}

int run_compare(const CompareOptions& options, const mpi::Communicator& world) {
    agree(world, [] { blas::take_buffers(1); });
    Pair pair = open_pair(options, world);
    Judgement judgement = judge(pair);
    judgement.verdict += reading_in_words(pair);
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
