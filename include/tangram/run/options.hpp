#pragma once
// What all commands share of their option tables. One CLI11 table drives the parser, --help, --config and the
// record in the output.

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tangram {

/// Of an option that takes one of a closed set: the parser refuses any other value, and --help, manual pages and completions show the set,
/// as "a|b|c". So of all options: the type name says what is taken. FILE.. is a file, X.h5 a file of that kind, DIR a folder,
/// ACTIVATION the name of one, anything else a word or number (manual/option_list.hpp).
CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& values);

/// A list given as one word, "1,2,3".
template <class T>
CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<T>& list, const std::string& help) {
    return app.add_option(name, list, help)->delimiter(',')->allow_extra_args(false)->type_name("LIST");
}

/// Adds --config FILE (TOML; the command line wins) to a command's table.
void add_config_option(CLI::App& app);

/// Parses `arguments` (without the program and command names). Returns the help text if it was asked for,
/// otherwise "". Throws Error(usage) in tangram's words: an unknown option suggests the nearest, one given
/// twice is refused.
std::string parse_options(CLI::App& app, std::vector<std::string> arguments);

/// The options with their values as TOML that --config reads back; those left alone are not in it.
std::string record_options(const CLI::App& app);

/// Throws Error(usage) unless `value` is finite; `option` names it.
void require_finite(double value, const std::string& option);

/// Throws Error(usage) unless least <= value <= most.
void require_between(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most);

/// Throws Error(usage) unless the d_0,d_1,..,C of --widths make a network.
void require_widths(const std::vector<std::int64_t>& widths);

}  // namespace tangram
