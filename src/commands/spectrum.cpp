#include "tangram/commands/spectrum.hpp"

#include "tangram/commands/options.hpp"
#include "tangram/output/lifecycle.hpp"
#include "tangram/output/spectrum_file.hpp"
#include "tangram/output/tile_file.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/cores.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/memory.hpp"

#include <chrono>
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
};

std::string name_of(const KernelMatrix& matrix) {
    return matrix.path.substr(1);
}

/// Those that --of names. Throws Error(usage) with what there is.
std::vector<std::size_t> choose_matrices(const SpectrumOptions& options, const KernelFile& kernel) {
    std::vector<std::size_t> chosen;
    if (options.of.empty()) return {kernel.shape.matrices.size() - 1};
    std::vector<std::string> names;
    for (const KernelMatrix& matrix : kernel.shape.matrices) names.push_back(name_of(matrix));
    for (const std::string& wanted : options.of) {
        for (std::size_t m = 0; m < names.size(); ++m) {
            if (wanted == "all" || wanted == names[m]) chosen.push_back(m);
        }
        if (wanted != "all" && std::find(names.begin(), names.end(), wanted) == names.end()) {
            fail(ExitCode::usage, "--of names '{}', which is not in the file ({}): it has {}", wanted,
                 kernel.path, fmt::join(names, ", "));
        }
    }
    std::sort(chosen.begin(), chosen.end(), std::greater<>());  // the kernel first
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    return chosen;
}

std::string default_output(const std::string& file) {
    const std::filesystem::path path(file);
    return (path.parent_path() / path.stem()).string() + ".spectrum.h5";
}

/// What the solver takes on one rank: its part of the matrix once, and for vectors three times more (vectors, the matrix
/// again and a product, for the residual); a rank's part of the work space is about as much as the matrix.
double bytes_needed(const BlockCyclic& layout, bool vectors) {
    return 8.0 * static_cast<double>(layout.local_size()) * (vectors ? 5 : 2);
}

void require_memory(const SpectrumRun& run, Index n, const BlockCyclic& layout, bool vectors) {
    const auto available = available_memory();
    const double bytes = bytes_needed(layout, vectors);
    if (!available || bytes <= static_cast<double>(*available)) return;
    fail(ExitCode::no_resources,
         "the spectrum of a {} x {} matrix takes {:.1f} GiB on this rank and {:.1f} are left ({}): use more "
         "ranks",
         n, n, bytes / (1 << 30), static_cast<double>(*available) / (1 << 30), run.kernel.path);
}

/// By the criteria of ScaLAPACK's own tests.
bool are_good(const EigenErrors& errors) {
    constexpr double threshold = 30;
    return errors.residual < threshold && errors.orthogonality < threshold;
}

/// Collective. One matrix; the spectrum is root's.
Spectrum solve(const SpectrumRun& run, const TileFile& tiles, std::size_t m, SpectrumFile* file) {
    const Index n = run.kernel.shape.rows(run.kernel.shape.matrices[m]);
    const bool vectors = run.options.vectors || run.options.top.has_value();
    const int ranks = solver_ranks(n, run.world.size());
    const bool takes_part = run.world.rank() < ranks;
    const mpi::Communicator comm = run.world.split(takes_part ? 0 : 1, run.world.rank());
    const BlockCyclic layout = layout_for(n, run.world);
    AlignedBuffer<double> A;
    double trace = 0;
    agree(run.world, [&] {
        require_memory(run, n, layout, vectors);
        if (takes_part) trace = read_block_cyclic(tiles, run.kernel, m, layout, A);
    });
    std::array<double, 1> sum{trace};
    mpi::sum(run.world, sum);
    if (!takes_part) return {};

    const auto start = std::chrono::steady_clock::now();
    EigenPairs pairs = solve_symmetric(comm, layout, A, vectors, Solver::fastest, run.threads);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::optional<EigenErrors> errors;
    if (vectors) {
        read_block_cyclic(tiles, run.kernel, m, layout, A);
        errors = eigen_errors(comm, layout, A, pairs);
        if (!are_good(*errors)) {
            pairs = solve_symmetric(comm, layout, A, vectors, Solver::most_robust, run.threads);
            read_block_cyclic(tiles, run.kernel, m, layout, A);
            errors = eigen_errors(comm, layout, A, pairs);
        }
    }
    Spectrum spectrum = describe_spectrum(pairs.values, sum[0], run.kernel.shape.precision);
    spectrum.name = name_of(run.kernel.shape.matrices[m]);
    spectrum.solver = pairs.solver;
    spectrum.seconds = took.count();
    spectrum.errors = errors;
    if (file != nullptr) file->write(spectrum);
    if (vectors) {
        const Index k = std::min<Index>(n, run.options.top.value_or(n));
        write_eigenvectors(comm, layout, pairs.vectors, spectrum.name, k, file);
    }
    return spectrum;
}

