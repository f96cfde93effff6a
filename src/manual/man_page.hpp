#pragma once
// Manual pages, in the man(7) language: tangram(1), and tangram-COMMAND(1) of each command. Names, synopses and options are those of the
// tables; what is said beside them is in prose.cpp.

#include "tangram/commands/command_line.hpp"

#include <string>
#include <vector>

namespace tangram::manual {

/// What stands at the foot of every page.
struct Edition {
    std::string version;  ///< "tangram 1.0.0"
    std::string date;     ///< "2026-11-28"
};

std::string overview_page(const std::vector<CommandDescription>& commands, const Edition& edition);

/// The page of commands[k].
std::string command_page(const std::vector<CommandDescription>& commands, std::size_t k,
                         const Edition& edition);

}  // namespace tangram::manual
