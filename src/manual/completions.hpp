#pragma once
// Completions of the command line for the three shells: names of commands and options, files where files are taken, words where one of a
// set is. Each is a script of its own, without helpers that a shell may lack.

#include "tangram/commands/command_line.hpp"

#include <string>
#include <vector>

namespace tangram::manual {

std::string bash_completion(const std::vector<CommandDescription>& commands);
std::string zsh_completion(const std::vector<CommandDescription>& commands);
std::string fish_completion(const std::vector<CommandDescription>& commands);

}  // namespace tangram::manual
