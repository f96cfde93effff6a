#include "input_options.hpp"

#include "tangram/run/options.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

namespace tangram {

namespace {

/// 1/255 as a decimal number, for the parser; anything else as it is.
std::string without_fraction(std::string text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) return text;
    const std::optional<double> above = parse_number(text.substr(0, slash));
    const std::optional<double> below = parse_number(text.substr(slash + 1));
    return above && below && *below != 0 ? fmt::format("{}", *above / *below) : text;
}

CLI::Option* add_scaling(CLI::App& app, const std::string& name, std::vector<double>& list,
                         const std::string& help) {
    return add_list(app, name, list, help)->transform(without_fraction, "");
}

}  // namespace

void add_source_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Network";
    app.add_option("--model", o.model,
                   "trained network: safetensors, HDF5, Keras or ONNX; FILE or FILE:GROUP")
        ->type_name("FILE[:GROUP]")
        ->group(group);
    app.add_option(
           "--factors", o.factors,
           "gradients that another program made, in place of --model and --data: HDF5, or a text that names .npy files")
        ->type_name("FILE[:GROUP]")
        ->group(group);
}

void add_network_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Network";
    add_list(app, "--activation", o.network.activations,
             "of the hidden layers: one name for all, or one each")
        ->type_name("ACTIVATION")
        ->group(group);
    app.add_option("--output-activation", o.network.output_activation, "of the last layer (identity)")
        ->type_name("ACTIVATION|softmax|log_softmax")
        ->group(group);
    app.add_option("--parameterization", o.network.parameterization,
                   "standard (default), ntk, or post-activation (torchntk)")
        ->type_name("standard|ntk|post-activation|torchntk")
        ->group(group);
    add_list(app, "--weight-std", o.network.weight_std, "ntk: weight std, one for all or one a layer (1)")
        ->group(group);
    add_list(app, "--bias-std", o.network.bias_std, "ntk: bias std, one for all or one a layer")
        ->group(group);
    add_list(app, "--weight-scale", o.network.weight_scale, "a_l of z = a W x + b B, one a layer")
        ->group(group);
    add_list(app, "--bias-scale", o.network.bias_scale, "b_l of z = a W x + b B, one a layer")->group(group);
    add_list(app, "--output-scale", o.network.output_scale, "c_l of x = c phi(z), one a layer")->group(group);
    add_list(app, "--layers", o.network.layer_order,
             "modules from first to last, where their names do not tell")
        ->group(group);
    app.add_option("--value", o.graph.value,
                   "ONNX: the output, or inner value, whose kernel it is (its only output)")
        ->type_name("NAME")
        ->group(group);
    add_list(app, "--wrt", o.graph.wrt,
             "the tensors that are parameters, shell patterns on their names (all that can be)")
        ->group(group);
    add_list(app, "--frozen", o.graph.frozen, "tensors that are no parameters, shell patterns on their names")
        ->group(group);
}

void add_sample_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Samples";
    app.add_option(
           "--data", o.samples.locations,
           "samples (N, ..): HDF5, .npy, .npz:NAME, IDX; repeated, their columns are joined; of a graph with several inputs NAME=FILE[:DATASET] once each")
        ->allow_extra_args(false)
        ->type_name("FILE[:DATASET]")
        ->group(group);
    app.add_option("--rows", o.samples.rows, "rows A to B - 1 only")->type_name("A:B")->group(group);
    app.add_option("--indices", o.samples.indices, "these rows only, in this order")
        ->type_name("FILE[:DATASET]")
        ->group(group);
    const std::string lists = "; one number, or one a channel or column";
    add_scaling(app, "--data-scale", o.samples.scale, "x <- ((scale x + shift) - mean) / std" + lists)
        ->group(group);
    add_scaling(app, "--data-shift", o.samples.shift, "added after the scale" + lists)->group(group);
    add_scaling(app, "--data-mean", o.samples.mean, "then subtracted" + lists)->group(group);
    add_scaling(app, "--data-std", o.samples.std, "then divided by" + lists)->group(group);
    app.add_flag("--channels-first", o.samples.channels_first, "images (N, H, W, C) are read as (N, C, H, W)")
        ->group(group);
    // Neither given: by shape. What is bound to a flag would be false then.
    CLI::Option* transpose =
        app.add_flag_callback(
               "--transpose", [&o] { o.samples.transpose = true; },
               "samples lie along the last axis of the file, as MATLAB writes them (by shape)")
            ->group(group);
    app.add_flag_callback(
           "--no-transpose", [&o] { o.samples.transpose = false; },
           "samples lie along the first axis (by shape)")
        ->excludes(transpose)
        ->group(group);
}

void add_label_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Samples";
    app.add_option(
           "--labels", o.labels,
           "labels, copied into the output; the classes of --reduction loss and margin, and of what is measured")
        ->type_name("FILE[:DATASET]")
        ->group(group);
    app.add_option(
           "--targets", o.targets,
           "what the outputs should be (N, C): of --reduction loss, where they may be probabilities, and of what is measured")
        ->type_name("FILE[:DATASET]")
        ->group(group);
}

void add_expected_outputs_option(CLI::App& app, KernelOptions& o) {
    const std::string group = "Samples";
    app.add_option("--expect-outputs", o.expected_outputs,
                   "your own outputs (N, C): checks that the network is yours")
        ->type_name("FILE[:DATASET]")
        ->group(group);
}

void add_test_set_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Test samples";
    app.add_option(
           "--test", o.test.locations,
           "test samples (M, ..): the kernel of these (rows) against --data (columns); with --factors a file of such")
        ->allow_extra_args(false)
        ->type_name("FILE[:DATASET]")
        ->group(group);
    app.add_option("--test-rows", o.test.rows, "rows A to B - 1 of --test only")
        ->type_name("A:B")
        ->group(group);
    app.add_option("--test-indices", o.test.indices, "these rows of --test only, in this order")
        ->type_name("FILE[:DATASET]")
        ->group(group);
}

void add_test_label_options(CLI::App& app, KernelOptions& o) {
    const std::string group = "Test samples";
    app.add_option("--test-labels", o.test_labels, "labels of the test samples, as --labels")
        ->type_name("FILE[:DATASET]")
        ->group(group);
    app.add_option("--test-targets", o.test_targets, "targets (M, C) of the test samples, as --targets")
        ->type_name("FILE[:DATASET]")
        ->group(group);
    app.add_option("--expect-test-outputs", o.expected_test_outputs,
                   "your own outputs (M, C) of the test samples")
        ->type_name("FILE[:DATASET]")
        ->group(group);
}

}  // namespace tangram
