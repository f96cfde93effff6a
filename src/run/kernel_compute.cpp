// From samples to tiles on disk: what `tangram kernel` spends its time on. The product computes; here is what the run adds:
// reading, naming of samples, writing, notes in the journal, progress, and the ways to stop.

#include "checkpoints.hpp"
#include "tangram/life/sums_record.hpp"
#include "tangram/run/job_pulse.hpp"
#include "tangram/run/kernel_run.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/fault.hpp"
#include "tangram/support/hash.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

namespace tangram {

namespace {

/// A run while it computes.
struct Computing {
    const Run& run;
    TileWriter& writer;
    Computed& computed;
    std::optional<JobPulse> pulse{};
    std::optional<Checkpoints> checkpoints{};
    std::vector<std::optional<Index>> in_file{};  ///< [matrix that is made]
    bool tiles_left_out = false;                  ///< by --stop-after-tiles

    [[nodiscard]] ComputedSet& set(SetOfSamples which) const {
        return which == SetOfSamples::test ? *computed.test : computed.samples;
    }
};

std::uint64_t hash_of(const double* sample, Index width) {
    return checksum(std::string_view(reinterpret_cast<const char*>(sample), at(width) * sizeof(double)));
}

/// Hashes of this rank's samples; read by and by where the product did not ask for all of them at once.
void hash_samples(const InputSet& set, const PanelRange& samples, ConstMatrixView<double> X,
                  std::vector<std::uint64_t>& hashes) {
    constexpr Index at_once = 256;
    hashes.clear();
    Matrix<double> part;
    for (Index first = 0; first < samples.size(); first += at_once) {
        const Index n = std::min(at_once, samples.size() - first);
        ConstMatrixView<double> rows;
        if (X.data != nullptr) {
            rows = X.row_block(first, n);
        } else {
            part = Matrix<double>(n, set.selection.width);
            read_samples(set.options, set.selection, samples.begin + first, part.view());
            rows = std::as_const(part).view();
        }
        for (Index i = 0; i < n; ++i) hashes.push_back(hash_of(rows.row(i), rows.cols));
    }
}

/// What the run wants of this rank's samples of a set, beside X where the product wants that.
void read_set(Computing& c, SetOfSamples which, const PanelRange& samples, MatrixView<double> X) {
    const auto timed = c.run.context.timer.measure(Phase::read);
    const InputSet& set = c.run.inputs.set(which);
    if (which == SetOfSamples::test) c.computed.test.emplace();
    ComputedSet& computed = c.set(which);
    computed.samples = samples;
    const Index outputs = c.run.inputs.network.outputs();
    if (!set.expected_location.empty()) {
        computed.expected.emplace();
        computed.expected->values = Matrix<double>(samples.size(), outputs);
    }
    if (samples.size() == 0) return;
    if (X.data != nullptr) read_samples(set.options, set.selection, samples.begin, X);
    hash_samples(set, samples, X, computed.hashes);
    if (computed.expected) {
        computed.expected->is_narrow = read_expected_outputs(set.expected_location, set.selection,
                                                             samples.begin, computed.expected->values.view());
    }
}

/// Collective. Leaves this rank its part of the first `limit` tiles: a test lets the job stop there. Returns whether any rank has others.
bool keep_first_tiles(std::int64_t limit, const mpi::Communicator& world, std::vector<Tile>& tiles) {
    const std::int64_t mine = limit / world.size() + (world.rank() < limit % world.size() ? 1 : 0);
    const auto left = std::max<std::int64_t>(0, static_cast<std::int64_t>(tiles.size()) - mine);
    tiles.resize(tiles.size() - at(left));
    return mpi::sum(world, left) > 0;
}

/// [matrix that is made]: which one of the file it is; none where it is not stored.
std::vector<std::optional<Index>> places_in_file(const Run& run) {
    std::vector<std::optional<Index>> places(run.made.matrices.size());
    for (std::size_t m = 0; m < places.size() && run.shape.stored; ++m) {
        for (std::size_t f = 0; f < run.shape.matrices.size(); ++f) {
            if (run.shape.matrices[f].path == run.made.matrices[m].path) places[m] = static_cast<Index>(f);
        }
    }
    return places;
}

template <class T>
void write_plane(Computing& c, const FinishedPlane<T>& plane) {
    const std::optional<Index> place = c.in_file[at(plane.matrix)];
    if (!place) return;
    FinishedPlane<T> stored = plane;
    stored.matrix = *place;
    c.writer.write(stored);
}

/// Tiles first, so that no tile is in the sums and not on disk.
void take_checkpoint(Computing& c) {
    c.writer.checkpoint();
    if (!c.computed.sums) return;
    const Run& run = c.run;
    write_sums_record(run.paths.sums(run.state.generation, run.world().rank()), to_json(run.identity),
                      c.computed.sums->to_bytes());
}

/// Collective. What ranks of earlier runs had added up, taken by rank 0 and on disk again as this run's; every rank then knows which
/// planes are in.
void adopt_sums(Computing& c) {
    const Run& run = c.run;
    const mpi::Communicator& world = run.world();
    MeasureSums& sums = *c.computed.sums;
    agree_on_root(world, [&] {
        std::vector<JournalFile> records = list_sums(run.paths);
        std::stable_sort(records.begin(), records.end(), [](const JournalFile& a, const JournalFile& b) {
            return a.generation > b.generation;
        });
        for (const JournalFile& record : records) {
            if (run.state.beginning != Beginning::resumed) break;
            if (const auto bytes = read_sums_record(record.path, to_json(run.identity))) sums.adopt(*bytes);
        }
        take_checkpoint(c);
        remove_sums(run.paths, run.state.generation);
    });
    sums.share_planes(world);
    if (run.shape.stored || run.state.beginning != Beginning::resumed) return;
    const TileSet done = sums.tiles_done(world);
    run.context.log.info("resumed: {} of {} tiles are in the measures",
                         std::count(done.begin(), done.end(), true), done.size());
}

/// Collective. Tiles that need not be made again: on disk where they are stored, and in the sums where something is measured. Neighbours of
/// tiles that are nowhere stored must be looked for again.
TileSet tiles_done(const Computing& c, const TileSet& on_disk) {
    const Run& run = c.run;
    if (!c.computed.sums) return on_disk;
    TileSet done = c.computed.sums->tiles_done(run.world());
    if (!run.shape.stored) return c.computed.neighbours ? TileSet{} : done;
    for (std::size_t k = 0; k < done.size(); ++k) done[k] = done[k] && k < on_disk.size() && on_disk[k];
    return done;
}

/// Collective. Where the planes of these tiles go, and what may end their loop.
TileWork begin_tiles(Computing& c, std::vector<Tile>& tiles, double operations_per_entry) {
    const RunContext& context = c.run.context;
    const Shape& shape = c.run.made;
    if (context.options.stop_after_tiles)
        c.tiles_left_out = keep_first_tiles(*context.options.stop_after_tiles, context.world, tiles);
    Index entries = 0;
    for (const Tile& tile : tiles) entries += shape.axes.work(tile);
    const Index count = mpi::sum(context.world, static_cast<Index>(tiles.size()));
    context.progress.begin(phase_names[static_cast<std::size_t>(Phase::assemble)], count,
                           operations_per_entry * static_cast<double>(mpi::sum(context.world, entries)));
    c.pulse.emplace(context.world, context.progress, context.stop);
    c.checkpoints.emplace([&c] { take_checkpoint(c); }, context.stop, context.options.checkpoint_seconds);
    const auto last = static_cast<Index>(shape.total_index());
    const auto take = [&c, &shape, last, operations_per_entry](const auto& plane) {
        fault_point("assemble", c.run.world().rank());
        write_plane(c, plane);
        if (c.computed.sums && plane.record != nullptr)
            c.computed.sums->take(plane.matrix, plane.block, plane.record);
        if (c.computed.neighbours && plane.matrix == last) c.computed.neighbours->take(plane);
        const bool completes_tile = plane.matrix == last && shape.axes.computed(plane.block) == plane.block;
        if (completes_tile)
            c.pulse->count(operations_per_entry * static_cast<double>(shape.axes.work(plane.block)));
    };
    return {{take, take},
            {[&c] {
                 c.checkpoints->take_if_due();
                 return c.pulse->beat();
             },
             [&c] { return c.pulse->all_done(); }}};
}

/// Collective.
Index tiles_kept(const Computing& c) {
    if (c.run.shape.stored) return mpi::sum(c.run.world(), c.writer.tiles_whole());
    if (!c.computed.sums || c.computed.neighbours) return 0;
    const TileSet done = c.computed.sums->tiles_done(c.run.world());
    return std::count(done.begin(), done.end(), true);
}

/// The total's blocks of tiles that an earlier run wrote, read back: each by one rank.
void take_neighbours_of(const Run& run, const TileFile& file, const TileSet& done, Neighbours& neighbours) {
    const Shape& shape = run.shape;
    const Index R = shape.total().rows_each;
    with_precision(shape.precision, [&](auto number) {
        using T = decltype(number);
        const AlignedBuffer<T> memory(std::max(shape.tile_entries(), page_aligned_from));
        const auto take = [&](const Tile& block) {
            neighbours.take(FinishedPlane<T>{static_cast<Index>(shape.total_index()), block,
                                             shape.axes.row.begin(block.row) * R,
                                             shape.axes.column.begin(block.column) * R,
                                             file.read(shape.total_index(), block, memory.data())});
        };
        Index mine = run.world().rank();
        for (const Tile& tile : shape.axes.all()) {
            if (!done[at(shape.axes.index_of(tile))] || mine++ % run.world().size() != 0) continue;
            take(tile);
            if (shape.axes.is_mirrored(tile)) take(mirror_of(tile));
        }
    });
}

ComputeHooks hooks_of(Computing& c) {
    const Run& run = c.run;
    ComputeHooks hooks;
    hooks.read = [&c](SetOfSamples which, const PanelRange& samples, MatrixView<double> X) {
        read_set(c, which, samples, X);
    };
    hooks.name_samples = [&run](SetOfSamples which, const std::function<void()>& work) {
        naming_samples(source_of_gradients(run.context.options), run.inputs.set(which), work);
    };
    hooks.take_outputs = [&c](SetOfSamples which, const PanelRange&, ConstMatrixView<double> outputs) {
        Matrix<double>& own = c.set(which).outputs;
        own = Matrix<double>(outputs.rows, outputs.cols);
        std::copy_n(outputs.data, own.size(), own.data());
    };
    hooks.take_diagonals = [&c](const PanelRange&, std::vector<Matrix<double>> diagonals) {
        c.computed.diagonals = std::move(diagonals);
    };
    hooks.features_done = [&c](double seconds) {
        const Problem& problem = c.run.problem;
        const Index samples = problem.samples.count + (problem.test ? problem.test->count : 0);
        c.run.context.log.info("features of {} samples in {:.2f} s", samples, seconds);
        c.computed.has_begun_tiles = true;
    };
    hooks.begin_tiles = [&c](std::vector<Tile>& tiles, double operations_per_entry) {
        return begin_tiles(c, tiles, operations_per_entry);
    };
    hooks.refuse_overflow = [&run](const std::string& parameter) {
        const bool is_narrow = run.shape.precision == Precision::float32;
        fail(ExitCode::bad_input, "J^T J overflows {} at {} ({}, {}): use {}smaller samples or weights",
             to_string(run.shape.precision), parameter, source_of_gradients(run.context.options),
             data_text(run.inputs.samples.options), is_narrow ? "--precision float64, or " : "");
    };
    return hooks;
}

/// Collective. All big arrays, into the partial file.
void compute_all(const Run& run, OpenedOutput& output, Computed& computed) {
    const RunContext& context = run.context;
    Computing computing{run, output.writer, computed};
    computing.in_file = places_in_file(run);
    agree(context.world, [&] {
        if (run.measuring) computed.sums.emplace(*run.measuring);
        if (context.options.top_neighbours)
            computed.neighbours.emplace(run.shape, *context.options.top_neighbours);
    });
    if (computed.sums) adopt_sums(computing);
    const TileSet done = tiles_done(computing, output.done);
    if (computed.neighbours && !done.empty() && run.shape.stored) {
        agree(context.world,
              [&] { take_neighbours_of(run, output.writer.file(), done, *computed.neighbours); });
    }
    context.progress.begin("features");
    const TileLoopReport loop = run.product.compute(
        {context.world, run.problem, run.made, run.memory, run.threads, done, hooks_of(computing),
         &computed.features, run.measuring ? &*run.measuring : nullptr});
    context.timer.add(Phase::features, loop.features_seconds);
    context.timer.add(Phase::exchange, loop.exchange_seconds);
    context.timer.add(Phase::assemble, loop.assemble_seconds);
    computed.bytes_received = loop.bytes_received;
    computed.stopped = loop.stopped || computing.tiles_left_out;

    context.progress.begin("write");
    const auto timed = context.timer.measure(Phase::write);
    TileWriter& writer = output.writer;
    agree(context.world, [&] {
        take_checkpoint(computing);
        fault_point("write", context.world.rank());
        for (const StoredArray& array : run.shape.arrays) {
            const ComputedSet& set = array.path == test_outputs_path ? *computed.test : computed.samples;
            writer.write_rows(array.path, set.samples.begin, set.outputs.view());
        }
        writer.sync();
    });
    computed.tiles_kept = tiles_kept(computing);
    if (!computed.stopped) {
        if (computed.neighbours) computed.neighbours->merge(context.world);
        if (computed.sums) computed.sums->merge(context.world);
    }
    computed.checksums = std::move(writer.checksums());
    computed.bytes_written = writer.bytes_written();
}

}  // namespace

Computed compute(const Run& run, OpenedOutput& output) {
    Computed computed;
    try {
        compute_all(run, output, computed);
    } catch (const AgreedError&) {
        if (run.world().is_root()) {
            if (!computed.has_begun_tiles) remove_begun(run);
            run.lock.remove();
        }
        throw;
    } catch (const Error& error) {
        if (error.code() == ExitCode::bad_input) remove_begun(run);
        throw;
    }
    return computed;
}

void remove_begun(const Run& run) {
    if (run.state.beginning != Beginning::afresh) return;
    std::remove(run.paths.partial.c_str());
    remove_journals(run.paths, run.state.generation + 1);  // this run's: a new generation
    remove_sums(run.paths, run.state.generation + 1);
}

}  // namespace tangram
