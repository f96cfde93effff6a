// What a kernel run's options must be before anything is opened; each refusal names the option.

#include "choose_reduction.hpp"
#include "tangram/network/activation.hpp"
#include "tangram/run/kernel_options.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <iterator>
#include <utility>
#include <vector>

namespace tangram {

namespace {

void require_seconds(const std::string& option, double seconds) {
    require_finite(seconds, option);
    if (seconds < 0 || seconds > 1e9)
        fail(ExitCode::usage, "{} is {}: give seconds from 0 on", option, seconds);
}

/// The file's record of its options has one a line.
void require_one_line(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
        if (path.find_first_of("\n\r") != std::string::npos) {
            fail(ExitCode::usage,
                 "a path has a line break, which no record of options can hold ({}): rename it",
                 printable(path));
        }
    }
}

/// What a network, or samples that go through one, are asked for by. In the order of --help.
void refuse_beside_factors(const KernelOptions& o) {
    const SampleOptions& samples = o.samples;
    std::vector<GivenOption> given{{"--model", !o.model.empty()}};
    for (const GivenOption& option : network_options_given(o.network)) given.push_back(option);
    const GivenOption others[] = {{"--value", !o.graph.value.empty()},
                                  {"--data", !samples.locations.empty()},
                                  {"--data-scale", !samples.scale.empty()},
                                  {"--data-shift", !samples.shift.empty()},
                                  {"--data-mean", !samples.mean.empty()},
                                  {"--data-std", !samples.std.empty()},
                                  {"--channels-first", samples.channels_first},
                                  {"--transpose or --no-transpose", samples.transpose.has_value()},
                                  {"--targets", !o.targets.empty()},
                                  {"--expect-outputs", !o.expected_outputs.empty()},
                                  {"--test-targets", !o.test_targets.empty()},
                                  {"--expect-test-outputs", !o.expected_test_outputs.empty()},
                                  {"--reduction loss", o.reduction == "loss"},
                                  {"--reduction margin", o.reduction == "margin"},
                                  {"--loss", o.loss.has_value()},
                                  {"--weights", o.weights.has_value()},
                                  {"--conjugate-kernels", o.conjugate_kernels.value_or("none") != "none"}};
    given.insert(given.end(), std::begin(others), std::end(others));
    for (const auto& [option, is_given] : given) {
        if (is_given) {
            fail(ExitCode::usage,
                 "{} needs a network, and --factors gives gradients without one ({}): drop one of them",
                 option, printable(o.factors));
        }
    }
    if (o.test.locations.size() > 1) {
        fail(ExitCode::usage, "--test is given {} times beside --factors: name one file of factors",
             o.test.locations.size());
    }
}

/// A network and samples, or gradients.
void validate_source(const KernelOptions& o) {
    if (!o.factors.empty()) return refuse_beside_factors(o);
    for (const auto& [option, is_given] :
         {std::pair{"--model", !o.model.empty()}, std::pair{"--data", !o.samples.locations.empty()}}) {
        if (!is_given) {
            fail(ExitCode::usage,
                 "{} is required, unless --factors gives gradients: see 'tangram kernel --help'", option);
        }
    }
}

void validate_paths(const KernelOptions& o) {
    if (o.output.empty()) fail(ExitCode::usage, "--output is empty: name the file to write");
    require_one_line({o.factors, o.model, o.output, o.labels, o.expected_outputs, o.samples.indices});
    require_one_line({o.test_labels, o.expected_test_outputs, o.test.indices, o.targets, o.test_targets});
    require_one_line(o.samples.locations);
    require_one_line(o.test.locations);
    if (o.drift) require_one_line(o.drift->more_models);
}

void validate_network(const NetworkOptions& network) {
    for (const std::string& name : network.activations) parse_activation(name);
    if (network.output_activation) require_output_activation(*network.output_activation);
    if (network.parameterization) canonical_parameterization(*network.parameterization);
}

void validate_samples(const KernelOptions& options) {
    for (const double value : options.samples.scale) require_finite(value, "--data-scale");
    for (const double value : options.samples.shift) require_finite(value, "--data-shift");
    for (const double value : options.samples.mean) require_finite(value, "--data-mean");
    for (const double value : options.samples.std) {
        require_finite(value, "--data-std");
        if (value <= 0) fail(ExitCode::usage, "--data-std is {}: give numbers greater than 0", value);
    }
    if (!options.samples.rows.empty() && !options.samples.indices.empty()) {
        fail(ExitCode::usage, "--rows and --indices are both given: choose one");
    }
    if (!options.test.rows.empty() && !options.test.indices.empty())
        fail(ExitCode::usage, "--test-rows and --test-indices are both given: choose one");
    const bool of_test = !options.test.rows.empty() || !options.test.indices.empty() ||
                         !options.test_labels.empty() || !options.test_targets.empty() ||
                         !options.expected_test_outputs.empty();
    if (of_test && options.test.locations.empty()) {
        fail(
            ExitCode::usage,
            "--test-rows, --test-indices, --test-labels, --test-targets and --expect-test-outputs need --test: give the test samples");
    }
}

void validate_product(const KernelOptions& options) {
    if (!options.test.locations.empty() && options.space != "samples") {
        fail(
            ExitCode::usage,
            "--test makes a kernel of test against training samples, --space {} chooses another: drop one of them",
            options.space);
    }
    validate_reduction(options);
    if (options.space == "params" && options.reduction == "full") {
        fail(
            ExitCode::usage,
            "--reduction full has no meaning with --space params, where outputs are summed over: give trace");
    }
    if (options.space == "params" && options.conjugate_kernels.value_or("none") != "none") {
        fail(ExitCode::usage,
             "--conjugate-kernels are of samples, --space params is of parameters: drop one of them");
    }
    if (options.store == "all" && options.components == "none")
        fail(ExitCode::usage, "--store all and --components none contradict each other: drop one of them");
    if (options.store == "lower" && !options.test.locations.empty()) {
        fail(
            ExitCode::usage,
            "--store lower is half of a symmetric matrix, and the kernel of --test samples is not symmetric: drop one of them");
    }
    if (options.store == "none") {
        if (options.space == "params") {
            fail(ExitCode::usage,
                 "--store none keeps measures of samples, --space params is of parameters: drop one of them");
        }
        if (options.conjugate_kernels.value_or("none") != "none") {
            fail(ExitCode::usage,
                 "--store none and --conjugate-kernels contradict each other: drop one of them");
        }
    }
    if (options.measure && options.space == "params")
        fail(ExitCode::usage, "--measure is of samples, --space params is of parameters: drop one of them");
    if (options.top_neighbours) {
        require_between("--top-neighbours", *options.top_neighbours, 1, std::int64_t{1} << 20);
        if (options.space == "params") {
            fail(ExitCode::usage,
                 "--top-neighbours are of samples, --space params is of parameters: drop one of them");
        }
    }
}

void validate_run(const KernelOptions& options) {
    parse_hints(options.hints);
    if (options.memory) {
        require_finite(*options.memory, "--memory");
        if (*options.memory <= 0 || *options.memory > 1e6) {
            fail(ExitCode::usage, "--memory is {}: give the GiB that one rank may take", *options.memory);
        }
    }
    if (options.max_seconds) require_seconds("--max-seconds", *options.max_seconds);
    require_seconds("--checkpoint-seconds", options.checkpoint_seconds);
    if (options.stop_after_tiles)
        require_between("--stop-after-tiles", *options.stop_after_tiles, 0, std::int64_t{1} << 40);
    if (options.ranks) {
        require_between("--ranks", *options.ranks, 1, 100000);
        if (!options.dry_run) {
            fail(
                ExitCode::usage,
                "--ranks plans for ranks that are not there: give --dry-run, or start them by mpirun or srun");
        }
    }
    if (options.tile) require_between("--tile", *options.tile, 1, 16384);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
}

void validate_checks(const KernelOptions& options) {
    if (options.check_samples)
        require_between("--check-samples", *options.check_samples, 0, std::int64_t{1} << 40);
    if (options.check_tolerance) {
        require_finite(*options.check_tolerance, "--check-tolerance");
        if (*options.check_tolerance <= 0) {
            fail(ExitCode::usage, "--check-tolerance is {}: give a positive number",
                 *options.check_tolerance);
        }
    }
}

}  // namespace

std::vector<GivenOption> network_options_given(const NetworkOptions& network) {
    return {{"--activation", !network.activations.empty()},
            {"--output-activation", network.output_activation.has_value()},
            {"--parameterization", network.parameterization.has_value()},
            {"--weight-std", !network.weight_std.empty()},
            {"--bias-std", !network.bias_std.empty()},
            {"--weight-scale", !network.weight_scale.empty()},
            {"--bias-scale", !network.bias_scale.empty()},
            {"--output-scale", !network.output_scale.empty()},
            {"--layers", !network.layer_order.empty()}};
}

void validate(const KernelOptions& options) {
    validate_source(options);
    validate_paths(options);
    validate_network(options.network);
    validate_samples(options);
    validate_product(options);
    validate_run(options);
    validate_checks(options);
}

}  // namespace tangram
