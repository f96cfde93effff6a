#include "tangram/life/identity.hpp"

#include <nlohmann/json.hpp>

namespace tangram {

namespace {

std::string value_of(const Identity& identity, const std::string& field) {
    for (const auto& [name, value] : identity) {
        if (name == field) return value;
    }
    return "not recorded";
}

}  // namespace

std::string to_json(const Identity& identity) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [name, value] : identity) json[name] = value;
    return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::optional<Identity> parse_identity(const std::string& text) {
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    Identity identity;
    for (const auto& [name, value] : json.items()) {
        if (!value.is_string()) return std::nullopt;
        identity.emplace_back(name, value.get<std::string>());
    }
    return identity;
}

std::optional<IdentityDifference> first_difference(const Identity& recorded, const Identity& present) {
    for (const auto& [name, value] : present) {
        const std::string before = value_of(recorded, name);
        if (before != value) return IdentityDifference{name, before, value};
    }
    for (const auto& [name, value] : recorded) {
        if (value_of(present, name) != value) return IdentityDifference{name, value, value_of(present, name)};
    }
    return std::nullopt;
}

}  // namespace tangram
