// Dispatch, the MPI environment, and the one error policy:
//
//   --help, --version                    printed without MPI
//   srun without PMIx                    one line from rank 0, without MPI, which would not start
//   an error that all ranks agree on     one line from rank 0, MPI ends in order, every rank returns the code
//   an error of one rank alone           one line from that rank, and the job is aborted with the code: the others
//                                        may be waiting in a collective call that will never complete
//
// MPI's own errors stay fatal.

#include "tangram/commands/command_line.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/launcher.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <new>
#include <optional>

namespace {

using namespace tangram;

void print_error(std::string message) {
    std::replace(message.begin(), message.end(), '\n', ' ');
    std::cerr << "tangram: error: " + message + "\n" << std::flush;
}

int run(const CommandLine& command, const mpi::Communicator& world, std::optional<StopRequest>& stop) {
    agree(world, [&] {
        if (command.error) throw *command.error;
    });
    if (const auto* kernel = std::get_if<KernelOptions>(&command.run))
        return run_kernel(*kernel, world, *stop);
    if (const auto* verify = std::get_if<VerifyOptions>(&command.run)) return run_verify(*verify, world);
    if (const auto* check = std::get_if<CheckOptions>(&command.run)) return run_check(*check, world);
    if (const auto* compare = std::get_if<CompareOptions>(&command.run)) return run_compare(*compare, world);
    if (const auto* spectrum = std::get_if<SpectrumOptions>(&command.run))
        return run_spectrum(*spectrum, world);
    if (const auto* init = std::get_if<InitOptions>(&command.run)) return run_init(*init, world);
    if (const auto* bench = std::get_if<BenchOptions>(&command.run)) return run_bench(*bench, world);
    return static_cast<int>(ExitCode::usage);
}

[[noreturn]] void abort_job(ExitCode code, const std::string& message) {
    print_error(message);
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
    std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine command = parse_command_line(argc, argv);
    if (!command.text.empty()) {
        if (launched_first()) std::cout << command.text << std::flush;
        return static_cast<int>(ExitCode::done);
    }
    if (launched_without_pmix()) {
        if (launched_first()) print_error(without_pmix);
        return static_cast<int>(ExitCode::usage);
    }
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write, not of the process
    std::optional<StopRequest> stop;
    if (std::holds_alternative<KernelOptions>(command.run)) stop.emplace();  // before MPI makes threads
    int code = 0;
    mpi::Environment environment;
    const auto world = mpi::Communicator::world();
    try {
        agree(world, [&] { environment.require_threads(); });
        h5::initialize();
        blas::set_blas_threads(1);
        code = run(command, world, stop);
    } catch (const AgreedError& error) {
        if (world.is_root()) print_error(error.what());
        code = static_cast<int>(error.code());
    } catch (const Error& error) {
        abort_job(error.code(), error.what());
    } catch (const std::bad_alloc&) {
        abort_job(ExitCode::no_resources, out_of_memory);
    } catch (const std::exception& error) {
        abort_job(ExitCode::failed, error.what());
    }
    environment.finalize();
    return code;
}
