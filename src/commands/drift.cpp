// Of models a run like that of `tangram kernel`, of all networks side by side (network/joined.hpp), which stores no kernel and measures
// them all (run/kernel_drift.hpp). Of kernel files: drift_of_files.cpp.

#include "tangram/commands/drift.hpp"

#include "tangram/commands/kernel.hpp"
#include "tangram/run/model_names.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace tangram {

namespace {

void require_a_step_each(const std::vector<double>& steps, const std::vector<std::string>& models) {
    if (steps.size() == models.size()) return;
    fail(ExitCode::usage, "--steps has {} numbers for {} models: give one each", steps.size(), models.size());
}

std::string without_spaces_around(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// The models that a text names, one a line; '#' begins a remark. Relative paths are from the text's own folder.
std::vector<std::string> models_of_list(const std::string& list) {
    std::ifstream text(list);
    if (!text)
        fail(ExitCode::bad_input, "cannot read the list of models ({}): is it there?", printable(list));
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    const std::filesystem::path folder = std::filesystem::path(list).parent_path();
    std::vector<std::string> models;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
        if (line.find('\0') != line.npos) {
            fail(ExitCode::bad_input,
                 "the list of models is no text ({}): write one model a line, or give --model",
                 printable(list));
        }
        line = without_spaces_around(line.substr(0, line.find('#')));
        if (!line.empty()) models.push_back((folder / line).string());
    }
    if (models.empty())
        fail(ExitCode::bad_input, "the list of models names none ({}): write one a line", printable(list));
    return models;
}

/// Collective. Those that root read, on every rank.
std::vector<std::string> models_of_list_on_all(const mpi::Communicator& world, const std::string& list) {
    std::vector<std::string> models;
    agree_on_root(world, [&] { models = models_of_list(list); });
    models.resize(at(mpi::broadcast(world, static_cast<Index>(models.size()))));
    for (std::string& model : models) model = mpi::broadcast(world, std::move(model));
    return models;
}

/// The run over all models, which are named.
KernelOptions run_of(const DriftOptions& options) {
    KernelOptions run = options.run;
    run.command_line = options.command_line;
    run.configuration = options.configuration;
    run.store = "none";
    const std::vector<std::string>& models = options.models;
    ModelsCompared& compared = run.drift.emplace();
    compared.steps_from = "given";
    compared.steps = options.steps.empty() ? steps_of(models, compared.steps_from) : options.steps;
    require_a_step_each(compared.steps, models);
    run.model = models.front();
    compared.more_models.assign(std::next(models.begin()), models.end());
    compared.list = options.list;
    return run;
}

}  // namespace

void add_drift_options(CLI::App& app, DriftOptions& o) {
    app.add_option("KERNELS", o.files, "kernel files of the same samples, in the place of --model and --data")
        ->type_name("OUT.h5 ..");
    const std::string group = "Models";
    app.add_option("--model", o.models, "a checkpoint; repeated, in the order of training")
        ->allow_extra_args(false)
        ->type_name("FILE[:GROUP]")
        ->group(group);
    app.add_option("--models", o.list, "a text that names the checkpoints, one a line")
        ->type_name("FILE")
        ->group(group);
    add_list(
        app, "--steps", o.steps,
        "where each lies in training, for the figure (the number that differs in their names, or 0, 1, ..)")
        ->group(group);
    app.add_option("--output", o.run.output, "the HDF5 file to write")
        ->required()
        ->type_name("D.h5")
        ->group(group);
    add_run_over_models_options(app, o.run);
}

void validate(const DriftOptions& options) {
    for (const double step : options.steps) require_finite(step, "--steps");
    if (!options.files.empty()) {  // run_drift_of_files() looks at the other options
        if (!options.steps.empty()) require_a_step_each(options.steps, options.files);
        return;
    }
    if (!options.models.empty() && !options.list.empty())
        fail(ExitCode::usage, "--model and --models are both given: choose one");
    if (options.models.empty() && options.list.empty())
        fail(ExitCode::usage,
             "--model is required, once for each checkpoint, or kernel files: see 'tangram drift --help'");
    DriftOptions named = options;
    if (named.models.empty()) {  // the list is read later
        named.models = {named.list};
        named.steps.clear();
    }
    validate(run_of(named));
}

int run_drift(const DriftOptions& options, const mpi::Communicator& world, StopRequest* stop) {
    if (!options.files.empty()) return run_drift_of_files(options, world);
    DriftOptions named = options;
    if (!options.list.empty()) named.models = models_of_list_on_all(world, options.list);
    KernelOptions run;
    agree(world, [&] { run = run_of(named); });
    return run_kernel(run, world, *stop);
}

}  // namespace tangram
