#include "named_inputs.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace tangram {

namespace {

std::string names_of(const std::vector<GraphInput>& inputs) {
    std::vector<std::string> names;
    for (const GraphInput& input : inputs)
        names.push_back(fmt::format("{} {}", printable(input.name), shape_text(input.shape)));
    return fmt::format("{}", fmt::join(names, ", "));
}

/// The input whose name and '=' the location begins with; the longest, as names may have a '=' in them.
const GraphInput* named_by(const std::vector<GraphInput>& inputs, const std::string& location) {
    const GraphInput* found = nullptr;
    for (const GraphInput& input : inputs) {
        const bool fits = location.starts_with(input.name + "=");
        if (fits && (found == nullptr || input.name.size() > found->name.size())) found = &input;
    }
    return found;
}

}  // namespace

Index entries_of(const GraphInput& input) {
    Index entries = 1;
    for (const Index length : input.shape) entries *= length;
    return entries;
}

void order_by_inputs(const std::vector<GraphInput>& inputs, const char* option, SampleOptions& samples) {
    std::vector<std::string>& locations = samples.locations;
    std::map<std::string, std::string> by_name;
    for (const std::string& location : locations) {
        const GraphInput* input = named_by(inputs, location);
        if (input == nullptr) continue;
        if (!by_name.emplace(input->name, location.substr(input->name.size() + 1)).second)
            fail(ExitCode::usage, "{} gives the input {} twice: give each once", option,
                 printable(input->name));
    }
    if (by_name.empty() && inputs.size() <= 1) {  // columns of the one, joined
        samples.kinds.assign(locations.size(), inputs.front().kind);
        return;
    }
    const auto is_missing = [&](const GraphInput& input) { return !by_name.contains(input.name); };
    const auto missing = std::find_if(inputs.begin(), inputs.end(), is_missing);
    if (missing != inputs.end()) {
        fail(
            ExitCode::bad_input,
            "no {} names the input {} of the model, which has {} inputs ({}): give {} NAME=FILE[:DATASET] once an input",
            option, printable(missing->name), inputs.size(), names_of(inputs), option);
    }
    if (by_name.size() != locations.size()) {
        fail(
            ExitCode::usage,
            "the model has {} inputs ({}), and {} names {} of {} that it gives: give {} NAME=FILE[:DATASET] once an input",
            inputs.size(), names_of(inputs), option, by_name.size(), locations.size(), option);
    }
    locations.clear();
    samples.kinds.clear();
    for (const GraphInput& input : inputs) {
        locations.push_back(by_name.at(input.name));
        samples.kinds.push_back(input.kind);
    }
}

void require_widths_of_inputs(const std::vector<GraphInput>& inputs, const SampleSelection& selection) {
    if (inputs.size() <= 1) return;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (selection.sources.at(k).width == entries_of(inputs[k])) continue;
        fail(ExitCode::bad_input, "samples of width {} ({}) do not fit the input {} {}: choose others",
             selection.sources[k].width, printable(selection.sources[k].location), printable(inputs[k].name),
             shape_text(inputs[k].shape));
    }
}

}  // namespace tangram
