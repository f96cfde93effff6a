#pragma once
// The command line as a value: what to run, or what to print instead. Parsing needs no MPI, so that --help
// and --version work without it; a mistake is kept and thrown once all ranks can agree on it.

#include "tangram/support/error.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/stop_request.hpp"

#include <functional>
#include <optional>
#include <string>

namespace tangram {

struct CommandLine {
    std::string text{};            ///< --help or --version: print this and be done
    std::optional<Error> error{};  ///< a usage error
    bool can_be_stopped =
        false;  ///< the command takes signals to stop in order: before MPI starts its threads
    /// Collective. Runs the command and returns its exit code; the request is there where it can be stopped.
    std::function<int(const mpi::Communicator&, std::optional<StopRequest>&)> run{};
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace tangram
