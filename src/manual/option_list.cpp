#include "option_list.hpp"

#include "tangram/network/activation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

namespace tangram::manual {

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
    return parts;
}

/// "OUT.h5" -> ".h5"; "" of what is no name of a file.
std::string ending_of(const std::string& type) {
    const std::size_t dot = type.rfind('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == type.size()) return "";
    const bool is_name =
        std::all_of(type.begin() + static_cast<std::ptrdiff_t>(dot) + 1, type.end(),
                    [](unsigned char c) { return std::islower(c) != 0 || std::isdigit(c) != 0; });
    return is_name ? type.substr(dot) : "";
}

void read_type(const std::string& type, Option& option) {
    option.value = type;
    option.ending = ending_of(type);
    const bool is_file = type.starts_with("FILE") || !option.ending.empty() || type.find(".h5:") != type.npos;
    if (type.find('|') != type.npos || type.starts_with("ACTIVATION")) {
        option.takes = Takes::choice;
        for (const std::string& word : split(type, '|')) {
            const bool is_any = word.starts_with("ACTIVATION");
            const std::vector<std::string> words = is_any ? activation_names() : std::vector{word};
            option.choices.insert(option.choices.end(), words.begin(), words.end());
        }
    } else if (type == "DIR") {
        option.takes = Takes::folder;
    } else {
        option.takes = is_file ? Takes::file : Takes::word;
    }
}

std::vector<std::string> names_of(const std::set<CLI::Option*>& options) {
    std::vector<std::string> names;
    for (const CLI::Option* option : options) names.push_back(option->get_name());
    std::sort(names.begin(), names.end());  // the set is in the order of addresses
    return names;
}

Option describe(const CLI::Option& its) {
    Option option;
    option.is_argument = its.get_positional();
    for (const std::string& name : its.get_lnames()) option.names.push_back("--" + name);
    for (const std::string& name : its.get_snames()) option.names.push_back("-" + name);
    if (option.is_argument) option.names = {its.get_name(true)};
    if (its.get_items_expected_max() > 0) read_type(its.get_type_name(), option);
    option.may_be_left_out = option.takes != Takes::nothing && its.get_items_expected_min() == 0;
    option.may_be_repeated = its.get_expected_max() > 1 && its.get_delimiter() == '\0';
    option.help = its.get_description();
    option.group = its.get_group();
    option.required = its.get_required();
    option.excludes = names_of(its.get_excludes());
    option.needs = names_of(its.get_needs());
    return option;
}

}  // namespace

std::vector<Option> list_options(const CLI::App& app) {
    std::vector<Option> options;
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_group().empty()) options.push_back(describe(*option));
    }
    return options;
}

const std::string& name_of(const Option& option) {
    return option.names.front();
}

std::string escaped(const std::string& text, const std::string& characters) {
    std::string result;
    for (const char c : text) {
        if (characters.find(c) != std::string::npos) result += '\\';
        result += c;
    }
    return result;
}

}  // namespace tangram::manual
