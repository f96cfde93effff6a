#include "tangram/compare/recognition.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

/// A quantity that may appear as itself, squared, under a root, or inverted.
struct Quantity {
    std::string name;
    double value = 1;
};

constexpr std::size_t most_names = 4;

/// A width or a count as the whole number that it is.
std::string as_known(double value) {
    return value == std::round(value) ? fmt::format("{:.0f}", value) : plain(value);
}

/// A number with a name.
struct Candidate {
    std::string name;
    double value = 1;
    std::string of;  ///< "C = 10", "" where the name says it
};

/// In the order in which they are named: what is plainest first.
std::vector<Candidate> candidates_of(const std::vector<Quantity>& quantities) {
    std::vector<Candidate> candidates, roots_and_squares;
    for (const Quantity& q : quantities) {
        if (!(q.value > 0) || q.value == 1) continue;
        const std::string of = fmt::format("{} = {}", q.name, as_known(q.value));
        candidates.insert(candidates.end(), {{"1/" + q.name, 1 / q.value, of}, {q.name, q.value, of}});
        roots_and_squares.insert(roots_and_squares.end(),
                                 {{fmt::format("1/sqrt({})", q.name), 1 / std::sqrt(q.value), of},
                                  {fmt::format("sqrt({})", q.name), std::sqrt(q.value), of},
                                  {fmt::format("1/{}^2", q.name), 1 / (q.value * q.value), of},
                                  {fmt::format("{}^2", q.name), q.value * q.value, of}});
    }
    for (const auto& [name, value] : {Quantity{"2", 2}, {"1/2", 0.5}})
        candidates.push_back({name, value, ""});
    candidates.insert(candidates.end(), roots_and_squares.begin(), roots_and_squares.end());
    for (const auto& [name, value] :
         {Quantity{"4", 4}, {"1/4", 0.25}, {"sqrt(2)", std::sqrt(2)}, {"1/sqrt(2)", std::sqrt(0.5)}})
        candidates.push_back({name, value, ""});
    return candidates;
}

/// The names of the number that is nearest, if it is near enough; a plain number only where no quantity was named before it.
std::string names_of(double factor, double relative_error, const std::vector<Quantity>& quantities) {
    constexpr double known_too_badly = 0.01;
    if (relative_error > known_too_badly) return "";
    const std::vector<Candidate> candidates = candidates_of(quantities);
    double nearest = std::max(relative_error, 1e-6);
    for (const Candidate& candidate : candidates)
        nearest = std::min(nearest, std::abs(factor / candidate.value - 1));
    std::vector<std::string> names, values;
    for (const Candidate& candidate : candidates) {
        const double off = std::abs(factor / candidate.value - 1);
        const bool is_plain = candidate.of.empty();
        if (off > nearest * (1 + 1e-6) + 1e-12 || off > std::max(relative_error, 1e-6)) continue;
        if (names.size() == most_names || (is_plain && !names.empty())) continue;
        names.push_back(candidate.name);
        if (!is_plain && std::find(values.begin(), values.end(), candidate.of) == values.end())
            values.push_back(candidate.of);
    }
    if (names.empty()) return "";
    const std::string of = values.empty() ? "" : fmt::format(" ({})", fmt::join(values, ", "));
    return fmt::format(" = {}{}", fmt::join(names, " = "), of);
}

}  // namespace

ComponentFacts facts_of_tensor(const std::string& name, const std::vector<Index>& shape, bool is_bias) {
    ComponentFacts facts;
    facts.name = name;
    facts.is_bias = is_bias;
    if (shape.empty()) return facts;
    facts.fan_out = shape.front();
    for (std::size_t axis = 1; axis < shape.size(); ++axis) facts.fan_in *= shape[axis];
    return facts;
}

std::string plain(double value) {
    constexpr int digits = 7;
    if (value == 0 || !std::isfinite(value)) return fmt::format("{:.5f}", value);
    // Of the number as it will be rounded: 0.99999999 is 1.000000.
    const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value) * (1 + 5e-8))));
    if (magnitude < -9 || magnitude > 15) return fmt::format("{:.{}e}", value, digits - 1);
    return fmt::format("{:.{}f}", value, std::max(digits - 1 - magnitude, 0));
}

std::string equal_in_words(double worst, double largest) {
    if (worst == 0) return "equal, to the last bit";
    return fmt::format("equal to {:.1e} of the largest entry", largest > 0 ? worst / largest : worst);
}

std::string name_of_component_factor(double factor, double relative_error, const KernelFacts& facts,
                                     const ComponentFacts& component) {
    std::vector<Quantity> quantities{{"fan_in", static_cast<double>(component.fan_in)},
                                     {"fan_out", static_cast<double>(component.fan_out)},
                                     {"C", static_cast<double>(facts.outputs)}};
    if (component.is_ntk) {
        const double std_deviation = component.is_bias
                                         ? component.scale
                                         : component.scale * std::sqrt(static_cast<double>(component.fan_in));
        quantities.push_back({component.is_bias ? "bias_std" : "weight_std", std_deviation});
    }
    quantities.push_back({component.is_bias ? "bias_scale" : "weight_scale", component.scale});
    quantities.push_back({"N", static_cast<double>(facts.samples)});
    return names_of(factor, relative_error, quantities);
}

std::string name_of_total_factor(double factor, double relative_error, const KernelFacts& facts) {
    std::vector<Quantity> quantities{{"C", static_cast<double>(facts.outputs)},
                                     {"N", static_cast<double>(facts.samples)},
                                     {"M", static_cast<double>(facts.test_samples)}};
    // A width that all layers share, as their fan-out or their fan-in.
    std::vector<Index> widths;
    for (const ComponentFacts& component : facts.components)
        widths.insert(widths.end(), {component.fan_in, component.fan_out});
    std::sort(widths.begin(), widths.end());
    widths.erase(std::unique(widths.begin(), widths.end()), widths.end());
    for (const Index width : widths) {
        if (width != facts.outputs && width != facts.samples)
            quantities.push_back({fmt::format("the width {}", width), static_cast<double>(width)});
    }
    quantities.push_back({"the number of parameters", static_cast<double>(facts.parameters)});
    return names_of(factor, relative_error, quantities);
}

}  // namespace tangram
