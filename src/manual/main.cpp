// Writes the manual pages and the completions of tangram, for the build:
//
//   tangram_manual DATE FOLDER      man1/tangram.1, man1/tangram-COMMAND.1, bash/tangram, zsh/_tangram, fish/tangram.fish

#include "completions.hpp"
#include "man_page.hpp"
#include "tangram/file/provenance.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

namespace {

using namespace tangram;

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path);
    file << text << std::flush;
    if (!file) fail(ExitCode::io, "cannot write ({})", path.string());
}

void write_all(const std::string& date, const std::filesystem::path& folder) {
    const std::vector<CommandDescription> commands = describe_commands();
    const manual::Edition edition{"tangram " + software_version(), date};
    write(folder / "man1" / "tangram.1", manual::overview_page(commands, edition));
    for (std::size_t k = 0; k < commands.size(); ++k) {
        write(folder / "man1" / fmt::format("tangram-{}.1", commands[k].name),
              manual::command_page(commands, k, edition));
    }
    write(folder / "bash" / "tangram", manual::bash_completion(commands));
    write(folder / "zsh" / "_tangram", manual::zsh_completion(commands));
    write(folder / "fish" / "tangram.fish", manual::fish_completion(commands));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: tangram_manual DATE FOLDER\n", stderr);
        return static_cast<int>(ExitCode::usage);
    }
    try {
        write_all(argv[1], argv[2]);
    } catch (const std::exception& error) {
        fmt::print(stderr, "tangram_manual: error: {}\n", error.what());
        return static_cast<int>(ExitCode::failed);
    }
    return 0;
}
