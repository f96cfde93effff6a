#include "node_order.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

namespace tangram::onnx_file {

namespace {

constexpr std::size_t the_graph = static_cast<std::size_t>(-1);

/// By the name of a value, the node that gives it; the_graph for inputs and initializers.
using Makers = std::unordered_map<std::string_view, std::size_t>;

[[noreturn]] void refuse(const Model& model, const std::string& place, const std::string& what) {
    fail(ExitCode::bad_input, "{}: {}: {}: export the model again", model.path, place, what);
}

Makers makers_of(const Model& model) {
    Makers makers;
    const auto define = [&](const std::string& name, std::size_t maker, const auto& place) {
        if (makers.emplace(name, maker).second) return;
        refuse(model, place(), fmt::format("the value '{}' is defined twice", printable(name)));
    };
    for (const ValueInfo& input : model.inputs)
        define(input.name, the_graph, [&] { return fmt::format("input '{}'", printable(input.name)); });
    for (const Tensor& tensor : model.initializers)
        define(tensor.name, the_graph,
               [&] { return fmt::format("initializer '{}'", printable(tensor.name)); });
    for (std::size_t k = 0; k < model.nodes.size(); ++k) {
        for (const std::string& output : model.nodes[k].outputs) {
            if (!output.empty()) define(output, k, [&] { return place_of(model.nodes[k]); });
        }
    }
    return makers;
}

void check_outputs(const Model& model, const Makers& makers) {
    std::unordered_set<std::string_view> seen;
    for (const ValueInfo& output : model.outputs) {
        const std::string place = fmt::format("output '{}'", printable(output.name));
        if (!seen.insert(output.name).second) refuse(model, place, "it is listed twice");
        if (!makers.contains(output.name)) refuse(model, place, "no node, input or initializer gives it");
    }
}

/// For each node, the nodes that make its inputs; of one that gives several, several times.
std::vector<std::vector<std::size_t>> sources_of(const Model& model, const Makers& makers) {
    std::vector<std::vector<std::size_t>> sources(model.nodes.size());
    for (std::size_t k = 0; k < model.nodes.size(); ++k) {
        for (const std::string& input : model.nodes[k].inputs) {
            if (input.empty()) continue;
            const auto maker = makers.find(input);
            if (maker == makers.end()) {
                refuse(model, place_of(model.nodes[k]),
                       fmt::format("no node, input or initializer gives its input '{}'", printable(input)));
            }
            if (maker->second != the_graph) sources[k].push_back(maker->second);
        }
    }
    return sources;
}

/// `waiting[k]`: how many inputs node k waits for. Going from what waits to what it waits for ends in a cycle.
[[noreturn]] void refuse_cycle(const Model& model, const std::vector<std::vector<std::size_t>>& sources,
                               const std::vector<std::size_t>& waiting) {
    const auto waits = [&](std::size_t k) { return waiting[k] > 0; };
    std::size_t k = 0;
    while (!waits(k)) ++k;
    for (std::vector<bool> seen(waiting.size()); !seen[k];) {
        seen[k] = true;
        k = *std::find_if(sources[k].begin(), sources[k].end(), waits);
    }
    refuse(model, place_of(model.nodes[k]), "its result is made of itself, a cycle");
}

/// Of the nodes whose inputs are made, always the first in the file.
std::vector<std::size_t> order_of(const Model& model, const std::vector<std::vector<std::size_t>>& sources) {
    const std::size_t n = sources.size();
    std::vector<std::vector<std::size_t>> users(n);
    std::vector<std::size_t> waiting(n), order;
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t k = 0; k < n; ++k) {
        for (const std::size_t source : sources[k]) users[source].push_back(k);
        waiting[k] = sources[k].size();
        if (waiting[k] == 0) ready.push(k);
    }
    while (!ready.empty()) {
        order.push_back(ready.top());
        ready.pop();
        for (const std::size_t user : users[order.back()]) {
            if (--waiting[user] == 0) ready.push(user);
        }
    }
    if (order.size() < n) refuse_cycle(model, sources, waiting);
    return order;
}

}  // namespace

std::string place_of(const Node& node) {
    const std::string op_type = printable(node.op_type);
    if (!node.name.empty()) return fmt::format("node '{}' ({})", printable(node.name), op_type);
    return fmt::format("the node of '{}' ({})", node.outputs.empty() ? "" : printable(node.outputs[0]),
                       op_type);
}

void order_nodes(Model& model) {
    const Makers makers = makers_of(model);
    check_outputs(model, makers);
    std::vector<Node> ordered;
    for (const std::size_t k : order_of(model, sources_of(model, makers)))
        ordered.push_back(std::move(model.nodes[k]));
    model.nodes = std::move(ordered);
}

}  // namespace tangram::onnx_file
