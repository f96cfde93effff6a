#include "tangram/kernel/tile_loop.hpp"

#include <chrono>

namespace tangram {

namespace {

/// Adds the seconds that `work` takes.
template <class Work>
void timed(double& seconds, Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

template <class T>
TileLoopReport run_tile_loop(const mpi::Communicator& world, const Distribution& distribution,
                             const Network& network, const Reduction& reduction,
                             const std::vector<KernelMatrix>& matrices, PanelStore<T>& store, int threads,
                             const TileSink<T>& sink, const TileLoopControl& control) {
    const std::vector<Step> steps =
        make_schedule(distribution.panels, distribution.grid, distribution.tiles, store.residency());
    const TileProblem<T> problem{network, reduction, matrices, store};
    TileWorkspace<T> workspace(distribution.panels, network, reduction, threads);
    Exchange<T> exchange(world, distribution.grid, store);
    std::size_t started = 0;
    const auto start = [&] {
        const Step& step = steps[started++];
        exchange.start(step.slice, step.area);
    };

    TileLoopReport report;
    timed(report.exchange_seconds, start);
    for (std::size_t k = 0; k < steps.size(); ++k) {
        timed(report.exchange_seconds, [&] {
            while (!exchange.progress() && control.go_on()) {
            }
        });
        if (!control.go_on()) break;
        const bool more = k + 1 < steps.size();
        const bool beside = more && steps[k + 1].fits_beside_previous;
        timed(report.assemble_seconds, [&] {
            if (beside) start();
            assemble<T>(problem, steps[k].tiles, workspace, sink, [&] {
                exchange.progress();
                return control.go_on();
            });
        });
        if (more && !beside && control.go_on()) timed(report.exchange_seconds, start);
    }
    timed(report.assemble_seconds, [&] { report.stopped = !control.all_done(); });
    if (report.stopped) {
        const auto last = static_cast<std::size_t>(mpi::maximum(world, static_cast<double>(started)));
        exchange.wait();
        for (std::size_t k = started; k < last; ++k) {
            start();
            exchange.wait();
        }
    }
    report.bytes_received = exchange.bytes_received();
    return report;
}

template TileLoopReport run_tile_loop(const mpi::Communicator&, const Distribution&, const Network&,
                                      const Reduction&, const std::vector<KernelMatrix>&, PanelStore<float>&,
                                      int, const TileSink<float>&, const TileLoopControl&);
template TileLoopReport run_tile_loop(const mpi::Communicator&, const Distribution&, const Network&,
                                      const Reduction&, const std::vector<KernelMatrix>&, PanelStore<double>&,
                                      int, const TileSink<double>&, const TileLoopControl&);

}  // namespace tangram
