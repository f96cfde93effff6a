// A tensor a use: where several nodes take a parameter, or what is made of parameters alone, each gets one of its own.

#include "other_readings_of_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace tangram::onnx_file {

namespace {

/// No more nodes than so many are made: uses of uses multiply.
constexpr std::size_t most_nodes = 100000;

class Unsharing {
public:
    explicit Unsharing(Reading& reading) : reading_(reading) {
        for (const Tensor& tensor : reading.model.initializers) tensors_[tensor.name] = tensor;
        for (const Node& node : reading.model.nodes) {
            if (!is_of_parameters(node)) continue;
            for (const std::string& output : node.outputs) made_of_parameters_[output] = &node;
        }
    }
    /// False where no tensor was shared, or too many nodes would be.
    bool run() {
        for (const Node& node : reading_.model.nodes) {
            if (node.outputs.empty() || made_of_parameters_.contains(node.outputs.front())) continue;
            Node own = node;
            for (std::string& input : own.inputs) input = use_of(input);
            nodes_.push_back(std::move(own));
            if (nodes_.size() > most_nodes) return false;
        }
        if (copies_.empty()) return false;
        reading_.model.nodes = std::move(nodes_);
        for (Tensor& copy : copies_) reading_.model.initializers.push_back(std::move(copy));
        return true;
    }

private:
    /// At least one parameter, and constants.
    [[nodiscard]] bool is_of_parameters(const Node& node) const {
        const auto is_parameter = [&](const std::string& name) {
            return reading_.parameters.contains(name) || made_of_parameters_.contains(name);
        };
        return std::all_of(node.inputs.begin(), node.inputs.end(),
                           [&](const std::string& name) {
                               return name.empty() || is_parameter(name) || tensors_.contains(name);
                           }) &&
               std::any_of(node.inputs.begin(), node.inputs.end(), is_parameter);
    }
    /// The name by which one more user takes a value.
    std::string use_of(const std::string& name) {
        const auto made = made_of_parameters_.find(name);
        if (made == made_of_parameters_.end() && !reading_.parameters.contains(name)) return name;
        const int number = ++uses_[name];
        std::string own = number == 1 ? name : fmt::format("{}, use {}", name, number);
        if (made == made_of_parameters_.end()) {
            if (number > 1) add_copy(name, own);
            return own;
        }
        if (nodes_.size() > most_nodes) return name;
        Node node = *made->second;
        for (std::string& input : node.inputs) input = use_of(input);
        for (std::string& output : node.outputs) {
            if (!output.empty() && output != name && number > 1) output += fmt::format(", use {}", number);
            if (output == name) output = own;
        }
        nodes_.push_back(std::move(node));
        return own;
    }
    void add_copy(const std::string& name, const std::string& own) {
        Tensor copy = tensors_.at(name);
        copy.name = own;
        copies_.push_back(std::move(copy));
        reading_.parameters.insert(own);
    }

    Reading& reading_;
    std::map<std::string, Tensor> tensors_;
    std::map<std::string, const Node*> made_of_parameters_;
    std::map<std::string, int> uses_;
    std::vector<Node> nodes_;
    std::vector<Tensor> copies_;
};

}  // namespace

bool unshare(Reading& reading) {
    return Unsharing(reading).run();
}

}  // namespace tangram::onnx_file
