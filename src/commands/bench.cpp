// The bench from top to bottom in run_bench(): make a problem, measure it in rounds, report medians. Its
// options are in bench_options.cpp, its problem in bench_problem.cpp, what the bare machine gives in
// bench_hardware.cpp, what it prints in bench_report.cpp.

#include "tangram/commands/bench.hpp"

#include "tangram/file/provenance.hpp"
#include "tangram/grid/exchange.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/life/tile_writer.hpp"
#include "tangram/product/assembly.hpp"
#include "tangram/product/shard_features.hpp"
#include "tangram/run/bench_clock.hpp"
#include "tangram/run/bench_hardware.hpp"
#include "tangram/run/bench_problem.hpp"
#include "tangram/run/bench_report.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/gemm_rate.hpp"
#include "tangram/support/memory.hpp"
#include "tangram/tangent/features_work.hpp"

#include <unistd.h>

#include <filesystem>
#include <iostream>

namespace tangram {

namespace {

/// A run and everything that is settled before it measures.
struct Bench {
    const BenchOptions& options;
    const mpi::Communicator& world;
    Log& log;
    BenchProblem problem;
    int threads = 1;
    std::string path;  ///< what the names of the files of the write tests begin with
};

/// What one round measured, over all ranks.
struct Round {
    double gemm_peak = 0;       ///< operations a second
    double wide_gemm_peak = 0;  ///< in float64, as features are made
    double features_seconds = 0;
    double exchange_seconds = 0;
    Index bytes_received = 0;
    double assembly_seconds = 0;
    double assembly_without_writing_seconds = 0;
    double tile_write_seconds = 0;
    double plain_write_seconds = 0;
    Index write_bytes = 0;
    double peak_memory = 0;  ///< bytes, of the rank with most, when its kernel was done
};

/// One rank.
void require_place_for_files(const std::string& directory) {
    constexpr std::size_t longest_path = 240;  // the limit of MPI-IO's paths, without the name of the file
    require_directory(directory);
    if (std::filesystem::absolute(directory).string().size() > longest_path) {
        fail(ExitCode::usage,
             "the path is too long for MPI-IO ({}): choose a --directory of at most {} characters", directory,
             longest_path);
    }
}

/// Collective.
Bench prepare(const BenchOptions& options, const mpi::Communicator& world, Log& log) {
    agree_on_root(world, [&] { require_place_for_files(options.directory); });
    BenchProblem problem;
    agree(world, [&] { problem = make_bench_problem(options, world.size(), world.rank()); });
    const int threads = threads_for_products(world, options.threads);
    const Index process = mpi::broadcast(world, Index{getpid()});
    return {options, world,
            log,     std::move(problem),
            threads, fmt::format("{}/tangram-bench-{}", options.directory, process)};
}

// ---- the parts of a run

/// Collective. The panels of every other rank that this one needs.
template <class T>
void measure_exchange(const Bench& bench, FeatureStore<T>& store, Round& round) {
    Exchange<T> exchange(bench.world, bench.problem.distribution.grid, store.panels());
    mpi::barrier(bench.world);
    const Stopwatch watch;
    exchange.start(0, 0);
    exchange.wait();
    round.exchange_seconds = mpi::maximum(bench.world, watch.seconds());
    round.bytes_received = mpi::sum(bench.world, exchange.bytes_received());
}

/// Collective. The seconds of the tile loop into `sink`.
template <class T>
double measure_assembly(const Bench& bench, const FeatureStore<T>& store, const TileSink<T>& sink) {
    const BenchProblem& p = bench.problem;
    const TileProblem<T> problem(p.network, p.reduction, p.shape, store);
    std::optional<TileWorkspace<T>> workspace;
    agree(bench.world, [&] { workspace.emplace(p.shape, p.network, p.reduction, bench.threads); });
    return time_of_slowest(bench.world, [&] {
        assemble<T>(problem, p.distribution.tiles, *workspace, sink, [] { return true; });
    });
}

/// Collective. Makes a fresh kernel file, as a kernel run does, for the time of measure(writer).
template <class Measure>
double with_kernel_file(const Bench& bench, Measure measure) {
    const std::string path = bench.path + ".h5.partial";
    const RemovedAtEnd removed(bench.world.is_root() ? path : "");
    create_kernel_file(bench.world, path, bench.problem.shape, {}, bench.log);
    std::optional<TileWriter> writer;
    agree(bench.world, [&] { writer.emplace(path, bench.problem.shape); });
    return measure(*writer);
}

/// Collective.
template <class T>
double measure_assembly_with_writing(const Bench& bench, const FeatureStore<T>& store) {
    return with_kernel_file(bench, [&](TileWriter& writer) {
        const double seconds =
            measure_assembly<T>(bench, store, [&](const FinishedPlane<T>& plane) { writer.write(plane); });
        agree(bench.world, [&] { writer.sync(); });  // so that the next part finds a quiet disk
        return seconds;
    });
}

/// Writes the planes of a tile, all from the same memory.
template <class T>
void write_tile(const Shape& shape, const Tile& tile, T* memory, TileWriter& writer) {
    for (std::size_t k = 0; k < shape.matrices.size(); ++k) {
        const Index rows = shape.matrices[k].rows_each;
        const ConstMatrixView<T> values{memory, shape.axes.row.size(tile.row) * rows,
                                        shape.axes.column.size(tile.column) * rows,
                                        shape.tile_columns(shape.matrices[k])};
        writer.write(FinishedPlane<T>{static_cast<Index>(k), tile, shape.axes.row.begin(tile.row) * rows,
                                      shape.axes.column.begin(tile.column) * rows, values});
    }
}

/// Collective. Every rank writes all of its tiles, and the mirrored ones, without computing them.
template <class T>
void measure_tile_writes(const Bench& bench, Round& round) {
    const BenchProblem& p = bench.problem;
    AlignedBuffer<T> memory;
    agree(bench.world, [&] {
        memory = AlignedBuffer<T>(std::max(p.shape.tile_entries(), page_aligned_from));
        std::fill_n(memory.data(), memory.size(), T{1});
    });
    round.tile_write_seconds = with_kernel_file(bench, [&](TileWriter& writer) {
        const double seconds = time_of_slowest(bench.world, [&] {
            for (const Tile& tile : p.distribution.tiles) {
                write_tile(p.shape, tile, memory.data(), writer);
                if (p.shape.axes.is_mirrored(tile))
                    write_tile(p.shape, mirror_of(tile), memory.data(), writer);
            }
            writer.sync();
        });
        round.write_bytes = mpi::sum(bench.world, writer.bytes_written());
        return seconds;
    });
}

/// Collective. The features are made and given back as in a kernel run, so that peak memory is that of one.
template <class T>
void measure_kernel(const Bench& bench, Round& round) {
    const BenchProblem& p = bench.problem;
    std::optional<FeatureStore<T>> store;
    Matrix<double> outputs;
    agree(bench.world, [&] {
        store.emplace(p.shape.axes, p.distribution.grid, bench.world.rank(), p.network, p.reduction);
        outputs = Matrix<double>(p.samples.rows(), p.network.outputs());
    });
    round.features_seconds = time_of_slowest(bench.world, [&] {
        compute_shard_features(p.network, p.reduction, p.panels, p.samples.view(), bench.threads, *store,
                               outputs.view());
    });
    measure_exchange(bench, *store, round);
    round.assembly_seconds = measure_assembly_with_writing(bench, *store);
    round.assembly_without_writing_seconds =
        measure_assembly<T>(bench, *store, [](const FinishedPlane<T>&) {});
    round.peak_memory = mpi::maximum(bench.world, static_cast<double>(peak_memory()));
}

/// Collective.
template <class T>
Round measure_round(const Bench& bench) {
    Round round;
    // Before and after: on a shared machine the peak of one second is not that of the next.
    round.gemm_peak = gemm_rate_of_all<T>(bench.world, bench.threads, bench.options.gemm_seconds) / 2;
    round.wide_gemm_peak = gemm_rate_of_all<double>(bench.world, bench.threads, bench.options.gemm_seconds);
    measure_kernel<T>(bench, round);
    round.gemm_peak += gemm_rate_of_all<T>(bench.world, bench.threads, bench.options.gemm_seconds) / 2;
    measure_tile_writes<T>(bench, round);
    round.plain_write_seconds =
        plain_write_seconds(bench.world, bench.path + ".plain.partial", round.write_bytes);
    return round;
}

// ---- the report

/// The bytes that a rank of the grid must receive: N D (1/r + 1/c - 2/P) values, D those of a sample.
double exchange_formula_bytes(const BenchProblem& p) {
    const Index bytes = value_bytes(p.shape.precision);
    const PanelLayout layout = lay_out_panel(p.network, p.reduction, p.shape.axes.row.panel_size, bytes);
    Index panel_values = 0;
    for (const PanelSlot& slot : layout.values) panel_values += slot.rows * slot.cols;
    for (const PanelSlot& slot : layout.sensitivities) panel_values += slot.rows * slot.cols;
    const double D = static_cast<double>(panel_values) / static_cast<double>(layout.samples);
    const Grid& grid = p.distribution.grid;
    const double share = 1.0 / grid.rows + 1.0 / grid.cols - 2.0 / grid.active();
    return static_cast<double>(p.shape.axes.row.extent) * D * share * static_cast<double>(bytes);
}

/// The spread over the rounds of value(round).
template <class Value>
Spread over(const std::vector<Round>& rounds, Value value) {
    std::vector<double> values;
    for (const Round& round : rounds) values.push_back(value(round));
    return spread(std::move(values));
}

/// Collective. Who ran, and what.
BenchReport describe(const Bench& bench) {
    const BenchProblem& p = bench.problem;
    BenchReport report;
    report.software = version_line();
    report.blas_library = blas::library_description();
    report.blas_kernel = blas::kernel_name();
    report.nodes = static_cast<Index>(gather_provenance(bench.world, "", "").hosts.size());
    report.ranks = bench.world.size();
    report.threads = bench.threads;
    report.grid_rows = p.distribution.grid.rows;
    report.grid_columns = p.distribution.grid.cols;
    report.widths = bench.options.model.empty() ? bench.options.widths : std::vector<std::int64_t>{};
    report.model = bench.options.model;
    report.parameters = p.network.parameters();
    report.reduction =
        bench.options.logit ? fmt::format("logit {}", *bench.options.logit) : bench.options.reduction;
    report.components = bench.options.components;
    report.precision = bench.options.precision;
    report.samples = p.shape.axes.row.extent;
    report.tile = p.shape.axes.row.panel_size;
    report.panels = p.shape.axes.row.panels();
    report.matrices = static_cast<Index>(p.shape.matrices.size());
    const auto N = static_cast<double>(report.samples);
    report.making_operations = 2 * N * operations_of_making(p.network, p.reduction);
    report.operations = N * N * operations_of_pair(p.network, p.reduction) + report.making_operations;
    report.features_operations = 2 * N * operations_of_features(p.network, p.reduction);
    report.exchange_formula_bytes = exchange_formula_bytes(p);
    return report;
}

void add_measurements(const std::vector<Round>& rounds, BenchReport& report) {
    const auto samples = static_cast<double>(report.samples);
    const double operations = report.operations;
    const auto bytes = [](const Round& r) { return static_cast<double>(r.write_bytes); };
    report.rounds = static_cast<Index>(rounds.size());
    report.gemm_peak = over(rounds, [](const Round& r) { return r.gemm_peak; });
    report.features = over(rounds, [&](const Round& r) { return samples / r.features_seconds; });
    report.features_fraction = over(rounds, [&](const Round& r) {
        return report.features_operations / r.features_seconds / r.wide_gemm_peak;
    });
    report.exchange_seconds = over(rounds, [](const Round& r) { return r.exchange_seconds; });
    report.exchange_bytes = static_cast<double>(rounds.front().bytes_received) /
                            static_cast<double>(report.grid_rows * report.grid_columns);
    report.assembly = over(rounds, [&](const Round& r) { return operations / r.assembly_seconds; });
    report.assembly_fraction =
        over(rounds, [&](const Round& r) { return operations / r.assembly_seconds / r.gemm_peak; });
    report.assembly_without_writing =
        over(rounds, [&](const Round& r) { return operations / r.assembly_without_writing_seconds; });
    report.assembly_without_writing_fraction = over(rounds, [&](const Round& r) {
        return operations / r.assembly_without_writing_seconds / r.gemm_peak;
    });
    report.write_bytes = rounds.front().write_bytes;
    report.peak_memory = static_cast<Index>(rounds.front().peak_memory);  // later ones find a used heap
    report.tile_write = over(rounds, [&](const Round& r) { return bytes(r) / r.tile_write_seconds; });
    report.plain_write = over(rounds, [&](const Round& r) { return bytes(r) / r.plain_write_seconds; });
}

}  // namespace

int run_bench(const BenchOptions& options, const mpi::Communicator& world) {
    const auto log = make_log(world.is_root(), "info");
    const Bench bench = prepare(options, world, *log);
    std::vector<Round> rounds;
    for (Index k = 0; k < options.repeat; ++k) {
        log->info("round {} of {}", k + 1, options.repeat);
        rounds.push_back(with_precision(bench.problem.shape.precision,
                                        [&](auto number) { return measure_round<decltype(number)>(bench); }));
    }
    BenchReport report = describe(bench);
    add_measurements(rounds, report);
    if (world.is_root()) std::cout << (options.json ? to_json(report) : to_table(report)) << std::flush;
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
