#include "tangram/run/model_names.hpp"

#include <cctype>
#include <cstddef>
#include <optional>

namespace tangram {

namespace {

/// A name as runs of digits and of what is between them.
std::vector<std::string> parts_of(const std::string& name) {
    std::vector<std::string> parts;
    for (const char c : name) {
        const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        const bool goes_on =
            !parts.empty() && digit == (std::isdigit(static_cast<unsigned char>(parts.back().back())) != 0);
        if (!goes_on) parts.emplace_back();
        parts.back() += c;
    }
    return parts;
}

bool is_number(const std::string& part) {
    constexpr std::size_t exact = 15;
    return std::isdigit(static_cast<unsigned char>(part.front())) != 0 && part.size() <= exact;
}

/// The place of the only part in which names differ; nothing where there is no such, or it is no number.
std::optional<std::size_t> differing_number(const std::vector<std::vector<std::string>>& names) {
    std::optional<std::size_t> place;
    for (const auto& name : names) {
        if (name.size() != names.front().size()) return std::nullopt;
        for (std::size_t k = 0; k < name.size(); ++k) {
            if (name[k] == names.front()[k]) continue;
            if (!is_number(name[k]) || !is_number(names.front()[k]) || (place && *place != k))
                return std::nullopt;
            place = k;
        }
    }
    return place;
}

}  // namespace

std::string short_name(const std::string& model) {
    constexpr std::size_t longest = 32;
    std::string name = model.substr(model.find_last_of('/') + 1);
    if (name.empty()) name = model;
    return name.size() <= longest ? name : ".." + name.substr(name.size() - longest + 2);
}

std::vector<double> steps_of(const std::vector<std::string>& models, std::string& from) {
    std::vector<std::vector<std::string>> names;
    for (const std::string& model : models) names.push_back(parts_of(model));
    const std::optional<std::size_t> place = differing_number(names);
    from = place ? "file names" : "order";
    std::vector<double> steps;
    for (std::size_t s = 0; s < models.size(); ++s)
        steps.push_back(place ? std::stod(names[s][*place]) : static_cast<double>(s));
    return steps;
}

}  // namespace tangram
