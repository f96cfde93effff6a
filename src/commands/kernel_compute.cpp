// From samples to tiles on disk: what `tangram kernel` spends its time on.

#include "kernel_tiles.hpp"
#include "tangram/commands/start_up.hpp"
#include "tangram/kernel/shard_features.hpp"
#include "tangram/support/agreement.hpp"

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

/// Collective. The tiles of this rank that are not done yet, into the partial file.
template <class T>
void compute_tiles(const Run& run, const TileSet& done, PanelStore<T>& store, TileWriter& writer,
                   Computed& computed) {
    const Inputs& inputs = run.inputs;
    const double per_entry = 2 * tile_operations(inputs.network, inputs.reduction, 1);
    run_tiles<T>(run, distribute(run.shape.panels, run.world.size(), run.world.rank(), done), per_entry,
                 writer, computed,
                 [&](const Distribution& remaining, const TileSink<T>& sink, const TileLoopControl& control) {
                     fault_point("exchange", run.world.rank());
                     const TileLoopReport loop =
                         run_tile_loop<T>(run.world, remaining, inputs.network, inputs.reduction,
                                          run.shape.matrices, store, run.threads, sink, control);
                     run.timer.add(Phase::exchange, loop.exchange_seconds);
                     run.timer.add(Phase::assemble, loop.assemble_seconds);
                     computed.bytes_received = loop.bytes_received;
                     return loop.stopped;
                 });
}

/// Collective. Features, exchange, tiles of the kernel.
template <class T>
void compute_kernel(const Run& run, const TileSet& done, TileWriter& writer, Computed& computed) {
    PanelStore<T> store(run.shape.panels, run.distribution.grid, run.world.rank(), run.inputs.network,
                        run.inputs.reduction, run.memory.residency);
    run.progress.begin("features");
    compute_shard(run, store, computed);
    run.log.info("features of {} samples in {:.2f} s", run.shape.samples, run.timer.seconds(Phase::features));
    computed.has_begun_tiles = true;
    compute_tiles(run, done, store, writer, computed);
}

/// Collective. All big arrays, into the partial file.
void compute_all(const Run& run, Computed& computed) {
    run.progress.begin("open");
    const h5::MpiIoHints hints = parse_hints(run.options.hints);
    OpenedOutput output =
        open_output(run.world, {run.paths, run.shape, run.identity, run.state, run.threads, hints}, run.log);
    if (run.world.is_root()) warn_of_one_server(run.paths.partial, run.log);
    TileWriter& writer = output.writer;
    fault_point("reserve", run.world.rank(), {}, run.paths.partial.c_str());
    const bool is_narrow = run.shape.precision == Precision::float32;
    if (run.shape.space() == Space::parameters) {
        compute_parameter_gram(run, output.done, writer, computed);
    } else if (is_narrow) {
        compute_kernel<float>(run, output.done, writer, computed);
    } else {
        compute_kernel<double>(run, output.done, writer, computed);
    }
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
        compute_all(run, computed);
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
