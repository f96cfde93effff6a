#pragma once
// The command line as a value: what to run, or what to print instead. Parsing needs no MPI, so that --help
// and --version work without it; a mistake is kept and thrown once all ranks can agree on it.

#include "tangram/support/error.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/stop_request.hpp"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

/// The exit codes, and what they mean to whoever meets one.
inline constexpr std::array<std::pair<ExitCode, const char*>, 8> exit_codes{{
    {ExitCode::done, "done"},
    {ExitCode::failed, "an error of tangram itself"},
    {ExitCode::usage, "usage"},
    {ExitCode::bad_input, "bad input"},
    {ExitCode::no_resources, "not enough memory or disk"},
    {ExitCode::check_failed, "a check failed"},
    {ExitCode::io, "I/O"},
    {ExitCode::stopped, "stopped, to be resumed"},
}};

struct CommandLine {
    std::string text{};                         ///< --help or --version: print this and be done
    std::optional<Error> error{};               ///< a usage error
    std::shared_ptr<const CLI::App> options{};  ///< the command's table
    bool can_be_stopped =
        false;  ///< the command takes signals to stop in order: before MPI starts its threads
    /// Collective. Runs the command and returns its exit code; the request is there where it can be stopped.
    std::function<int(const mpi::Communicator&, std::optional<StopRequest>&)> run{};
};

CommandLine parse_command_line(int argc, const char* const* argv);

/// A subcommand as manual pages and completions show it.
struct CommandDescription {
    std::string name;
    std::string usage;                        ///< what follows its name
    std::string purpose;                      ///< one line of the overview
    std::string description;                  ///< one sentence
    std::shared_ptr<const CLI::App> options;  ///< to be read, not to parse with
};

/// All subcommands, in the order of the overview.
std::vector<CommandDescription> describe_commands();

}  // namespace tangram
