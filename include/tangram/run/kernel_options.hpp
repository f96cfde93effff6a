#pragma once
// What `tangram kernel` may be told: one table of options drives the parser, --help, --config and the record in the output.

#include "tangram/input/graph.hpp"
#include "tangram/input/samples.hpp"
#include "tangram/network/chain.hpp"
#include "tangram/support/parallel_hdf5.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

/// Of a run that compares the kernels of several models, and stores none of them.
struct ModelsCompared {
    std::vector<std::string> more_models;  ///< `model` is the first
    std::string list;                      ///< the text that named them; "" for none
    std::vector<double> steps;             ///< of all of them: where each lies on the plot's axis
    std::string steps_from;                ///< what they are: "given", "file names", "order"
};

struct KernelOptions {
    std::string model, output;
    std::string factors;  ///< gradients that others made, in place of a model and samples; "" for none
    NetworkOptions network;
    GraphOptions graph;
    SampleOptions samples;
    std::string labels, targets, expected_outputs;  ///< FILE:DATASET, "" for none
    SampleOptions test;  ///< the rows of the kernel, where they are others; no locations for none
    std::string test_labels, test_targets, expected_test_outputs;
    std::string space = "samples";
    std::string reduction = "trace";
    std::optional<std::int64_t> logit;
    std::optional<std::string> loss;              ///< of reduction loss
    std::vector<std::string> outputs;             ///< "3" or "5:8" each; none for all
    std::optional<std::int64_t> project_outputs;  ///< random combinations
    std::optional<std::int64_t> seed;             ///< of these (0)
    std::optional<std::string> weights;           ///< of the outputs' rows
    std::string components = "all";
    std::optional<std::string> store;              ///< all, lower, ntk (the same as components none), none
    std::optional<std::string> measure;            ///< basic or gram; basic with store none
    std::optional<ModelsCompared> drift;           ///< of `tangram drift`; with store none
    std::optional<std::int64_t> top_neighbours;    ///< K largest and smallest entries of each row
    std::optional<std::string> conjugate_kernels;  ///< last; none with components none
    std::string precision = "float32";
    std::optional<std::int64_t> tile;              ///< samples a panel (by N and the network)
    std::optional<std::int64_t> threads;           ///< this rank's share of the cores
    std::optional<std::int64_t> check_samples;     ///< 16, or what a fifth of the run allows
    std::optional<double> check_tolerance;         ///< 1e-5 in float32, 1e-10 in float64
    std::optional<double> memory;                  ///< GiB a rank (its share of what the node has left)
    std::optional<double> max_seconds;             ///< then stop in order
    double checkpoint_seconds = 30;                ///< at most between two notes of what is on disk
    std::optional<std::int64_t> stop_after_tiles;  ///< of all ranks together, for tests
    std::vector<std::string> hints;                ///< "key=value", for MPI-IO
    bool resume = false;
    bool overwrite = false;
    bool dry_run = false;
    std::optional<std::int64_t> ranks;  ///< that are planned for, with dry_run; those that there are
    std::string progress = "auto";
    std::string log_level = "info";
    std::string command_line;   ///< as it was typed
    std::string configuration;  ///< the options as TOML
};

/// The file that gradients come from, for messages: the model, or the factors. Of several models the tensor's name says which.
inline std::string source_of_gradients(const KernelOptions& options) {
    if (options.drift && !options.drift->more_models.empty()) return "the models";
    return options.factors.empty() ? options.model : options.factors;
}

/// Whether a matrix a tensor is stored beside the total.
inline bool stores_components(const KernelOptions& options) {
    const std::string store = options.store.value_or("all");
    return options.components == "all" && (store == "all" || store == "lower");
}

/// --measure, or what --store none has by itself, or "drift"; nothing where nothing is measured.
std::optional<std::string> measure_level(const KernelOptions& options);

/// An option, and whether it was given.
using GivenOption = std::pair<const char*, bool>;

/// What a file of tensors does not say about its network, in the order of --help.
std::vector<GivenOption> network_options_given(const NetworkOptions& network);

void add_kernel_options(CLI::App& app, KernelOptions& options);

/// Of these all but models, output and what is stored: for a run over several models.
void add_run_over_models_options(CLI::App& app, KernelOptions& options);

/// Of these what rows of J are made of: network, samples, outputs, for commands that make no kernel file.
void add_gradient_options(CLI::App& app, KernelOptions& options);

/// And what rows of --reduction loss and margin need beside: --loss, --labels.
void add_loss_row_options(CLI::App& app, KernelOptions& options);

/// What --hint gave, each "key=value". Throws Error(usage) where one is not.
h5::MpiIoHints parse_hints(const std::vector<std::string>& hints);

/// Throws Error(usage) on options that contradict each other or make no sense for any input.
void validate(const KernelOptions& options);

}  // namespace tangram
