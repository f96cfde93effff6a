#include "compare_from_inputs.hpp"

#include "tangram/compare/comparison_words.hpp"
#include "tangram/compare/kernel_entries.hpp"
#include "tangram/compare/other_networks.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/support/agreement.hpp"

#include <algorithm>

namespace tangram::comparing {

namespace {

/// Collective. As the kernel of another network than the graph's, or of another formula. Throws AgreedError.
std::optional<Judgement> judge_by_other_network(const Pair& pair, const SmallRun& few, Judgement& so_far) {
    if (!pair.other->has_all_entries()) return std::nullopt;
    const std::string verdict = find_other_network(pair.world, few, *pair.other, pair.kernel.reduction,
                                                   pair.kernel.logit, pair.options.tolerance);
    if (verdict.empty()) return std::nullopt;
    Judgement judgement = so_far;
    judgement.verdict = verdict;
    return judgement;
}

}  // namespace

SmallRun load_few(const Pair& pair) {
    const CompareOptions& options = pair.options;
    agree(pair.world, [&] {
        if (!pair.kernel.gradients_are_given) return;
        fail(
            ExitCode::usage,
            "this kernel is of gradients that were given, and there is no network to compute others of ({}): compare it with a kernel of the same rows",
            pair.kernel.path);
    });
    RecordedRun run = load_recorded_run(pair.world, pair.kernel, {options.model, options.data, options.test});
    const Index sets = run.inputs.test ? 2 : 1;
    const auto few_of = [&](const auto& samples, const std::string& labels) {
        FewSamples few;
        few.all = samples.count();
        agree(pair.world, [&] { few.samples = samples_to_recompute(run.inputs.network, few.all, sets); });
        few.X = read_few_samples(pair.world, samples, few.samples);
        agree_on_root(pair.world, [&] { few.classes = read_classes(pair.kernel, labels, few.samples); });
        return few;
    };
    SmallRun few;
    few.parameterization = run.inputs.parameterization;
    few.symmetric = pair.kernel.shape.axes.symmetric;
    few.columns = few_of(run.inputs.samples, "/labels");
    few.rows =
        run.inputs.test ? few_of(*run.inputs.test, "/test_labels") : few_of(run.inputs.samples, "/labels");
    few.network = std::move(run.inputs.network);
    few.graph_options = run.options.graph;
    agree_on_root(pair.world, [&] {
        if (is_graph_file(run.options.model)) few.graph = read_graph_file(run.options.model);
    });
    return few;
}

std::optional<Judgement> judge_by_recomputing(const Pair& pair, const SmallRun& few,
                                              const std::string& reduction, Judgement& so_far) {
    RecomputedComparison found =
        compare_recomputed(pair.world, few, *pair.other, reduction, pair.options.tolerance);
    so_far.numbers += fmt::format("recomputed  {} on {} from the recorded inputs, by explicit Jacobians\n",
                                  reduction, few.samples_in_words());
    if (!found.explanation.fit.empty()) so_far.numbers += table_of(found.explanation);
    if (!found.equal && !found.explanation.holds) return std::nullopt;
    Judgement judgement = so_far;
    judgement.equal = found.equal;
    judgement.verdict = found.equal ? equal_in_words(found.worst, found.largest) : found.explanation.verdict;
    judgement.verdict += fmt::format(" (of reduction {}, on {})", reduction, few.samples_in_words());
    return judgement;
}

std::optional<Judgement> judge_by_reduction(const Pair& pair, const SmallRun& few, Judgement& so_far) {
    const std::string verdict = find_reduction(pair.world, few, *pair.other, pair.options.tolerance);
    if (verdict.empty()) {
        so_far.numbers += fmt::format(
            "reductions  trace, mean, sum, single outputs{} were recomputed on a few samples: none is it\n",
            few.has_classes() ? " and each sample's own class" : "");
        return std::nullopt;
    }
    Judgement judgement = so_far;
    judgement.verdict = verdict;
    return judgement;
}

std::optional<Judgement> judge_from_inputs(const Pair& pair, Judgement& so_far) {
    const KernelFile& kernel = pair.kernel;
    const bool has_components = std::any_of(kernel.shape.matrices.begin(), kernel.shape.matrices.end(),
                                            [](const StoredMatrix& matrix) { return matrix.is_component(); });
    try {
        const SmallRun few = load_few(pair);
        if (!has_components && kernel.logit < 0 && kernel.of_plain_outputs) {
            if (auto judgement = judge_by_recomputing(pair, few, kernel.reduction, so_far)) return judgement;
        }
        const bool one_row = pair.other->layout() == OtherLayout::one_row_a_sample;
        if (kernel.outputs > 1 && (kernel.reduction != "full" || one_row)) {
            if (auto judgement = judge_by_reduction(pair, few, so_far)) return judgement;
        }
        if (one_row || !kernel.of_plain_outputs) return std::nullopt;
        return judge_by_other_network(pair, few, so_far);
    } catch (const AgreedError& error) {
        so_far.numbers += fmt::format("reductions  others were not tried: {}\n", error.what());
        return std::nullopt;
    }
}

}  // namespace tangram::comparing
