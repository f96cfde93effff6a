// Dispatch, the MPI environment, and the one error policy:
//
//   --help, --version                    printed without MPI
//   wrong words of a process alone       one line, without MPI
//   srun without PMIx                    one line from rank 0, without MPI, which would not start
//   no room for OpenBLAS to start in     one line from each rank, without MPI, which would hang
//   an error that all ranks agree on     one line from rank 0, MPI ends in order, every rank returns the code
//   an error of one rank alone           one line from that rank, and the job is aborted with the code: the others
//                                        may be waiting in a collective call that will never complete
//   a result that could not be printed   one line, code 6; a run that ended otherwise keeps its code
//
// MPI's own errors stay fatal.

#include "tangram/commands/command_line.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/launcher.hpp"
#include "tangram/support/memory.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>

namespace {

using namespace tangram;

void print_error(std::string message) {
    std::replace(message.begin(), message.end(), '\n', ' ');
    std::cerr << "tangram: error: " + without_controls(message) + "\n" << std::flush;
}

int run(const CommandLine& command, const mpi::Communicator& world, std::optional<StopRequest>& stop) {
    agree(world, [&] {
        if (command.error) throw *command.error;
    });
    return command.run(world, stop);
}

/// Throws Error(io) if what was printed has not left: for most commands the text is the result.
void require_printed() {
    std::cout.flush();
    if (!std::cout.good())
        fail(ExitCode::io, "cannot write to standard output: is its disk full? Give it a place with room");
}

[[noreturn]] void abort_job(ExitCode code, const std::string& message) {
    print_error(message);
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    std::abort();
}

/// MPI and what it loads take address space without asking whether there is any: a limit ends them by a signal, or in words of
/// their own.
void require_room_for_mpi() {
    constexpr Index enough = Index{400} << 20;
    if (has_address_space(enough)) return;
    fail(ExitCode::no_resources,
         "not enough address space to start MPI: raise the limit on it (ulimit -v unlimited)");
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine command = parse_command_line(argc, argv);
    if (!command.text.empty()) {
        if (!launched_first()) return static_cast<int>(ExitCode::done);
        std::cout << command.text;
        try {
            require_printed();
        } catch (const Error& error) {
            print_error(error.what());
            return static_cast<int>(error.code());
        }
        return static_cast<int>(ExitCode::done);
    }
    if (launched_without_pmix()) {
        if (launched_first()) print_error(without_pmix);
        return static_cast<int>(ExitCode::usage);
    }
    if (command.error && launched_alone()) {
        print_error(command.error->what());
        return static_cast<int>(command.error->code());
    }
    try {
        blas::require_room();
        require_room_for_mpi();
    } catch (const Error& error) {
        print_error(error.what());
        std::_Exit(static_cast<int>(error.code()));  // an exit in order would wait for OpenBLAS
    }
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write, not of the process
    std::optional<StopRequest> stop;
    if (command.can_be_stopped) stop.emplace();  // before MPI makes threads
    int code = 0;
    mpi::Environment environment;
    const auto world = mpi::Communicator::world();
    try {
        agree(world, [&] { environment.require_threads(); });
        h5::initialize();
        blas::set_blas_threads(1);
        code = run(command, world, stop);
        if (code == static_cast<int>(ExitCode::done)) agree_on_root(world, require_printed);
    } catch (const AgreedError& error) {
        if (world.is_root()) print_error(error.what());
        code = static_cast<int>(error.code());
    } catch (const std::exception& exception) {
        const Error error = as_error(exception);
        abort_job(error.code(), error.what());
    }
    environment.finalize();
    return code;
}
