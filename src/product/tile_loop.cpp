#include "tangram/product/tile_loop.hpp"

#include "tangram/support/stopwatch.hpp"

namespace tangram {

namespace {

/// Adds the seconds that `work` takes.
template <class Work>
void timed(double& seconds, Work work) {
    const Stopwatch watch;
    work();
    seconds += watch.seconds();
}

}  // namespace

template <class T>
TileLoopReport run_tile_loop(const TileLoopSetup& setup, const Distribution& distribution,
                             FeatureStore<T>& store, const TileSink<T>& sink,
                             const TileLoopControl& control) {
    const std::vector<Load> loads =
        make_schedule(distribution.axes, distribution.grid, distribution.tiles, store.panels().residency());
    const TileProblem<T> problem(setup.network, setup.reduction, setup.shape, store, setup.measuring);
    TileWorkspace<T> workspace(setup.shape, setup.network, setup.reduction, setup.threads, setup.measuring);
    Exchange<T> exchange(setup.world, distribution.grid, store.panels());
    std::size_t started = 0;
    const auto start = [&] {
        const Load& load = loads[started++];
        exchange.start(load.slice, load.area);
    };

    TileLoopReport report;
    timed(report.exchange_seconds, start);
    for (std::size_t k = 0; k < loads.size(); ++k) {
        timed(report.exchange_seconds, [&] {
            while (!exchange.progress() && control.go_on()) {
            }
        });
        if (!control.go_on()) break;
        const bool more = k + 1 < loads.size();
        const bool beside = more && loads[k + 1].fits_beside_previous;
        timed(report.assemble_seconds, [&] {
            if (beside) start();
            assemble<T>(problem, loads[k].tiles, workspace, sink, [&] {
                exchange.progress();
                return control.go_on();
            });
        });
        if (more && !beside && control.go_on()) timed(report.exchange_seconds, start);
    }
    timed(report.assemble_seconds, [&] { report.stopped = !control.all_done(); });
    if (report.stopped) {
        const auto last = static_cast<std::size_t>(mpi::maximum(setup.world, static_cast<double>(started)));
        exchange.wait();
        for (std::size_t k = started; k < last; ++k) {
            start();
            exchange.wait();
        }
    }
    report.bytes_received = exchange.bytes_received();
    return report;
}

template TileLoopReport run_tile_loop(const TileLoopSetup&, const Distribution&, FeatureStore<float>&,
                                      const TileSink<float>&, const TileLoopControl&);
template TileLoopReport run_tile_loop(const TileLoopSetup&, const Distribution&, FeatureStore<double>&,
                                      const TileSink<double>&, const TileLoopControl&);

}  // namespace tangram
