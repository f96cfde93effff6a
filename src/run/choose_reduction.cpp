#include "choose_reduction.hpp"

#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

namespace tangram {

namespace {

[[noreturn]] void refuse_output_range(const std::string& word) {
    fail(
        ExitCode::usage,
        "--outputs has '{}', which is no output and no range A:B of them, counted from 0: write, for example, 0,3,5:8",
        printable(word));
}

Index parse_output(std::string_view text, const std::string& word) {
    Index value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) refuse_output_range(word);
    return value;
}

/// "3", or "5:8", half-open.
std::pair<Index, Index> parse_output_range(const std::string& word) {
    const std::size_t colon = word.find(':');
    const std::string_view text = word;
    const Index first = parse_output(text.substr(0, colon), word);
    if (colon == std::string::npos) return {first, first + 1};
    const Index end = parse_output(text.substr(colon + 1), word);
    if (end <= first) refuse_output_range(word);
    return {first, end};
}

std::vector<Index> chosen_outputs(const std::vector<std::string>& words, Index outputs) {
    std::vector<Index> chosen;
    std::set<Index> seen;
    for (const std::string& word : words) {
        const auto [first, end] = parse_output_range(word);
        if (end > outputs) {
            fail(ExitCode::usage,
                 "--outputs {} is beyond the network's {} outputs: give numbers from 0 to {}", word, outputs,
                 outputs - 1);
        }
        for (Index output = first; output < end; ++output) {
            if (!seen.insert(output).second)
                fail(ExitCode::usage, "--outputs names output {} twice: name each once", output);
            chosen.push_back(output);
        }
    }
    return chosen;
}

[[noreturn]] void refuse_both(const std::string& one, const std::string& other) {
    fail(ExitCode::usage, "{} and {} contradict each other: drop one of them", one, other);
}

bool is_of_targets(const KernelOptions& options) {
    return options.reduction == "loss" || options.reduction == "margin";
}

/// What chooses rows of its own, as the user wrote it: at most one may be given.
void require_one_choice(const KernelOptions& options) {
    std::vector<std::string> given;
    if (options.logit) given.emplace_back("--logit");
    if (!options.outputs.empty()) given.emplace_back("--outputs");
    if (options.project_outputs) given.emplace_back("--project-outputs");
    if (options.weights) given.emplace_back("--weights");
    if (is_of_targets(options)) given.push_back("--reduction " + options.reduction);
    if (given.size() > 1) refuse_both(given[0], given[1]);
    const bool makes_rows = options.project_outputs || options.weights;
    if (makes_rows && options.reduction != "trace" && options.reduction != "full") {
        fail(ExitCode::usage, "{} makes rows for --reduction trace or full, not {}: give one of these",
             given[0], options.reduction);
    }
}

void validate_loss(const KernelOptions& options) {
    if (options.loss) parse_loss(*options.loss);
    if (options.reduction == "loss" && !options.loss)
        fail(ExitCode::usage, "--reduction loss needs --loss: say which, cross-entropy or mse");
    if (options.loss && options.reduction != "loss" && !options.weights) {
        fail(ExitCode::usage, "--loss {} is for --reduction loss, not {}: give that, or drop --loss",
             *options.loss, options.reduction);
    }
    if (options.weights && options.loss.value_or("cross-entropy") != "cross-entropy") {
        fail(
            ExitCode::usage,
            "--weights sqrt-hessian is of the cross-entropy; the Hessian of --loss mse is 2/C times the identity: take --reduction trace or full times 2/C");
    }
}

/// Labels or targets of one set, as its options are called.
void require_targets(const KernelOptions& options, const std::string& labels, const std::string& targets,
                     const std::string& prefix) {
    if (options.reduction != "loss" && !targets.empty() && !measure_level(options)) {
        fail(ExitCode::usage, "--{}targets are for --reduction loss and --measure, not {}: drop one of them",
             prefix, options.reduction);
    }
    if (options.reduction == "loss" && labels.empty() && targets.empty()) {
        fail(ExitCode::usage,
             "--reduction loss needs what the outputs should be: give --{0}labels, or --{0}targets", prefix);
    }
    if (options.reduction == "margin" && labels.empty())
        fail(ExitCode::usage, "--reduction margin needs each sample's class: give --{}labels", prefix);
}

/// Whether E is made of the outputs' softmax.
bool is_of_softmax(const Reduction& reduction) {
    const bool is_mse = reduction.kind == ReductionKind::loss && reduction.loss == Loss::mse;
    return reduction.needs_outputs() && !is_mse;
}

/// One output is all of a softmax.
void require_several_outputs(const Reduction& reduction) {
    if (!is_of_softmax(reduction) || reduction.outputs > 1) return;
    fail(
        ExitCode::usage,
        "the network has one output, whose softmax is 1 whatever the parameters: {} of it would be zero or infinite; take --loss mse, or --reduction trace for the gradient of the output",
        describe(reduction));
}

void require_few_rows(const Reduction& reduction) {
    const Index R = reduction.sensitivities();
    if (R <= most_rows_of_sample) return;
    fail(
        ExitCode::usage,
        "{} has {} rows of J a sample, more than {}: take some with --outputs A,B,.., random combinations with --project-outputs K, or one row a sample with --reduction sum, loss or margin, or --logit",
        describe(reduction), R, most_rows_of_sample);
}

/// Of sample i of the set, for messages.
std::string place_of(const InputSet& set, const std::string& location, std::size_t i) {
    return fmt::format("sample {}: {}, row {} of {}", i, printable(location), set.selection.rows[i],
                       data_text(set.options));
}

void require_classes(const InputSet& set, Index outputs) {
    const std::vector<double>& labels = set.labels->values;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == std::floor(labels[i]) && labels[i] >= 0 && labels[i] < static_cast<double>(outputs))
            continue;
        fail(ExitCode::bad_input,
             "the label {} is no class of the network's {} outputs ({}): number classes from 0 to {}",
             labels[i], outputs, place_of(set, set.labels_location, i), outputs - 1);
    }
}

