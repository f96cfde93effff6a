// The activations by name: the table of all that there are, and how it is read and printed.

#include "tangram/network/activation.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
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

constexpr std::array<Entry, 23> entries{{
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
    {ActivationKind::mish, "mish", none},
    {ActivationKind::softsign, "softsign", none},
    {ActivationKind::cos, "cos", none},
    {ActivationKind::hardtanh, "hardtanh", none},
    {ActivationKind::relu6, "relu6", none},
    {ActivationKind::hardswish, "hardswish", none},
    {ActivationKind::hardsigmoid, "hardsigmoid", none},
    {ActivationKind::log_cosh, "log_cosh", none},
    {ActivationKind::celu, "celu", 1.0},
}};

/// Other names that people and libraries have for the same functions.
constexpr std::array<std::pair<const char*, const char*>, 6> aliases{{{"swish", "silu"},
                                                                      {"linear", "identity"},
                                                                      {"none", "identity"},
                                                                      {"gelu_new", "gelu_tanh"},
                                                                      {"gelu_pytorch_tanh", "gelu_tanh"},
                                                                      {"hard_silu", "hardswish"}}};

/// Functions that are not known here, a letter or two from one that is, and no misspelling of it. Written without '_';
/// hard_sigmoid is another function in Keras 2 than in Keras 3 and here.
constexpr std::array<const char*, 36> other_functions{
    "acos",  "arelu", "asin",    "atan",  "atanh",  "brelu", "ceil", "cosh",         "crelu",
    "drelu", "elish", "erfc",    "frelu", "geglu",  "gish",  "glu",  "hard_sigmoid", "lisht",
    "pelu",  "prelu", "reglu",   "relu1", "relu2",  "rrelu", "serf", "sign",         "sinc",
    "sinh",  "smelu", "softmin", "srelu", "swiglu", "tan",   "telu", "trelu",        "logsigmoid"};

/// In small letters, without '_': as libraries differ in writing a name.
std::string plain(std::string_view name) {
    std::string letters;
    for (const char c : name) {
        if (c != '_') letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return letters;
}

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
    if ((entry.kind == ActivationKind::softplus || entry.kind == ActivationKind::celu) && *value <= 0) {
        fail(ExitCode::usage, "{}:{}: {} must be greater than 0", entry.name, *value,
             entry.kind == ActivationKind::celu ? "alpha" : "beta");
    }
    return *value;
}

[[noreturn]] void refuse_name(std::string_view name) {
    if (plain(name) == "softmax" || plain(name) == "logsoftmax") {
        fail(
            ExitCode::usage,
            "{} goes over all entries of a layer and is known at the end of a network only: give --output-activation softmax or log_softmax there",
            printable(name));
    }
    const std::vector<std::string> known = activation_names();
    const bool is_other = std::any_of(other_functions.begin(), other_functions.end(), [&](const char* other) {
        return name == other || plain(name) == other;
    });
    const std::string meant = is_other ? "" : near_misspelling(name, known);
    fail(ExitCode::usage, "unknown activation '{}' (known: {}): {}", printable(name), fmt::join(known, ", "),
         meant.empty() ? "a network with another cannot be computed" : "did you mean " + meant + "?");
}

}  // namespace

Activation parse_activation(std::string_view text) {
    const std::size_t colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    for (const auto& [alias, meant] : aliases) {
        if (name == alias) name = meant;
    }
    const auto entry =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return name == e.name; });
    if (entry == entries.end()) refuse_name(name);
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
