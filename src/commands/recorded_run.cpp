#include "tangram/commands/recorded_run.hpp"

#include "tangram/commands/options.hpp"
#include "tangram/model/location.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/agreement.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <sstream>

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
        fail(ExitCode::bad_input,
             "the options of the run that wrote the kernel cannot be read back ({}:/provenance): {}: was "
             "it written by another version?",
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

}  // namespace

RecordedRun load_recorded_run(const mpi::Communicator& world, const KernelFile& kernel,
                              const MovedInputs& moved) {
    RecordedRun run;
    std::string configuration;
    agree_on_root(world, [&] {
        const Record record = read_record(kernel.path);
        configuration = record.configuration;
        KernelOptions options = parse_configuration(configuration, kernel.path);
        const std::string model = split_location(options.model).file;
        const std::string data = split_location(options.samples.location).file;
        move_to(options.model, moved.model);
        move_to(options.samples.location, moved.data);
        require_unchanged(record, model, split_location(options.model).file, kernel.path, "--model");
        require_unchanged(record, data, split_location(options.samples.location).file, kernel.path, "--data");
        if (!options.samples.indices.empty()) {
            const std::string indices = split_location(options.samples.indices).file;
            require_unchanged(record, indices, indices, kernel.path, "");
        }
    });
    run.options = parse_configuration(mpi::broadcast(world, std::move(configuration)), kernel.path);
    move_to(run.options.model, moved.model);
    move_to(run.options.samples.location, moved.data);
    run.options.labels.clear();  // of the network, not of the kernel
    run.options.expected_outputs.clear();
    run.inputs = load_inputs(run.options, world);
    agree(world, [&] {
        if (run.inputs.selection.count() != kernel.shape.samples ||
            run.inputs.network.outputs() != kernel.shape.outputs) {
            fail(ExitCode::bad_input,
                 "the recorded inputs make a kernel of {} samples and {} outputs, the file has {} and {} "
                 "({}): name the right ones with --model and --data",
                 run.inputs.selection.count(), run.inputs.network.outputs(), kernel.shape.samples,
                 kernel.shape.outputs, kernel.path);
        }
    });
    return run;
}

}  // namespace tangram
