#include "tangram/commands/command_line.hpp"

#include "tangram/commands/options.hpp"
#include "tangram/model/text.hpp"
#include "tangram/output/provenance.hpp"

#include <fmt/format.h>

namespace tangram {

namespace {

const std::vector<std::string> command_names{"kernel",   "verify", "check", "compare",
                                             "spectrum", "init",   "bench"};

std::string overview() {
    return version_line() +
           "\nThe empirical neural tangent kernel of fully connected networks, layer by layer and "
           "verified.\n\n"
           "  tangram kernel --model FILE[:GROUP] --data FILE:DATASET --output OUT.h5 [options]\n"
           "                                 compute the kernel, write it, check it; under mpirun or srun\n"
           "  tangram verify OUT.h5          is the file whole, and as it was written? under mpirun or srun\n"
           "  tangram check OUT.h5           its checks once more, with more or other samples\n"
           "  tangram compare OUT.h5 OTHER.h5:DATASET\n"
           "                                 why does another program's kernel differ?\n"
           "  tangram spectrum OUT.h5 [--of NAME] [--vectors]\n"
           "                                 eigenvalues and eigenvectors of what is in it; under mpirun or "
           "srun\n"
           "  tangram init --widths d0,..,C --output M.safetensors [options]\n"
           "                                 a random network, and samples for it\n"
           "  tangram bench [options]\n"
           "                                 how close to the hardware it comes; under mpirun or srun\n"
           "  tangram COMMAND --help         the options of a command\n"
           "  tangram --version\n\n"
           "Exit codes: 0 done, 2 usage, 3 bad input, 4 not enough memory or disk, 5 a check failed, 6 "
           "I/O, 75 stopped, to be resumed.\n";
}

std::string joined(int argc, const char* const* argv) {
    std::string line;
    for (int k = 0; k < argc; ++k) line += (k == 0 ? "" : " ") + std::string(argv[k]);
    return line;
}

/// Parses one command's options into `options`; the help text goes to `text`.
template <class Options>
void parse_command(const std::string& name, const std::string& description, void (*add)(CLI::App&, Options&),
                   const std::vector<std::string>& arguments, Options& options, CommandLine& result) {
    CLI::App app{description, "tangram " + name};
    add(app, options);
    result.text = parse_options(app, arguments);
    if (!result.text.empty()) return;
    validate(options);
    if constexpr (requires { options.configuration; }) options.configuration = record_options(app);
    result.run = std::move(options);
}

CommandLine parse(int argc, const char* const* argv) {
    CommandLine result;
    const std::string command = argc > 1 ? argv[1] : "--help";
    const std::vector<std::string> arguments(argv + std::min(argc, 2), argv + argc);
    if (command == "--help" || command == "-h" || command == "help") {
        result.text = overview();
    } else if (command == "--version") {
        result.text = version_line() + "\n";
    } else if (command == "kernel") {
        KernelOptions options;
        options.command_line = joined(argc, argv);
        parse_command("kernel", "Compute the layerwise neural tangent kernel, write it, and check it.",
                      &add_kernel_options, arguments, options, result);
    } else if (command == "verify") {
        VerifyOptions options;
        parse_command("verify", "Read every tile of a kernel file back: is it whole, and as it was written?",
                      &add_verify_options, arguments, options, result);
    } else if (command == "check") {
        CheckOptions options;
        parse_command("check",
                      "Redo the checks of a kernel file, with more or other samples and another probe.",
                      &add_check_options, arguments, options, result);
    } else if (command == "compare") {
        CompareOptions options;
        parse_command("compare",
                      "Say why another program's kernel of the same samples differs from the file's.",
                      &add_compare_options, arguments, options, result);
    } else if (command == "spectrum") {
        SpectrumOptions options;
        options.command_line = joined(argc, argv);
        parse_command("spectrum",
                      "Write the eigenvalues, and eigenvectors, of the matrices in a kernel file.",
                      &add_spectrum_options, arguments, options, result);
    } else if (command == "init") {
        InitOptions options;
        parse_command("init", "Write a random network, and random samples for it.", &add_init_options,
                      arguments, options, result);
    } else if (command == "bench") {
        BenchOptions options;
        parse_command("bench", "Measure the parts of a kernel run against what the hardware gives.",
                      &add_bench_options, arguments, options, result);
    } else {
        fail(ExitCode::usage, "unknown command '{}': did you mean '{}'? see 'tangram --help'", command,
             nearest_name(command, command_names));
    }
    return result;
}

}  // namespace

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