/// As PyTorch's cross_entropy takes them.
void require_probabilities(const InputSet& set) {
    constexpr double rounding = 1e-4;  // of numbers that were stored in float32 or less
    const Matrix<double>& targets = *set.targets;
    for (Index i = 0; i < targets.rows(); ++i) {
        double sum = 0;
        double least = 0;
        for (Index o = 0; o < targets.cols(); ++o) {
            sum += targets(i, o);
            least = std::min(least, targets(i, o));
        }
        if (least >= 0 && std::abs(sum - 1) <= rounding) continue;
        fail(
            ExitCode::bad_input,
            "targets of the cross-entropy are no probabilities ({}; they add up to {:.6g}, the least is {:.6g}): give probabilities of the classes, or --labels",
            place_of(set, set.targets_location, at(i)), sum, least);
    }
}

}  // namespace

void validate_reduction(const KernelOptions& options) {
    parse_reduction(options.reduction);
    if (options.logit) require_between("--logit", *options.logit, 0, std::int64_t{1} << 40);
    for (const std::string& word : options.outputs) parse_output_range(word);
    if (options.project_outputs)
        require_between("--project-outputs", *options.project_outputs, 1, most_rows_of_sample);
    if (options.seed) {
        require_between("--seed", *options.seed, 0, INT64_MAX);
        if (!options.project_outputs)
            fail(ExitCode::usage, "--seed is of --project-outputs, which is not given: drop it");
    }
    require_one_choice(options);
    validate_loss(options);
    require_targets(options, options.labels, options.targets, "");
    if (options.test.locations.empty()) return;
    require_targets(options, options.test_labels, options.test_targets, "test-");
    if (options.targets.empty() != options.test_targets.empty()) {
        fail(ExitCode::usage,
             "--targets and --test-targets go together: give both, or the labels of both sets");
    }
}

Reduction choose_reduction(const KernelOptions& options, Index outputs) {
    Reduction reduction;
    reduction.outputs = outputs;
    reduction.kind = options.logit ? ReductionKind::logit : parse_reduction(options.reduction);
    if (options.logit && *options.logit >= outputs) {
        fail(ExitCode::usage, "--logit {} is beyond the network's {} outputs: give a number from 0 to {}",
             *options.logit, outputs, outputs - 1);
    }
    reduction.logit = options.logit.value_or(-1);
    reduction.chosen = chosen_outputs(options.outputs, outputs);
    if (options.loss) reduction.loss = parse_loss(*options.loss);
    if (options.weights) reduction.weights = RowWeights::sqrt_hessian;
    if (options.project_outputs) {
        reduction.seed = static_cast<std::uint64_t>(options.seed.value_or(0));
        reduction.combinations = std::make_shared<const Matrix<double>>(
            random_combinations(*options.project_outputs, outputs, reduction.seed));
    }
    require_several_outputs(reduction);
    require_few_rows(reduction);
    return reduction;
}

void require_targets_fit(const Reduction& reduction, const InputSet& set) {
    const bool of_loss = reduction.kind == ReductionKind::loss;
    if (!of_loss && reduction.kind != ReductionKind::margin) return;
    if (of_loss && set.targets) {
        if (reduction.loss == Loss::cross_entropy) require_probabilities(set);
        return;
    }
    const bool are_numbers = of_loss && reduction.loss == Loss::mse && reduction.outputs == 1;
    if (!are_numbers) require_classes(set, reduction.outputs);
}

void give_targets(const InputSet& set, Reduction& reduction) {
    if (reduction.kind != ReductionKind::loss && reduction.kind != ReductionKind::margin) return;
    Targets targets;
    if (set.targets && reduction.kind == ReductionKind::loss) {
        targets.values = Matrix<double>(set.targets->rows(), set.targets->cols());
        std::copy_n(set.targets->data(), set.targets->size(), targets.values.data());
    } else if (reduction.outputs == 1) {  // the label is what the one output should be
        const std::vector<double>& labels = set.labels->values;
        targets.values = Matrix<double>(static_cast<Index>(labels.size()), 1);
        std::copy(labels.begin(), labels.end(), targets.values.data());
    } else {
        for (const double label : set.labels->values) targets.classes.push_back(static_cast<Index>(label));
    }
    reduction.targets = std::make_shared<const Targets>(std::move(targets));
}

std::vector<std::string> notes_of(const Reduction& reduction, const Network& network) {
    const std::string by = output_operator(network);
    if (!is_of_softmax(reduction) || (by != "softmax" && by != "sigmoid")) return {};
    return {fmt::format(
        "the outputs come from a {0}, and the {1} takes them for logits, so that a softmax is applied to the {0}: name the logits, with --output-activation identity, or --value of an ONNX graph",
        by, reduction.kind == ReductionKind::margin ? "margin" : "cross-entropy")};
}

}  // namespace tangram
