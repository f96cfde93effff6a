#include "man_page.hpp"

#include "option_list.hpp"
#include "prose.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

namespace tangram::manual {

namespace {

// ---- words

/// A text as man(7) prints it as it is.
std::string plain(const std::string& text) {
    static const std::map<char, const char*> special{{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"},
                                                     {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};
    std::string result = text.starts_with('.') ? "\\&" : "";
    for (const char c : text) {
        const auto found = special.find(c);
        result += found == special.end() ? std::string(1, c) : found->second;
    }
    return result;
}

std::string bold(const std::string& text) {
    return "\\fB" + plain(text) + "\\fR";
}

std::string italic(const std::string& text) {
    return "\\fI" + plain(text) + "\\fR";
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

/// A call: options are bold, values italic, brackets around a part plain.
std::string marked(const std::string& call) {
    std::istringstream words(call);
    std::string result;
    for (std::string word; words >> word;) {
        if (!result.empty()) result += ' ';
        const bool opens = word.front() == '[';
        const bool closes = word.back() == ']' && word.rfind('[') == (opens ? 0 : word.npos);
        const std::string inner =
            word.substr(opens ? 1 : 0, word.size() - (opens ? 1 : 0) - (closes ? 1 : 0));
        result += opens ? "[" : "";
        result += inner.starts_with("--") ? bold(inner) : italic(inner);
        result += closes ? "]" : "";
    }
    return result;
}

/// Sentences one a line, each as it is.
std::string paragraph(const std::string& text) {
    std::string result = plain(text) + "\n";
    for (std::size_t at = result.find(". "); at != std::string::npos; at = result.find(". ", at + 2)) {
        const bool ends =
            at + 2 < result.size() && std::isupper(static_cast<unsigned char>(result[at + 2])) != 0;
        if (ends) result[at + 1] = '\n';
    }
    return result;
}

// ---- sections

std::string title(const std::string& name, const Edition& edition) {
    // No word is hyphenated: many are names, to be searched for and copied.
    return fmt::format(".TH {} 1 {} \"{}\" \"Tangram\"\n.nh\n.ad l\n", upper(plain(name)), edition.date,
                       plain(edition.version));
}

std::string section(const std::string& name) {
    return fmt::format(".SH {}\n", name);
}

/// A term and what it means.
std::string item(const std::string& term, const std::string& text) {
    return ".TP\n" + term + "\n" + paragraph(text);
}

std::string paragraphs(const std::vector<std::string>& texts) {
    std::string result;
    for (const std::string& text : texts) result += (result.empty() ? "" : ".PP\n") + paragraph(text);
    return result;
}

std::string term_of(const Option& option) {
    std::string term;
    for (const std::string& name : option.names)
        term += (term.empty() ? "" : ", ") + (option.is_argument ? italic(option.value) : bold(name));
    if (option.is_argument || option.takes == Takes::nothing) return term;
    return term + (option.may_be_left_out ? " [" + italic(option.value) + "]" : " " + italic(option.value));
}

std::string text_of(const Option& option) {
    std::string text = option.help;
    if (option.required && !option.is_argument) text += "; required";
    if (!option.needs.empty()) text += fmt::format("; goes with {}", fmt::join(option.needs, ", "));
    if (!option.excludes.empty()) text += fmt::format("; not with {}", fmt::join(option.excludes, ", "));
    return text + ".";
}

/// Arguments first, then the options group by group, in the order of --help; what has no group comes last.
std::string options_section(const CommandDescription& command) {
    const std::vector<Option> options = list_options(*command.options);
    std::string text;
    for (const Option& option : options) {
        if (option.is_argument) text += item(term_of(option), text_of(option));
    }
    if (!text.empty()) text = section("ARGUMENTS") + text;
    text += section("OPTIONS");
    std::vector<std::string> groups = command.options->get_groups();
    const std::string general = "Options";
    std::stable_partition(groups.begin(), groups.end(), [&](const std::string& g) { return g != general; });
    for (const std::string& group : groups) {
        std::string items;
        for (const Option& option : options) {
            if (!option.is_argument && option.group == group) items += item(term_of(option), text_of(option));
        }
        if (items.empty()) continue;
        const bool is_alone = groups.size() == 1;
        if (!is_alone) text += fmt::format(".SS {}\n", group == general ? "General" : plain(group));
        text += items;
    }
    return text;
}

std::string synopsis_section(const std::string& name, const std::string& usage) {
    const std::string either = "  or  ";
    const std::size_t at = usage.find(either);
    if (at != std::string::npos)
        return synopsis_section(name, usage.substr(0, at)) + ".br\n" + bold(name) + " " +
               marked(usage.substr(at + either.size())) + "\n";
    return section("SYNOPSIS") + bold(name) + " " + marked(usage) + "\n";
}

std::string exit_section() {
    std::string text = section("EXIT STATUS") + "The same on every rank.\n";
    for (const auto& [code, meaning] : exit_codes)
        text += item(bold(std::to_string(static_cast<int>(code))), std::string(meaning) + ".");
    return text;
}

std::string terms_section(const std::string& name, const std::vector<Term>& terms) {
    std::string text = terms.empty() ? "" : section(name);
    for (const Term& term : terms) text += item(italic(term.name), term.meaning);
    return text;
}

std::string examples_section(const std::vector<Example>& examples) {
    std::string text = examples.empty() ? "" : section("EXAMPLES");
    for (const Example& example : examples) {
        text += (&example == &examples.front() ? "" : ".PP\n") + paragraph(example.what);
        text += fmt::format(".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", plain(example.call));
    }
    return text;
}

/// The other pages.
std::string see_also_section(const std::vector<CommandDescription>& commands, const std::string& but) {
    std::vector<std::string> pages{"tangram"};
    for (const CommandDescription& command : commands) pages.push_back("tangram-" + command.name);
    std::erase(pages, but);
    std::string text = section("SEE ALSO");
    for (const std::string& page : pages)
        text += fmt::format("{}(1){}\n", bold(page), page == pages.back() ? "" : ",");
    return text + ".PP\nThe documentation in share/doc/tangram, and the scripts in share/tangram/jobs.\n";
}

}  // namespace

std::string overview_page(const std::vector<CommandDescription>& commands, const Edition& edition) {
    const Prose prose = prose_of("");
    std::string text = title("tangram", edition);
    text += section("NAME") + "tangram \\- " + plain(summary) + "\n" + section("SYNOPSIS");
    text += bold("tangram") + " " + italic("COMMAND") + " " + italic("ARGUMENTS") + "\n.br\n";
    text += bold("mpirun") + " " + bold("-n") + " " + italic("RANKS") + " " + bold("tangram") + " " +
            italic("COMMAND") + " " + italic("ARGUMENTS") + "\n";
    text += section("DESCRIPTION") + paragraphs(prose.description);
    text += section("COMMANDS");
    for (const CommandDescription& command : commands)
        text += item(bold("tangram-" + command.name) + "(1)", command.description);
    text += section("OPTIONS");
    text += item(bold("--help"), "the commands; after the name of one, its options.");
    text += item(bold("--version"), "version and commit of the program.");
    text += exit_section();
    text += terms_section("ENVIRONMENT", prose.environment) + terms_section("FILES", prose.files);
    text += examples_section(prose.examples);
    return text + see_also_section(commands, "tangram");
}

std::string command_page(const std::vector<CommandDescription>& commands, std::size_t k,
                         const Edition& edition) {
    const CommandDescription& command = commands[k];
    const std::string name = "tangram-" + command.name;
    const Prose prose = prose_of(command.name);
    std::string text = title(name, edition);
    text += section("NAME") + plain(name) + " \\- " + plain(command.purpose) + "\n";
    text += synopsis_section("tangram " + command.name, command.usage);
    text += section("DESCRIPTION") + paragraph(command.description);
    if (!prose.description.empty()) text += ".PP\n" + paragraphs(prose.description);
    text += options_section(command);
    text += exit_section();
    text += terms_section("ENVIRONMENT", prose.environment) + terms_section("FILES", prose.files);
    text += examples_section(prose.examples);
    return text + see_also_section(commands, name);
}

}  // namespace tangram::manual
