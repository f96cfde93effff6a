// From samples to tiles on disk: what `tangram kernel` spends its time on.

#include "kernel_run.hpp"
#include "tangram/commands/job_pulse.hpp"
#include "tangram/commands/start_up.hpp"
#include "tangram/kernel/shard_features.hpp"
#include "tangram/kernel/tile_loop.hpp"
#include "tangram/output/tile_writer.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/fault.hpp"

#include <chrono>
#include <cstdio>

namespace tangram {

namespace {

/// Collective. Reads the shard, with the outputs that the user expects of it, and computes its features into
/// the store.
template <class T>
void compute_shard(const Run& run, PanelStore<T>& store, Computed& computed) {
    const PanelRange& samples = run.distribution.shard_samples;
    const Inputs& inputs = run.inputs;
    Matrix<double> X;
    agree(run.world, [&] {
        const auto timed = run.timer.measure(Phase::read);
        X = Matrix<double>(samples.size(), inputs.network.inputs());
        computed.outputs = Matrix<double>(samples.size(), inputs.network.outputs());
        if (!run.options.expected_outputs.empty()) {
            computed.expected.emplace();
            computed.expected->values = Matrix<double>(samples.size(), inputs.network.outputs());
        }
        fault_point("read", run.world.rank());
        if (samples.size() == 0) return;
        read_samples(run.options.samples, inputs.selection, samples.begin, X.view());
        if (computed.expected) {
            computed.expected->is_narrow =
                read_expected_outputs(run.options.expected_outputs, inputs.selection, samples.begin,
                                      computed.expected->values.view());
        }
    });
    fault_point("features", run.world.rank(), {X.data(), at(X.size())});
    agree(run.world, [&] {
        const auto timed = run.timer.measure(Phase::features);
        naming_inputs(run.options, inputs.selection, [&] {
            compute_shard_features(inputs.network, inputs.reduction, run.distribution.shard,
                                   std::as_const(X).view(), run.threads, store, computed.outputs.view());
        });
    });
}

/// Notes what is on disk every so many seconds, and once more as soon as a stop was requested: SIGTERM leaves a second.
class Checkpoints {
public:
    Checkpoints(TileWriter& writer, const StopRequest& stop, double seconds)
        : writer_(writer), stop_(stop), interval_(seconds), last_(Clock::now()) {}
    void take_if_due() {
        const bool stopping = !stop_seen_ && stop_.is_made();
        stop_seen_ = stop_seen_ || stopping;
        if (!stopping && Clock::now() - last_ < interval_) return;
        writer_.checkpoint();
        last_ = Clock::now();
    }

private:
    using Clock = std::chrono::steady_clock;
    TileWriter& writer_;
    const StopRequest& stop_;
    std::chrono::duration<double> interval_;
    Clock::time_point last_;
    bool stop_seen_ = false;
};

/// This rank's part of the `limit` tiles after which a test lets the job stop. Returns whether any rank leaves tiles.
bool leave_all_but(std::int64_t limit, const mpi::Communicator& world, std::vector<Tile>& tiles) {
    const std::int64_t mine = limit / world.size() + (world.rank() < limit % world.size() ? 1 : 0);
    const auto left = std::max<std::int64_t>(0, static_cast<std::int64_t>(tiles.size()) - mine);
    tiles.resize(tiles.size() - at(left));
    return mpi::sum(world, left) > 0;
}

/// Collective. The tiles of this rank that are not done yet, into the partial file.
template <class T>
void compute_tiles(const Run& run, const TileSet& done, PanelStore<T>& store, TileWriter& writer,
                   Computed& computed) {
    const Inputs& inputs = run.inputs;
    Distribution remaining = distribute(run.shape.panels, run.world.size(), run.world.rank(), done);
    bool left_out = false;
    if (run.options.stop_after_tiles)
        left_out = leave_all_but(*run.options.stop_after_tiles, run.world, remaining.tiles);
    const double per_entry = 2 * tile_operations(inputs.network, inputs.reduction, 1);
    double entries = 0;
    for (const Tile& tile : remaining.tiles)
        entries += static_cast<double>(tile_work(run.shape.panels, tile));
    const Index tiles = mpi::sum(run.world, static_cast<Index>(remaining.tiles.size()));
    run.progress.begin(phase_names[static_cast<std::size_t>(Phase::assemble)], tiles,
                       per_entry * static_cast<double>(mpi::sum(run.world, static_cast<Index>(entries))));
    JobPulse pulse(run.world, run.progress, run.stop, per_entry);
    Checkpoints checkpoints(writer, run.stop, run.options.checkpoint_seconds);
    const auto last = static_cast<Index>(run.shape.matrices.size()) - 1;
    const TileSink<T> sink = [&](const FinishedPlane<T>& plane) {
        fault_point("assemble", run.world.rank());
        writer.write(plane);
        const bool completes_tile = plane.matrix == last && plane.block.row >= plane.block.column;
        if (completes_tile) pulse.count(run.shape.panels, plane.block);
    };
    const TileLoopControl control{[&] {
                                      checkpoints.take_if_due();
                                      return pulse.beat();
                                  },
                                  [&] { return pulse.all_done(); }};
    fault_point("exchange", run.world.rank());
    const TileLoopReport loop = run_tile_loop<T>(run.world, remaining, inputs.network, inputs.reduction,
                                                 run.shape.matrices, store, run.threads, sink, control);
    run.timer.add(Phase::exchange, loop.exchange_seconds);
    run.timer.add(Phase::assemble, loop.assemble_seconds);
    computed.bytes_received = loop.bytes_received;
    computed.stopped = loop.stopped || left_out;
}

/// Collective. Features, exchange, tiles: all big arrays, into the partial file.
template <class T>
void compute_in(const Run& run, Computed& computed) {
    const Inputs& inputs = run.inputs;
    run.progress.begin("open");
    const h5::MpiIoHints hints = parse_hints(run.options.hints);
    OpenedOutput output =
        open_output(run.world, {run.paths, run.shape, run.identity, run.state, run.threads, hints}, run.log);
    if (run.world.is_root()) warn_of_one_server(run.paths.partial, run.log);
    TileWriter& writer = output.writer;
    fault_point("reserve", run.world.rank(), {}, run.paths.partial.c_str());
    PanelStore<T> store(run.shape.panels, run.distribution.grid, run.world.rank(), inputs.network,
                        inputs.reduction, run.memory.residency);
    run.progress.begin("features");
    compute_shard(run, store, computed);
    run.log.info("features of {} samples in {:.2f} s", run.shape.panels.samples,
                 run.timer.seconds(Phase::features));
    computed.has_begun_tiles = true;
    compute_tiles(run, output.done, store, writer, computed);
    run.progress.begin("write");
    const auto timed = run.timer.measure(Phase::write);
    agree(run.world, [&] {
        writer.checkpoint();
        fault_point("write", run.world.rank());
        writer.write_outputs(run.distribution.shard_samples.begin, std::as_const(computed.outputs).view());
        writer.sync();
    });
    computed.tiles_on_disk = mpi::sum(run.world, writer.tiles_whole());
    computed.checksums = std::move(writer.checksums());
    computed.bytes_written = writer.bytes_written();
}

}  // namespace

Computed compute(const Run& run) {
    Computed computed;
    const auto remove_output = [&] {
        if (run.state.beginning != Beginning::afresh) return;
        std::remove(run.paths.partial.c_str());
        remove_journals(run.paths, run.state.generation + 1);
    };
    try {
        if (run.shape.precision == Precision::float32) compute_in<float>(run, computed);
        if (run.shape.precision == Precision::float64) compute_in<double>(run, computed);
    } catch (const AgreedError&) {
        if (run.world.is_root()) {
            if (!computed.has_begun_tiles) remove_output();
            run.lock.remove();
        }
        throw;
    } catch (const Error& error) {
        if (error.code() == ExitCode::bad_input) remove_output();
        throw;
    }
    return computed;
}

}  // namespace tangram
