#include "tangram/commands/command_line.hpp"

#include "tangram/commands/bench.hpp"
#include "tangram/commands/check.hpp"
#include "tangram/commands/compare.hpp"
#include "tangram/commands/drift.hpp"
#include "tangram/commands/init.hpp"
#include "tangram/commands/kernel.hpp"
#include "tangram/commands/regress.hpp"
#include "tangram/commands/spectrum.hpp"
#include "tangram/commands/verify.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace tangram {

namespace {

std::string joined(int argc, const char* const* argv) {
    std::string line;
    for (int k = 0; k < argc; ++k) line += (k == 0 ? "" : " ") + std::string(argv[k]);
    return line;
}

using Arguments = std::vector<std::string>;
using Stop = std::optional<StopRequest>;

/// A subcommand: everything that the rest of the program knows of it.
struct Command {
    const char* name;
    const char* usage;        ///< what follows its name, in the overview
    const char* purpose;      ///< one line, in the overview
    const char* description;  ///< the first line of its --help
    bool can_be_stopped;
    CommandLine (*parse)(const Command&, const Arguments&, const std::string& line);
};

/// Parses a command's options, which become part of what is run.
template <class Options, void (*add)(CLI::App&, Options&), class Run>
CommandLine parse_options_of(const Command& command, const Arguments& arguments, const std::string& line,
                             Run run) {
    CommandLine result;
    auto options = std::make_shared<Options>();
    const auto app = std::make_shared<CLI::App>(command.description, std::string("tangram ") + command.name);
    add(*app, *options);
    result.options = app;
    result.text = parse_options(*app, arguments);
    if (!result.text.empty()) return result;
    validate(*options);
    if constexpr (requires { options->command_line; }) options->command_line = line;
    if constexpr (requires { options->configuration; }) options->configuration = record_options(*app);
    result.can_be_stopped = command.can_be_stopped;
    if constexpr (requires { options->matrix_free; }) result.can_be_stopped = is_given(options->matrix_free);
    if constexpr (requires { can_be_stopped(*options); }) result.can_be_stopped = can_be_stopped(*options);
    result.run = [options, run](const mpi::Communicator& world, Stop& stop) {
        return run(*options, world, stop);
    };
    return result;
}

/// For a command that runs by run(options, world).
template <class Options, void (*add)(CLI::App&, Options&),
          int (*run)(const Options&, const mpi::Communicator&)>
CommandLine parse_plain(const Command& command, const Arguments& arguments, const std::string& line) {
    return parse_options_of<Options, add>(
        command, arguments, line,
        [](const Options& options, const mpi::Communicator& world, Stop&) { return run(options, world); });
}

CommandLine parse_kernel(const Command& command, const Arguments& arguments, const std::string& line) {
    return parse_options_of<KernelOptions, add_kernel_options>(
        command, arguments, line,
        [](const KernelOptions& options, const mpi::Communicator& world, Stop& stop) {
            return run_kernel(options, world, *stop);
        });
}

CommandLine parse_drift(const Command& command, const Arguments& arguments, const std::string& line) {
    return parse_options_of<DriftOptions, add_drift_options>(
        command, arguments, line,
        [](const DriftOptions& options, const mpi::Communicator& world, Stop& stop) {
            return run_drift(options, world, stop ? &*stop : nullptr);
        });
}

/// For a command that works on a kernel file, or on a network without one, which can be stopped and resumed.
template <class Options, void (*add)(CLI::App&, Options&),
          int (*run)(const Options&, const mpi::Communicator&),
          int (*run_without_file)(const Options&, const mpi::Communicator&, StopRequest&)>
CommandLine parse_either(const Command& command, const Arguments& arguments, const std::string& line) {
    return parse_options_of<Options, add>(
        command, arguments, line, [](const Options& options, const mpi::Communicator& world, Stop& stop) {
            return is_given(options.matrix_free) ? run_without_file(options, world, *stop)
                                                 : run(options, world);
        });
}

/// The table: a new subcommand is a file of its own and a line here.
constexpr std::array<Command, 9> commands{{
    {"kernel", "--model FILE[:GROUP] --data FILE:DATASET --output OUT.h5 [options]",
     "compute the kernel, write it, check it; under mpirun or srun",
     "Compute the layerwise neural tangent kernel, write it, and check it.", true, parse_kernel},
    {"verify", "OUT.h5", "is the file whole, and as it was written? under mpirun or srun",
     "Read every tile of a kernel file back: is it whole, and as it was written?", false,
     parse_plain<VerifyOptions, add_verify_options, run_verify>},
    {"check", "OUT.h5", "its checks once more, with more or other samples",
     "Redo the checks of a kernel file, with more or other samples and another probe.", false,
     parse_plain<CheckOptions, add_check_options, run_check>},
    {"compare", "OUT.h5 OTHER.h5:DATASET", "why does another program's kernel differ?",
     "Say why another program's kernel of the same samples differs from the file's.", false,
     parse_plain<CompareOptions, add_compare_options, run_compare>},
    {"spectrum",
     "OUT.h5 [--of NAME] [--vectors] [--targets FILE[:DATASET]]  or  --model M --data D --top K --output S.h5",
     "eigenvalues and eigenvectors of what is in it, or of a kernel that is never made; under mpirun or srun",
     "Write the eigenvalues, and eigenvectors, of the matrices in a kernel file, or of a kernel that is never made.",
     false, parse_either<SpectrumOptions, add_spectrum_options, run_spectrum, run_matrix_free_spectrum>},
    {"regress", "TRAIN.h5 --targets FILE[:DATASET] --output R.h5 [--test CROSS.h5] [--ridge A,B,..]",
     "what the kernel predicts; under mpirun or srun",
     "Kernel regression, its scores, and training of the linearised network.", false,
     parse_either<RegressOptions, add_regress_options, run_regress, run_matrix_free_regress>},
    {"drift",
     "--model CKPT --model CKPT .. --data FILE:DATASET --output D.h5  or  A.h5 B.h5 .. --output D.h5",
     "how the kernel changes over a training run; under mpirun or srun",
     "Compare the kernels of the checkpoints of a training run without storing them, or kernel files.", true,
     parse_drift},
    {"init", "--widths d0,..,C --output M.safetensors [options]", "a random network, and samples for it",
     "Write a random network, and random samples for it.", false,
     parse_plain<InitOptions, add_init_options, run_init>},
    {"bench", "[options]", "how close to the hardware it comes; under mpirun or srun",
     "Measure the parts of a kernel run against what the hardware gives.", false,
     parse_plain<BenchOptions, add_bench_options, run_bench>},
}};

std::string overview() {
    constexpr std::size_t purpose_column = 33;
    std::string text =
        version_line() +
        "\nThe empirical neural tangent kernel of neural networks, tensor by tensor and verified.\n\n";
    const auto line = [&](const std::string& call, const std::string& purpose) {
        const bool fits = call.size() + 3 < purpose_column;
        text += fits ? fmt::format("  {:<{}}{}\n", call, purpose_column - 2, purpose)
                     : fmt::format("  {}\n{:{}}{}\n", call, "", purpose_column, purpose);
    };
    for (const Command& command : commands)
        line(fmt::format("tangram {} {}", command.name, command.usage), command.purpose);
    line("tangram COMMAND --help", "the options of a command");
    line("tangram --version", "");
    text += "\nExit codes:";
    for (const auto& [code, meaning] : exit_codes)
        text += fmt::format("{} {} {}", code == ExitCode::done ? "" : ",", static_cast<int>(code), meaning);
    return text + ".\n";
}

CommandLine parse(int argc, const char* const* argv) {
    const std::string name = argc > 1 ? argv[1] : "--help";
    const Arguments arguments(argv + std::min(argc, 2), argv + argc);
    CommandLine result;
    if (name == "--help" || name == "-h" || name == "help") {
        result.text = overview();
        return result;
    }
    if (name == "--version") {
        result.text = version_line() + "\n";
        return result;
    }
    std::vector<std::string> names;
    for (const Command& command : commands) {
        if (name == command.name) return command.parse(command, arguments, joined(argc, argv));
        names.emplace_back(command.name);
    }
    fail(ExitCode::usage, "unknown command '{}': did you mean '{}'? see 'tangram --help'", name,
         nearest_name(name, names));
}

}  // namespace

std::vector<CommandDescription> describe_commands() {
    std::vector<CommandDescription> descriptions;
    for (const Command& command : commands) {
        const CommandLine help = command.parse(command, {"--help"}, "");
        descriptions.push_back(
            {command.name, command.usage, command.purpose, command.description, help.options});
    }
    return descriptions;
}

CommandLine parse_command_line(int argc, const char* const* argv) {
    CommandLine result;
    try {
        return parse(argc, argv);
    } catch (const Error& error) {
        result.error = error;
    } catch (const std::exception& error) {
        result.error = Error(ExitCode::failed, error.what());
    }
    return result;
}

}  // namespace tangram
