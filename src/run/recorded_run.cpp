#include "tangram/run/recorded_run.hpp"

#include "tangram/run/options.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

namespace tangram {

namespace {

/// What the file says of the run: its options as TOML, and {name of an input: its SHA-256}.
struct Record {
    std::string configuration;
    std::map<std::string, std::string> digests;
};

Record read_record(const std::string& path) {
    const h5::Handle file = open_kernel_file(path);
    const h5::Handle group = h5::open_group(file, "/provenance");
    Record record;
    record.configuration = h5::read_text_attribute(group, "configuration");
    for (const std::string& text : h5::read_texts_attribute(group, "inputs")) {
        const auto entry = nlohmann::json::parse(text, nullptr, false);
        if (entry.is_object() && entry.contains("name") && entry.contains("sha256"))
            record.digests[entry["name"].get<std::string>()] = entry["sha256"].get<std::string>();
    }
    return record;
}

KernelOptions parse_configuration(const std::string& configuration, const std::string& path) {
    KernelOptions options;
    CLI::App app;
    add_kernel_options(app, options);
    std::istringstream text(configuration);
    try {
        app.parse_from_stream(text);
    } catch (const CLI::Error& error) {
        fail(
            ExitCode::bad_input,
            "the options of the run that wrote the kernel cannot be read back ({}:/provenance): {}: was it written by another version?",
            path, printable(error.what()));
    }
    return options;
}

/// Throws unless the file `now` has what `then` had.
void require_unchanged(const Record& record, const std::string& then, const std::string& now,
                       const std::string& kernel, const std::string& option) {
    const auto recorded = record.digests.find(then);
    if (recorded == record.digests.end()) {
        fail(ExitCode::bad_input,
             "the kernel file does not say what {} had in it ({}:/provenance): compute the kernel again",
             then, kernel);
    }
    std::error_code ignored;
    try {
        require_readable_file(now);
    } catch (const Error& error) {
        fail(ExitCode::bad_input, "{}; the kernel was computed from it ({}): {}", error.what(), kernel,
             option.empty() ? "put it back" : "say where it is now with " + option);
    }
    const std::string found = digest_file(now).sha256;
    if (found == recorded->second) return;
    fail(ExitCode::bad_input,
         "not what the kernel was computed from ({}, sha256 {}.. where {} recorded {}..): {}", now,
         found.substr(0, 16), kernel, recorded->second.substr(0, 16),
         option.empty() ? "put the old file back" : "name the old file with " + option);
}

/// Replaces the file in "FILE:NAME", keeping the name unless `moved` has one.
void move_to(std::string& location, const std::string& moved) {
    if (moved.empty()) return;
    const FileAndName place = split_location(moved);
    const std::string name = place.name.empty() ? split_location(location).name : place.name;
    location = name.empty() ? place.file : place.file + ":" + name;
}

/// The samples are what the kernel was computed from, wherever they are now.
void require_samples(const Record& record, SampleOptions samples, const std::string& moved,
                     const std::string& option, const std::string& kernel) {
    if (samples.locations.size() > 1 && !moved.empty()) {
        fail(ExitCode::usage,
             "the kernel was computed from {} datasets ({}): {} can name only one that was moved",
             samples.locations.size(), kernel, option);
    }
    for (std::string& location : samples.locations) {
        const std::string recorded = split_location(location).file;
        move_to(location, moved);
        require_unchanged(record, recorded, split_location(location).file, kernel, option);
    }
    if (samples.indices.empty()) return;
    const std::string indices = split_location(samples.indices).file;
    require_unchanged(record, indices, indices, kernel, "");
}

/// Options that name labels or targets.
constexpr std::array target_locations{&KernelOptions::labels, &KernelOptions::targets,
                                      &KernelOptions::test_labels, &KernelOptions::test_targets};

/// Labels and targets that lie in the samples' own file have moved with it. Before the samples' locations are replaced.
void move_all_targets(KernelOptions& options, const MovedInputs& moved) {
    for (const auto member : target_locations) {
        std::string& location = options.*member;
        for (const auto& [samples, now] :
             {std::pair{&options.samples, &moved.data}, {&options.test, &moved.test}}) {
            const bool lies_there =
                std::any_of(samples->locations.begin(), samples->locations.end(), [&](const std::string& of) {
                    return split_location(of).file == split_location(location).file;
                });
            if (location.empty() || now->empty() || !lies_there) continue;
            move_to(location, split_location(*now).file);
            break;
        }
    }
}

/// What gradients come from: the model, or factors.
std::string& source_of(KernelOptions& options) {
    return options.factors.empty() ? options.model : options.factors;
}

/// Those of the options that decide which rows of J there are; the others are of the network, not of the kernel.
void keep_what_makes_rows(KernelOptions& options) {
    options.expected_outputs.clear();
    options.expected_test_outputs.clear();
    if (options.reduction != "loss") {  // those of measures
        options.targets.clear();
        options.test_targets.clear();
    }
    const bool of_targets = options.reduction == "loss" || options.reduction == "margin";
    if (of_targets && options.targets.empty()) return;  // labels
    options.labels.clear();
    options.test_labels.clear();
}

/// The shape that the recorded options make, tiles as the file has them. Throws unless it is the file's.
Shape recorded_shape(const RecordedRun& run, const KernelFile& kernel) {
    Problem problem = make_problem(run.options, run.inputs);
    problem.tile = kernel.shape.axes.column.panel_size;
    if (!kernel.shape.axes.symmetric)
        problem.tile = std::max(kernel.shape.axes.row.panel_size, kernel.shape.axes.column.panel_size);
    Shape shape = stored_shape(run.options, product_named(kernel.product).shape(problem));
    bool fits = shape.matrices.size() == kernel.shape.matrices.size();
    for (std::size_t m = 0; fits && m < shape.matrices.size(); ++m) {
        fits = shape.matrices[m].path == kernel.shape.matrices[m].path &&
               shape.rows(shape.matrices[m]) == kernel.shape.rows(kernel.shape.matrices[m]) &&
               shape.columns(shape.matrices[m]) == kernel.shape.columns(kernel.shape.matrices[m]) &&
               shape.tile_rows(shape.matrices[m]) == kernel.shape.tile_rows(kernel.shape.matrices[m]) &&
               shape.tile_columns(shape.matrices[m]) == kernel.shape.tile_columns(kernel.shape.matrices[m]);
    }
    if (fits) return shape;
    fail(
        ExitCode::bad_input,
        "the recorded inputs make {} x {} matrices, {} of them, the file has {} of {} x {} ({}): name the right inputs with --model and --data",
        shape.rows(shape.total()), shape.columns(shape.total()), shape.matrices.size(),
        kernel.shape.matrices.size(), kernel.shape.rows(kernel.shape.total()),
        kernel.shape.columns(kernel.shape.total()), kernel.path);
}

}  // namespace

void require_that_serves(const KernelFile& kernel, bool serves, const std::string& what) {
    if (serves) return;
    const Product& product = product_named(kernel.product);
    fail(ExitCode::bad_input, "this file holds {}, and {} needs another ({}:{}): compute one without {}",
         product.holds, what, kernel.path, kernel.shape.total().path, product.option);
}

RecordedRun load_recorded_run(const mpi::Communicator& world, const KernelFile& kernel,
                              const MovedInputs& moved) {
    RecordedRun run;
    std::string configuration;
    agree_on_root(world, [&] {
        const Record record = read_record(kernel.path);
        configuration = record.configuration;
        KernelOptions options = parse_configuration(configuration, kernel.path);
        std::string& source = source_of(options);
        const std::string then = split_location(source).file;
        move_to(source, moved.model);
        require_unchanged(record, then, split_location(source).file, kernel.path, "--model");
        require_samples(record, options.samples, moved.data, "--data", kernel.path);
        require_samples(record, options.test, moved.test, "--test", kernel.path);
        keep_what_makes_rows(options);
        KernelOptions now = options;
        move_all_targets(now, moved);
        for (const auto member : target_locations) {
            if ((options.*member).empty()) continue;
            require_unchanged(record, split_location(options.*member).file, split_location(now.*member).file,
                              kernel.path, "");
        }
    });
    run.options = parse_configuration(mpi::broadcast(world, std::move(configuration)), kernel.path);
    keep_what_makes_rows(run.options);
    move_all_targets(run.options, moved);
    move_to(source_of(run.options), moved.model);
    for (std::string& location : run.options.samples.locations) move_to(location, moved.data);
    for (std::string& location : run.options.test.locations) move_to(location, moved.test);
    run.inputs = load_inputs(run.options, world);
    agree(world, [&] {
        if (run.inputs.samples.count() != kernel.samples || run.inputs.network.outputs() != kernel.outputs) {
            fail(
                ExitCode::bad_input,
                "the recorded inputs make a kernel of {} samples and {} outputs, the file has {} and {} ({}): name the right ones with --model and --data",
                run.inputs.samples.count(), run.inputs.network.outputs(), kernel.samples, kernel.outputs,
                kernel.path);
        }
        run.shape = recorded_shape(run, kernel);
    });
    return run;
}

}  // namespace tangram
