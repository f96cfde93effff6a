#include "tangram/commands/spectrum.hpp"

#include "spectrum_targets.hpp"
#include "tangram/file/kernel_block_cyclic.hpp"
#include "tangram/file/kernel_samples.hpp"
#include "tangram/file/tile_file.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/run/options.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/spectrum/spectrum_file.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/distributed_product.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/judged_solver.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/memory.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

namespace tangram {

namespace {

struct SpectrumRun {
    const SpectrumOptions& options;
    const mpi::Communicator& world;
    KernelFile kernel;
    OutputPaths paths;
    std::vector<std::size_t> matrices;  ///< which of the file
    int threads = 1;
    std::optional<SpectrumTargets> targets{};
    [[nodiscard]] bool writes_vectors() const { return options.vectors || options.top.has_value(); }
    [[nodiscard]] bool needs_vectors() const { return writes_vectors() || targets.has_value(); }
};

std::string name_of(const StoredMatrix& matrix) {
    return matrix.path.substr(1);
}

/// Those that --of names. Throws Error(usage) with what there is.
std::vector<std::size_t> choose_matrices(const SpectrumOptions& options, const KernelFile& kernel) {
    std::vector<std::size_t> chosen;
    if (options.of.empty()) return {kernel.shape.matrices.size() - 1};
    std::vector<std::string> names;
    for (const StoredMatrix& matrix : kernel.shape.matrices) names.push_back(name_of(matrix));
    for (const std::string& wanted : options.of) {
        for (std::size_t m = 0; m < names.size(); ++m) {
            if (wanted == "all" || wanted == names[m]) chosen.push_back(m);
        }
        if (wanted != "all" && std::find(names.begin(), names.end(), wanted) == names.end()) {
            fail(ExitCode::usage, "--of names '{}', which is not in the file ({}): it has {}", wanted,
                 kernel.path, fmt::join(names, ", "));
        }
    }
    std::sort(chosen.begin(), chosen.end());
    // The kernel, which is the file's last, first; the others in the network's order.
    if (chosen.back() == kernel.shape.matrices.size() - 1)
        std::rotate(chosen.begin(), chosen.end() - 1, chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    return chosen;
}

std::string default_output(const std::string& file) {
    const std::filesystem::path path(file);
    return (path.parent_path() / path.stem()).string() + ".spectrum.h5";
}

/// What the solver takes on one rank: its part of the matrix, of the vectors where they are wanted, and of the work space, which
/// is about as much as those.
double bytes_needed(const BlockCyclic& layout, bool vectors) {
    return 8.0 * static_cast<double>(layout.local_size()) * (vectors ? 4 : 2);
}

/// What the solvers map beside that, whatever the size: with less, ELPA's Fortran stops the program.
constexpr Index fixed_work_space = Index{32} << 20;

void require_memory(const SpectrumRun& run, Index n, const BlockCyclic& layout, bool vectors) {
    if (!has_address_space(static_cast<Index>(bytes_needed(layout, vectors)) + fixed_work_space)) {
        fail(
            ExitCode::no_resources,
            "no room for the spectrum of a {} x {} matrix in this process's address space ({}): raise the limit on it (ulimit -v unlimited), or use more ranks",
            n, n, run.kernel.path);
    }
    const auto available = available_memory();
    const double bytes = bytes_needed(layout, vectors);
    if (!available || bytes <= static_cast<double>(*available)) return;
    fail(
        ExitCode::no_resources,
        "the spectrum of a {} x {} matrix takes {:.1f} GiB on this rank and {:.1f} are left ({}): use more ranks",
        n, n, bytes / static_cast<double>(Index{1} << 30), gib(*available), run.kernel.path);
}

/// Throws Error(usage) if more vectors are asked for than any of the matrices has.
void require_so_many(const SpectrumRun& run) {
    if (!run.options.top) return;
    Index most = 0;
    for (const std::size_t m : run.matrices)
        most = std::max(most, run.kernel.shape.rows(run.kernel.shape.matrices[m]));
    if (*run.options.top > most) {
        fail(ExitCode::usage, "--top asks for {} eigenvectors, and there are {} ({}): give no more than that",
             *run.options.top, most, run.kernel.path);
    }
}

/// Whether gradient descent on all outputs goes by this matrix: the kernel of all pairs of outputs, or of one, or J^T J of all.
bool decides_step(const KernelFile& kernel, const StoredMatrix& matrix) {
    if (matrix.role == Role::other) return false;
    if (!kernel.of_plain_outputs) return false;
    const bool one_output = kernel.outputs == 1 || kernel.logit >= 0;
    const bool of_samples = kernel.shape.axes.row.unit == Unit::sample;
    return one_output || kernel.reduction == (of_samples ? "full" : "trace");
}

/// Throws Error(check_failed) if the eigenvalues cannot be relied on.
void require_good(const JudgedPairs& judged, const Spectrum& spectrum, const std::string& path) {
    if (!are_good(judged)) {
        fail(
            ExitCode::check_failed,
            "the eigenvalues by {} are wrong ({}:/{}, {} rows): they are off, in units of n eps: {}; is the matrix symmetric? 'tangram verify' tells",
            spectrum.solver, path, spectrum.name, spectrum.eigenvalues.size(),
            describe_errors(judged.value_errors, judged.vector_errors));
    }
    if (!std::isfinite(spectrum.eigenvalues.front()) || !std::isfinite(spectrum.eigenvalues.back()) ||
        !std::isfinite(spectrum.trace)) {
        fail(
            ExitCode::bad_input,
            "an eigenvalue or the trace is too large for float64 ({}:/{}, {} rows): divide the network's outputs by a number, which divides the kernel by its square",
            path, spectrum.name, spectrum.eigenvalues.size());
    }
}

/// Collective over the solver's ranks.
TargetFacts facts_of_targets(const SpectrumRun& run, const mpi::Communicator& comm, const BlockCyclic& layout,
                             const StoredMatrix& matrix, const JudgedPairs& judged,
                             const Spectrum& spectrum) {
    const TargetColumns columns =
        target_columns(run.targets->projected, run.targets->alignment, matrix.rows_each);
    const blas::BlasThreads threads(run.threads);
    const Matrix<double> projected =
        multiply_columns(comm, layout, true, judged.pairs.vectors, joined(columns).view());
    return describe_targets(spectrum.eigenvalues, parted(projected, columns), columns,
                            spectrum.storage_noise);
}

/// Collective. One matrix; the spectrum is root's.
Spectrum solve(const SpectrumRun& run, const TileFile& tiles, std::size_t m, SpectrumFile* file) {
    const StoredMatrix& matrix = run.kernel.shape.matrices[m];
    const Index n = run.kernel.shape.rows(matrix);
    const bool vectors = run.needs_vectors();
    const int ranks = solver_ranks(n, run.world.size());
    const bool takes_part = run.world.rank() < ranks;
    const mpi::Communicator comm = run.world.split(takes_part ? 0 : 1, run.world.rank());
    const BlockCyclic layout = layout_for(n, run.world);
    const auto read = [&](AlignedBuffer<double>& local) {
        read_block_cyclic(tiles, run.kernel, {{m}}, layout, local);
    };
    AlignedBuffer<double> A;
    agree(run.world, [&] {
        require_memory(run, n, layout, vectors);
        if (takes_part) read(A);
    });
    JudgedPairs judged;
    Spectrum spectrum;
    if (takes_part) {
        judged = solve_and_judge(comm, layout, A, read, vectors, run.threads);
        spectrum = describe_spectrum(judged.pairs.values, judged.facts, run.kernel.shape.precision,
                                     decides_step(run.kernel, matrix));
        spectrum.name = name_of(matrix);
        spectrum.solver = judged.pairs.solver;
        spectrum.seconds = judged.seconds;
        spectrum.value_errors = judged.value_errors;
        spectrum.errors = judged.vector_errors;
    }
    agree(run.world, [&] {
        if (takes_part) require_good(judged, spectrum, run.kernel.path);
    });
    if (run.targets && takes_part)
        spectrum.targets = facts_of_targets(run, comm, layout, matrix, judged, spectrum);
    if (file != nullptr) file->write(spectrum);
    if (run.writes_vectors() && takes_part) {
        const Index k = std::min<Index>(n, run.options.top.value_or(n));
        write_eigenvectors(comm, layout, judged.pairs.vectors, spectrum.name, k, file);
    }
    return spectrum;
}

/// All files that are read, none of which may be the output.
std::vector<std::string> inputs_of(const SpectrumOptions& options) {
    std::vector<std::string> files{options.file};
    if (!options.targets.location.empty()) files.push_back(split_location(options.targets.location).file);
    return files;
}

std::string qualities(const std::vector<Spectrum>& spectra) {
    std::string text;
    for (const Spectrum& s : spectra) {
        text += fmt::format("{}: {} in {:.2f} s; errors in n eps: {}\n", s.name, s.solver, s.seconds,
                            describe_errors(s.value_errors, s.errors));
    }
    return text;
}

/// Collective. All matrices, into the partial file, which then gets its name.
void solve_all(const SpectrumRun& run) {
    std::optional<SpectrumFile> file;
    std::optional<TileFile> tiles;
    const Provenance provenance =
        gather_provenance(run.world, run.options.command_line, run.options.configuration);
    agree_on_root(run.world, [&] { file.emplace(run.paths.partial, run.kernel, provenance); });
    agree(run.world, [&] { tiles.emplace(run.options.file, run.kernel.shape, TileFile::Access::read); });
    std::vector<Spectrum> spectra;
    for (const std::size_t m : run.matrices)
        spectra.push_back(solve(run, *tiles, m, file ? &*file : nullptr));
    agree_on_root(run.world, [&] {
        if (run.targets)
            file->describe(
                {{"targets", run.options.targets.location}, {"targets_projected", run.targets->text}});
        file->close();
        const std::string name = publish(run.paths, false);
        std::string table = to_table(spectra);
        if (run.targets) {
            table += "\n" + to_target_table(spectra) +
                     fmt::format("targets are projected {}\n", run.targets->text);
            for (const std::string& note : run.targets->notes) table += note + "\n";
        }
        std::cout << fmt::format("{}\n{}file        {}\n", table, qualities(spectra), name) << std::flush;
    });
}

}  // namespace

int run_spectrum(const SpectrumOptions& options, const mpi::Communicator& world) {
    agree_on_root(world, [&] {
        const KernelFile kernel = read_kernel_file(options.file, FailedChecks::refuse);
        require_that_serves(kernel, kernel.shape.axes.symmetric, "a spectrum");
    });
    KernelFile kernel;
    agree(world, [&] { kernel = read_kernel_file(options.file, FailedChecks::refuse); });
    SpectrumRun run{options,
                    world,
                    std::move(kernel),
                    OutputPaths(options.output.empty() ? default_output(options.file) : options.output),
                    {},
                    1};
    run.threads = threads_for_products(world, options.threads);
    agree(world, [&] {
        run.matrices = choose_matrices(options, run.kernel);
        require_so_many(run);
        if (!options.targets.location.empty()) run.targets = read_spectrum_targets(options, run.kernel);
        for (const std::size_t m : run.matrices)
            require_countable(run.kernel.shape.rows(run.kernel.shape.matrices[m]), world.size(), 1,
                              options.file);
    });
    FileLock lock;
    agree_on_root(world, [&] {
        require_writable(run.paths, {options.overwrite, false}, inputs_of(options));
        lock = FileLock::take(run.paths.lock, lock_holder_line(), 0);
    });
    try {
        solve_all(run);
    } catch (const AgreedError&) {
        if (world.is_root()) {
            std::remove(run.paths.partial.c_str());
            lock.remove();
        }
        throw;
    }
    if (world.is_root()) lock.remove();
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
