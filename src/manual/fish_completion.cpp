#include "completions.hpp"
#include "option_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tangram::manual {

namespace {

constexpr const char* beginning = R"(# fish completion of tangram; made from the option tables of the program.

# Whether the command is this one; without a name, whether there is none yet.
function __tangram_command
    set -l words (commandline -opc)
    if test (count $argv) -eq 0
        test (count $words) -eq 1
    else
        test (count $words) -gt 1; and test "$words[2]" = "$argv[1]"
    end
end

complete -c tangram -f
complete -c tangram -n __tangram_command -l help -d 'the commands'
complete -c tangram -n __tangram_command -l version -d 'the version'
)";

std::string in_fish(const std::string& text) {
    return "'" + escaped(text, "\\'") + "'";
}

std::string completed_by(const Option& option) {
    switch (option.takes) {
        case Takes::nothing:
            return "";
        case Takes::choice:
            return fmt::format(" {} -a {}", option.may_be_left_out ? "-f" : "-x",
                               in_fish(fmt::to_string(fmt::join(option.choices, " "))));
        case Takes::file:
            if (option.ending.empty()) return option.is_argument ? " -F" : " -r -F";
            return fmt::format("{} -k -a '(__fish_complete_suffix {})'", option.is_argument ? "" : " -r -f",
                               option.ending);
        case Takes::folder:
            return " -x -a '(__fish_complete_directories)'";
        case Takes::word:
            break;
    }
    return " -x";
}

std::string line_of(const std::string& command, const Option& option) {
    std::string line = fmt::format("complete -c tangram -n '__tangram_command {}'", command);
    if (option.is_argument) return line + completed_by(option) + "\n";
    for (const std::string& name : option.names)
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    return line + completed_by(option) + " -d " + in_fish(option.help) + "\n";
}

}  // namespace

std::string fish_completion(const std::vector<CommandDescription>& commands) {
    std::string text = beginning;
    for (const CommandDescription& command : commands) {
        text += fmt::format("complete -c tangram -n __tangram_command -a {} -d {}\n", command.name,
                            in_fish(command.purpose));
    }
    for (const CommandDescription& command : commands) {
        text += "\n";
        for (const Option& option : list_options(*command.options)) text += line_of(command.name, option);
    }
    return text;
}

}  // namespace tangram::manual
