#pragma once
// The command line as a value: what to run, or what to print instead. Parsing needs no MPI, so that --help
// and --version work without it; a mistake is kept and thrown once all ranks can agree on it.

#include "tangram/commands/bench.hpp"
#include "tangram/commands/check.hpp"
#include "tangram/commands/compare.hpp"
#include "tangram/commands/init.hpp"
#include "tangram/commands/kernel.hpp"
#include "tangram/commands/spectrum.hpp"
#include "tangram/commands/verify.hpp"
#include "tangram/support/error.hpp"

#include <optional>
#include <string>
#include <variant>

namespace tangram {

struct CommandLine {
    std::string text;            ///< --help or --version: print this and be done
    std::optional<Error> error;  ///< a usage error
    /// The command with its options.
    std::variant<std::monostate, KernelOptions, InitOptions, BenchOptions, VerifyOptions, CheckOptions,
                 CompareOptions, SpectrumOptions>
        run;
};

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace tangram
