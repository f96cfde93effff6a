// The activations by name: the table of all that there are, and how it is read and printed.

#include "tangram/model/activation.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/error.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

struct Entry {
    ActivationKind kind;
    const char* name;
    double default_parameter;  ///< `none` where the kind has no parameter
};

constexpr std::array<Entry, 14> entries{{
    {ActivationKind::identity, "identity", none},
    {ActivationKind::relu, "relu", none},
    {ActivationKind::leaky_relu, "leaky_relu", 0.01},
    {ActivationKind::elu, "elu", 1.0},
    {ActivationKind::selu, "selu", none},
    {ActivationKind::tanh, "tanh", none},
    {ActivationKind::sigmoid, "sigmoid", none},
    {ActivationKind::erf, "erf", none},
    {ActivationKind::gelu, "gelu", none},
    {ActivationKind::gelu_tanh, "gelu_tanh", none},
    {ActivationKind::silu, "silu", none},
    {ActivationKind::softplus, "softplus", 1.0},
    {ActivationKind::sin, "sin", none},
    {ActivationKind::relu_normalized, "relu_normalized", none},
}};

bool takes_parameter(const Entry& entry) {
    return !std::isnan(entry.default_parameter);
}

const Entry& entry_of(ActivationKind kind) {
    return *std::find_if(entries.begin(), entries.end(),
                         [&](const Entry& entry) { return entry.kind == kind; });
}

double parse_parameter(const Entry& entry, std::string_view text) {
    if (!takes_parameter(entry)) {
        fail(ExitCode::usage, "the activation {} takes no parameter, but '{}' is given: write {}", entry.name,
             printable(text), entry.name);
    }
    const std::optional<double> value = parse_number(text);
    if (!value) {
        fail(ExitCode::usage,
             "the parameter '{}' of the activation {} is not a finite number: write, for example, {}:{}",
             printable(text), entry.name, entry.name, entry.default_parameter);
    }
    if (entry.kind == ActivationKind::softplus && *value <= 0) {
        fail(ExitCode::usage, "softplus:{}: beta must be greater than 0", *value);
    }
    return *value;
}

}  // namespace

Activation parse_activation(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const auto entry =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return name == e.name; });
    if (entry == entries.end()) {
        const std::vector<std::string> known = activation_names();
        fail(ExitCode::usage, "unknown activation '{}' (known: {}): did you mean {}?", printable(name),
             fmt::join(known, ", "), nearest_name(name, known));
    }
    if (colon != text.npos) return {entry->kind, parse_parameter(*entry, text.substr(colon + 1))};
    return {entry->kind, takes_parameter(*entry) ? entry->default_parameter : 0.0};
}

std::string to_string(const Activation& activation) {
    const Entry& entry = entry_of(activation.kind);
    if (!takes_parameter(entry) || activation.parameter == entry.default_parameter) return entry.name;
    return fmt::format("{}:{}", entry.name, activation.parameter);
}

std::vector<std::string> activation_names() {
    std::vector<std::string> names;
    names.reserve(entries.size());
    for (const Entry& entry : entries) names.emplace_back(entry.name);
    return names;
}

}  // namespace tangram
