#include "completions.hpp"
#include "option_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tangram::manual {

namespace {

/// What is said of each option and command comes before; this is the rest of the function.
constexpr const char* beginning = R"(# bash completion of tangram; made from the option tables of the program.

_tangram() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local names='' choices='' ending='' takes=''
    # Bash makes three words of --option=value.
    if [[ $word == = ]]; then
        word=''
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@ --help --version' -- "$word")
        return
    fi
    case "$command $before" in
)";

constexpr const char* middle = R"(    esac
    if [[ -z $takes ]]; then
        case "$command" in
)";

constexpr const char* end = R"(        esac
    fi
    COMPREPLY=()
    if [[ -z $takes && $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
    elif [[ $takes == choice ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
    elif [[ $takes == folder ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    elif [[ -n $ending ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -X "!*$ending" -- "$word"; compgen -d -- "$word")
    elif [[ $takes != file ]]; then
        compopt +o default 2>/dev/null
    fi # else bash completes files itself
}

complete -o default -F _tangram tangram
)";

/// The assignments that say what is completed in the place of a value.
std::string value_of(const Option& option) {
    switch (option.takes) {
        case Takes::choice:
            return fmt::format("takes=choice choices='{}'", fmt::join(option.choices, " "));
        case Takes::file:
            return option.ending.empty() ? "takes='file'"
                                         : fmt::format("takes='file' ending={}", option.ending);
        case Takes::folder:
            return "takes=folder";
        case Takes::word:
        case Takes::nothing:
            break;
    }
    return "takes=word";
}

std::string line_of_command(const CommandDescription& command) {
    std::vector<std::string> names, values;
    for (const Option& option : list_options(*command.options)) {
        if (option.is_argument) {
            values.push_back(option.ending);
        } else {
            names.insert(names.end(), option.names.begin(), option.names.end());
        }
    }
    // A word of its own is a file where the command takes one; of one kind where there is one only.
    std::string files;
    if (!values.empty()) files = "takes='file'";
    if (values.size() == 1 && !values.front().empty()) files += fmt::format(" ending={}", values.front());
    std::string line =
        fmt::format("            {})\n                names='{}'\n", command.name, fmt::join(names, " "));
    if (!files.empty()) line += fmt::format("                [[ $word == -* ]] || {}\n", files);
    return line + "                ;;\n";
}

}  // namespace

std::string bash_completion(const std::vector<CommandDescription>& commands) {
    std::vector<std::string> names;
    std::string of_values, of_commands;
    for (const CommandDescription& command : commands) {
        names.push_back(command.name);
        of_commands += line_of_command(command);
        for (const Option& option : list_options(*command.options)) {
            if (option.takes == Takes::nothing || option.is_argument) continue;
            of_values +=
                fmt::format("        '{} {}') {} ;;\n", command.name, name_of(option), value_of(option));
        }
    }
    std::string text = beginning;
    const std::string place = "@COMMANDS@";
    text.replace(text.find(place), place.size(), fmt::to_string(fmt::join(names, " ")));
    return text + of_values + middle + of_commands + end;
}

}  // namespace tangram::manual
