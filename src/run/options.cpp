#include "tangram/run/options.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace tangram {

namespace {

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

[[noreturn]] void refuse_unknown(const CLI::App& app, const std::string& option, const std::string& where) {
    if (!option.starts_with('-')) {
        fail(ExitCode::usage, "'{}' belongs to no option: see '{} --help'", option, app.get_name());
    }
    const std::string known = nearest_name(option, option_names(app));
    fail(ExitCode::usage, "unknown option '{}'{}: {}", option, where,
         fmt::format("did you mean '{}'? see '{} --help'", known, app.get_name()));
}

std::string option_name(const std::string& argument) {
    return argument.substr(0, argument.find('='));
}

/// Whether each mention adds a value; lists are given as one word.
bool may_be_repeated(const CLI::App& app, const std::string& name) {
    const CLI::Option* option = app.get_option_no_throw(name);
    return option != nullptr && option->get_expected_max() > 1 && option->get_delimiter() == '\0';
}

/// CLI11 takes the last of several flags, and joins several lists: both hide a mistake.
void refuse_repeated(const CLI::App& app, const std::vector<std::string>& arguments) {
    std::set<std::string> seen;
    for (const std::string& argument : arguments) {
        if (argument.rfind("--", 0) != 0 || argument.size() < 3) continue;
        if (may_be_repeated(app, option_name(argument))) continue;
        if (!seen.insert(option_name(argument)).second) {
            fail(ExitCode::usage, "{} is given twice: give it once", option_name(argument));
        }
    }
}

/// CLI11 drops the empty entries of a list, which are slips.
void refuse_empty_entries(const CLI::App& app, const std::vector<std::string>& arguments) {
    for (std::size_t k = 0; k < arguments.size(); ++k) {
        const std::string name = option_name(arguments[k]);
        const CLI::Option* option = name.rfind("--", 0) == 0 ? app.get_option_no_throw(name) : nullptr;
        if (option == nullptr || option->get_delimiter() != ',') continue;
        const bool joined = name.size() < arguments[k].size();
        const std::string list = joined                     ? arguments[k].substr(name.size() + 1)
                                 : k + 1 < arguments.size() ? arguments[k + 1]
                                                            : "";
        if (list.empty() || list.front() == ',' || list.back() == ',' ||
            list.find(",,") != std::string::npos) {
            fail(ExitCode::usage, "{} '{}' has an empty entry: give values with a comma between", name, list);
        }
    }
}

/// What a --config file has that is no option: a section, bytes that are no text, or a slip.
[[noreturn]] void refuse_item(const CLI::App& app, const std::string& item, const std::string& path) {
    if (item.empty() || printable(item) != item) {
        fail(ExitCode::usage, "the --config file is no text of options ({}): write one `name = value` a line",
             path);
    }
    if (const std::size_t dot = item.find('.'); dot != std::string::npos) {
        fail(
            ExitCode::usage,
            "the --config file has a section [{}] ({}): options stand in it without one: leave that line out",
            item.substr(0, dot), path);
    }
    refuse_unknown(app, "--" + item, fmt::format(" in the --config file ({})", path));
}

/// One line, whatever CLI11 says.
std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

}  // namespace

CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& values) {
    const auto require = [name = option->get_name(), values](const std::string& value) -> std::string {
        if (std::find(values.begin(), values.end(), value) != values.end()) return "";
        fail(ExitCode::usage, "unknown value '{}' of {}: use {}", value, name, fmt::join(values, ", "));
    };
    return option->check(require, "")->type_name(fmt::to_string(fmt::join(values, "|")));
}

void add_config_option(CLI::App& app) {
    app.set_config("--config", "",
                   "file of options, one `name = value` a line as in TOML; the command line wins")
        ->type_name("FILE");
    app.allow_config_extras(CLI::config_extras_mode::error);
}

std::string parse_options(CLI::App& app, std::vector<std::string> arguments) {
    refuse_repeated(app, arguments);
    refuse_empty_entries(app, arguments);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        return app.help();
    } catch (const CLI::CallForVersion& call) {  // of an option that prints something and is done
        return call.what();
    } catch (const CLI::ExtrasError&) {
        const std::vector<std::string> left = app.remaining();
        refuse_unknown(app, left.empty() ? "" : option_name(left.front()), "");
    } catch (const CLI::ConfigError& error) {
        const std::string message = error.what();
        refuse_item(app, message.substr(message.find_last_of(' ') + 1),
                    app.get_config_ptr()->as<std::string>());
    } catch (const CLI::FileError& error) {
        fail(ExitCode::usage, "{}: give --config a text file that can be read, no folder",
             one_line(error.what()));
    } catch (const CLI::ConversionError& error) {
        const std::string message = one_line(error.what());  // "Could not convert: --tile = four"
        fail(ExitCode::usage, "a value of the wrong type ({}): see '{} --help'",
             message.substr(message.find("--") == message.npos ? 0 : message.find("--")), app.get_name());
    } catch (const CLI::ExcludesError& error) {
        fail(ExitCode::usage, "{}: give one of them", one_line(error.what()));
    } catch (const CLI::ParseError& error) {
        // A misspelt option is more to the point than the required one that it was meant to be.
        for (const std::string& left : app.remaining()) {
            if (left.rfind("--", 0) == 0) refuse_unknown(app, option_name(left), "");
        }
        fail(ExitCode::usage, "{}: see '{} --help'", one_line(error.what()), app.get_name());
    }
    return "";
}

std::string record_options(const CLI::App& app) {
    return app.config_to_str(false, false);
}

void require_finite(double value, const std::string& option) {
    if (!std::isfinite(value)) fail(ExitCode::usage, "{} is not a finite number: give one", option);
}

void require_between(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value >= least && value <= most) return;
    fail(ExitCode::usage, "{} is {}: give a number from {} to {}", option, value, least, most);
}

void require_widths(const std::vector<std::int64_t>& widths) {
    constexpr std::int64_t most = std::int64_t{1} << 24;
    if (widths.size() < 2) {
        fail(ExitCode::usage, "--widths names {} width: give inputs and outputs at least", widths.size());
    }
    for (const std::int64_t width : widths) {
        if (width < 1 || width > most)
            fail(ExitCode::usage, "--widths has a {}: give widths from 1 to {}", width, most);
    }
}

}  // namespace tangram
