#pragma once
// What is the same while tiles of either space are computed: writing, notes in the journal, progress, and the ways to
// stop. Private to commands/kernel*.cpp.

#include "kernel_run.hpp"
#include "tangram/commands/job_pulse.hpp"
#include "tangram/kernel/tile_loop.hpp"
#include "tangram/output/tile_writer.hpp"
#include "tangram/support/fault.hpp"

#include <algorithm>
#include <chrono>

namespace tangram {

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
inline bool leave_all_but(std::int64_t limit, const mpi::Communicator& world, std::vector<Tile>& tiles) {
    const std::int64_t mine = limit / world.size() + (world.rank() < limit % world.size() ? 1 : 0);
    const auto left = std::max<std::int64_t>(0, static_cast<std::int64_t>(tiles.size()) - mine);
    tiles.resize(tiles.size() - at(left));
    return mpi::sum(world, left) > 0;
}

/// Collective. Lets `loop(remaining, sink, control)` compute the tiles that are left, an entry of which costs
/// `per_entry` operations; it returns whether the job stopped on the way.
template <class T, class Loop>
void run_tiles(const Run& run, Distribution remaining, double per_entry, TileWriter& writer,
               Computed& computed, Loop loop) {
    bool left_out = false;
    if (run.options.stop_after_tiles)
        left_out = leave_all_but(*run.options.stop_after_tiles, run.world, remaining.tiles);
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
    computed.stopped = loop(remaining, sink, control) || left_out;
}

}  // namespace tangram
