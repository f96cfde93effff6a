#include "tangram/commands/options.hpp"

#include "tangram/support/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace tangram {

namespace {

std::size_t edit_distance(const std::string& from, const std::string& to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row.back();
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

[[noreturn]] void refuse_unknown(const CLI::App& app, const std::string& option, const std::string& where) {
    const std::string known = nearest(option, option_names(app));
    fail(ExitCode::usage, "unknown option '{}'{}: {}", option, where,
         known.empty() ? fmt::format("see '{} --help'", app.get_name())
                       : fmt::format("did you mean '{}'?", known));
}

std::string option_name(const std::string& argument) {
    return argument.substr(0, argument.find('='));
}

/// CLI11 takes the last of several flags, and joins several lists: both hide a mistake.
void refuse_repeated(const std::vector<std::string>& arguments) {
    std::set<std::string> seen;
    for (const std::string& argument : arguments) {
        if (argument.rfind("--", 0) != 0 || argument.size() < 3) continue;
        if (!seen.insert(option_name(argument)).second) {
            fail(ExitCode::usage, "{} is given twice: give it once", option_name(argument));
        }
    }
}

/// One line, whatever CLI11 says.
std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

}  // namespace

void add_config_option(CLI::App& app) {
    app.set_config("--config", "", "TOML file of options; the command line wins")->type_name("FILE");
    app.allow_config_extras(CLI::config_extras_mode::error);
}

std::string parse_options(CLI::App& app, std::vector<std::string> arguments) {
    refuse_repeated(arguments);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        return app.help();
    } catch (const CLI::ExtrasError&) {
        const std::vector<std::string> left = app.remaining();
        refuse_unknown(app, left.empty() ? "" : option_name(left.front()), "");
    } catch (const CLI::ConfigError& error) {
        const std::string message = error.what();
        const std::string item = message.substr(message.find_last_of(' ') + 1);
        refuse_unknown(app, "--" + item, " in the --config file");
    } catch (const CLI::FileError& error) {
        fail(ExitCode::usage, "{}: give --config a file that can be read", one_line(error.what()));
    } catch (const CLI::ParseError& error) {
        fail(ExitCode::usage, "{}: see '{} --help'", one_line(error.what()), app.get_name());
    }
    return "";
}

std::string record_options(const CLI::App& app) {
    return app.config_to_str(false, false);
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
    std::string best;
    std::size_t smallest = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string& candidate : known) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance >= smallest) continue;
        smallest = distance;
        best = candidate;
    }
    return best;
}

void require_finite(double value, const std::string& option) {
    if (!std::isfinite(value)) fail(ExitCode::usage, "{} is not a finite number: give one", option);
}

}  // namespace tangram
