#include "completions.hpp"
#include "option_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tangram::manual {

namespace {

constexpr const char* beginning = R"(#compdef tangram
# zsh completion of tangram; made from the option tables of the program.

_tangram() {
    local -a commands
    commands=(
)";

constexpr const char* middle = R"(    )
    if ((CURRENT == 2)); then
        _describe -t commands command commands
        _arguments '--help[the commands]' '--version[the version]'
        return
    fi
    local command=$words[2]
    shift words
    ((CURRENT--))
    case $command in
)";

constexpr const char* end = R"(    esac
}

_tangram "$@"
)";

std::string in_zsh(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

/// ":what it is:what completes it"
std::string action(const Option& option) {
    const auto completed_by = [&]() -> std::string {
        switch (option.takes) {
            case Takes::choice:
                return fmt::format("({})", fmt::join(option.choices, " "));
            case Takes::file:
                return option.ending.empty() ? "_files" : fmt::format("_files -g \"*{}\"", option.ending);
            case Takes::folder:
                return "_files -/";
            case Takes::word:
            case Takes::nothing:
                break;
        }
        return " ";
    };
    return fmt::format(":{}:{}", escaped(option.value, ":"), completed_by());
}

/// One word for each name.
std::string specifications(const Option& option) {
    if (option.is_argument) return fmt::format("            {} \\\n", in_zsh(action(option)));
    std::string lines;
    for (const std::string& name : option.names) {
        std::string text = option.may_be_repeated ? "*" : "";
        text += name + (option.takes == Takes::nothing || name.size() == 2 ? "" : "=");
        text += fmt::format("[{}]", escaped(option.help, "[]:\\"));
        if (option.takes != Takes::nothing) text += (option.may_be_left_out ? ":" : "") + action(option);
        lines += fmt::format("            {} \\\n", in_zsh(text));
    }
    return lines;
}

}  // namespace

std::string zsh_completion(const std::vector<CommandDescription>& commands) {
    std::string of_names, of_options;
    for (const CommandDescription& command : commands) {
        of_names += fmt::format("        {}\n", in_zsh(command.name + ":" + escaped(command.purpose, ":")));
        std::string options;
        for (const Option& option : list_options(*command.options)) options += specifications(option);
        options.erase(options.rfind(" \\"));  // of the last
        of_options +=
            fmt::format("    {})\n        _arguments -s \\\n{}\n        ;;\n", command.name, options);
    }
    return beginning + of_names + middle + of_options + end;
}

}  // namespace tangram::manual
