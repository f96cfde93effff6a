#pragma once
// A command's option table as data, for pages and completions. What an option takes is read off the name of its type, by the rule of
// run/options.hpp:
//
//   FILE, FILE[:DATASET]   a file              a|b|c               one of these
//   OUT.h5                 a file of the kind  ACTIVATION|a        the name of an activation, or this
//   DIR                    a folder            INT, LIST, K, ..    a word or number

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace tangram::manual {

enum class Takes { nothing, file, folder, choice, word };

struct Option {
    std::vector<std::string> names;  ///< "--help", "-h"; of an argument its name, "file"
    bool is_argument = false;
    std::string value;  ///< as --help has it, "FILE[:DATASET]"; "" where nothing is taken
    Takes takes = Takes::nothing;
    bool may_be_left_out = false;      ///< the value
    bool may_be_repeated = false;      ///< the option
    std::string ending;                ///< of a file of one kind, ".h5"; else ""
    std::vector<std::string> choices;  ///< of a choice
    std::string help;
    std::string group;
    bool required = false;
    std::vector<std::string> excludes, needs;  ///< names of others
};

/// In the order of --help; those that --help does not show are left out.
std::vector<Option> list_options(const CLI::App& app);

/// "--data", "file": the name that it goes by.
const std::string& name_of(const Option& option);

/// A text with "\" before each of `characters`.
std::string escaped(const std::string& text, const std::string& characters);

}  // namespace tangram::manual