std::string qualities(const std::vector<Spectrum>& spectra) {
    std::string text;
    for (const Spectrum& s : spectra) {
        text += fmt::format("{}: {} in {:.2f} s, sum of eigenvalues off the trace by {:.2f} n eps lambda_max",
                            s.name, s.solver, s.seconds, s.trace_error);
        if (s.errors)
            text += fmt::format(", residual {:.2f}, orthogonality {:.2f} n eps", s.errors->residual,
                                s.errors->orthogonality);
        text += "\n";
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
        file->close();
        const std::string name = publish(run.paths, false);
        std::cout << fmt::format("{}\n{}file        {}\n", to_table(spectra), qualities(spectra), name)
                  << std::flush;
    });
}

}  // namespace

void add_spectrum_options(CLI::App& app, SpectrumOptions& options) {
    app.add_option("file", options.file, "the kernel file")->required()->type_name("FILE.h5");
    app.add_option("--of", options.of,
                   "ntk or parameter_gram, whichever there is (default); components/NAME, "
                   "conjugate_kernels/NAME, several with commas, or all")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("LIST");
    CLI::Option* values = app.add_flag("--values", options.values, "eigenvalues only (default)");
    CLI::Option* vectors =
        app.add_flag("--vectors", options.vectors, "and all eigenvectors")->excludes(values);
    app.add_option("--top", options.top, "and the eigenvectors of the K largest")
        ->excludes(values)
        ->excludes(vectors)
        ->type_name("K");
    app.add_option("--output", options.output, "where to write them (FILE.spectrum.h5)")->type_name("S.h5");
    app.add_option("--threads", options.threads, "threads of LAPACK on one rank (its share of the cores)");
    app.add_flag("--overwrite", options.overwrite, "replace an output that is there");
    add_config_option(app);
}

void validate(const SpectrumOptions& options) {
    if (options.file.empty()) fail(ExitCode::usage, "the name of the kernel file is empty: name a file");
    if (options.top) require_between("--top", *options.top, 1, std::int64_t{1} << 40);
    if (options.threads) require_between("--threads", *options.threads, 1, 4096);
}

int run_spectrum(const SpectrumOptions& options, const mpi::Communicator& world) {
    agree_on_root(world, [&] { read_kernel_file(options.file, FailedChecks::refuse); });
    KernelFile kernel;
    agree(world, [&] { kernel = read_kernel_file(options.file, FailedChecks::refuse); });
    SpectrumRun run{options,
                    world,
                    std::move(kernel),
                    OutputPaths(options.output.empty() ? default_output(options.file) : options.output),
                    {},
                    1};
    run.threads = options.threads ? static_cast<int>(*options.threads) : default_threads(world);
    agree(world, [&] { run.matrices = choose_matrices(options, run.kernel); });
    FileLock lock;
    agree_on_root(world, [&] {
        require_writable(run.paths, {options.overwrite, false}, {options.file});
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
