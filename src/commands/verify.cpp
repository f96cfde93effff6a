#include "tangram/commands/verify.hpp"

#include "tangram/checks/verification.hpp"
#include "tangram/file/format.hpp"
#include "tangram/product/product.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"
#include "tangram/support/crash_guard.hpp"
#include "tangram/support/stopwatch.hpp"

#include <iostream>

namespace tangram {

namespace {

std::string verdict(bool ok) {
    return ok ? "ok" : "FAILED";
}

std::string describe(const KernelFile& kernel) {
    const Shape& shape = kernel.shape;
    return fmt::format("{} x {}, {}, {}, {} parameterization", shape.rows(shape.total()),
                       shape.columns(shape.total()), kernel.reduction_text, to_string(shape.precision),
                       kernel.parameterization);
}

/// Version 0.1 recorded no checksum of what is not a tile, until its last weeks; from 0.2 on every file has one.
bool may_lack_contents(const std::string& version) {
    return version.starts_with("0.1.");
}

void require_contents(const KernelFile& kernel, bool recorded) {
    if (recorded || may_lack_contents(kernel.software_version)) return;
    fail(
        ExitCode::check_failed,
        "the checksum of attributes, outputs and tables is gone, which tangram {} writes ({}:/checksums, attribute contents): {}",
        kernel.software_version, kernel.path, get_another);
}

/// One line a matrix.
std::string matrix_table(const KernelFile& kernel, const Verification& found) {
    const std::vector<StoredMatrix>& matrices = kernel.shape.matrices;
    std::size_t width = 9;
    for (const StoredMatrix& matrix : matrices) width = std::max(width, matrix.path.size());
    const Index tiles = kernel.shape.tiles_in_file();
    std::string table = fmt::format("{:<{}}  {:>9}  {:>9}  {:>14}  {}\n", "dataset", width, "tiles",
                                    "changed", "symmetry error", "verdict");
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        const MatrixVerification& matrix = found.matrices[m];
        const std::string symmetry =
            kernel.shape.axes.symmetric ? fmt::format("{:.1e}", matrix.symmetry_error) : "-";
        table += fmt::format("{:<{}}  {:>9}  {:>9}  {:>14}  {}\n", matrices[m].path, width, tiles,
                             matrix.changed_tiles, symmetry, verdict(matrix.bad_tiles == 0));
    }
    return table;
}

std::string recorded_checks(const KernelFile& kernel) {
    if (kernel.checks.passed == 0) return "FAILED: " + kernel.checks.first_failure;
    if (kernel.checks.passed < 0) return "not run (--check-samples 0)";
    return fmt::format("passed, tolerance {:.1e}", kernel.checks.tolerance);
}

std::string to_table(const KernelFile& kernel, bool contents_recorded, const Verification& found,
                     double seconds) {
    std::string text;
    text +=
        fmt::format("file        {} (tangram {}, {})\n", kernel.path, kernel.software_version, kernel.date);
    text += fmt::format("{:<11} {}\n", product_named(kernel.product).title, describe(kernel));
    text += fmt::format("contents    {}\n", contents_recorded
                                                ? "as they were written: attributes, outputs, tables"
                                                : "not recorded: the program that wrote it was older");
    text += fmt::format("tiles       {}, {:.2f} MB, read in {:.2f} s\n", found.tiles,
                        static_cast<double>(found.bytes) / 1e6, seconds);
    text += fmt::format("\n{}\n", matrix_table(kernel, found));
    if (found.has_sum) {
        text += fmt::format("sum         components add up to the kernel: off by {:.1e} <= {:.1e}  {}\n",
                            found.sum_error, found.sum_limit, verdict(found.sum_error <= found.sum_limit));
    } else if (product_named(kernel.product).sums_tensors) {
        text += "sum         no components stored\n";
    }
    text += fmt::format("checks      {}\n", recorded_checks(kernel));
    const bool whole = found.bad_tiles == 0 && kernel.checks.passed != 0;
    text += fmt::format("verdict     {}\n", whole ? "whole" : "do not use this file");
    return text;
}

/// Throws Error(check_failed) if anything was found.
void require_whole(const KernelFile& kernel, const Verification& found) {
    if (found.bad_tiles > 0) {
        fail(ExitCode::check_failed, "{}; {}: {}", found.first_fault,
             found.bad_tiles == 1 ? "all other tiles are good"
                                  : fmt::format("the first of {} bad tiles", found.bad_tiles),
             get_another);
    }
    if (kernel.checks.passed == 0) {
        fail(
            ExitCode::check_failed,
            "the file is as it was written, but its own checks failed ({}:/checks): {}: do not use this kernel before the cause is found",
            kernel.path, kernel.checks.first_failure);
    }
}

}  // namespace

void add_verify_options(CLI::App& app, VerifyOptions& options) {
    app.add_option("file", options.file, "the kernel file")->required()->type_name("OUT.h5");
    app.add_option("--threads", options.threads, "threads a rank (its share of the cores)");
    add_config_option(app);
}

void validate(const VerifyOptions& options) {
    if (options.file.empty()) fail(ExitCode::usage, "the name of the kernel file is empty: name a file");
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
}

int run_verify(const VerifyOptions& options, const mpi::Communicator& world) {
    // Rank 0 first, so that the others open only what is good to read.
    bool contents_recorded = false;
    agree_on_root(world, [&] {
        CrashGuard guard(ExitCode::io,
                         fmt::format("cannot read ({}): it is so damaged that libhdf5 crashes: {}",
                                     options.file, get_another));
        try {
            const KernelFile found = read_kernel_file(options.file, FailedChecks::accept);
            contents_recorded = verify_contents(found);
            require_contents(found, contents_recorded);
        } catch (const Error& error) {
            guard.stay(error.code());  // libhdf5 may have freed twice what it could not read
            throw;
        }
    });
    KernelFile kernel;
    agree(world, [&] { kernel = read_kernel_file(options.file, FailedChecks::accept); });
    const int threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);

    const Stopwatch watch;
    const Verification found = verify_tiles(world, kernel, threads);
    const double seconds = watch.seconds();
    agree_on_root(world, [&] {
        std::cout << to_table(kernel, contents_recorded, found, seconds) << std::flush;
        require_whole(kernel, found);
    });
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
