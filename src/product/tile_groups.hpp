#pragma once
// Tiles in groups that share rows of J: what assembly.hpp says, where some step's rows of J are made in the tile loop (form
// `made`). They are made once for all tiles of a group, a block of parameters at a time:
//
//   for each step:    for each block b:   J of every panel of the group           H of every tile += J_I J_J^T
//                     total += its kernels, and its planes                        H (n_I R', n_J R')
//
// All threads are in the same phase: the panels' rows are shared out among them, then the tiles. A product has the shape
// of one tile and blocks are added in order, so that no bit depends on which tiles are in a group. Private to product/.

#include "tangram/support/threads.hpp"
#include "tile_planes.hpp"

#include <atomic>
#include <barrier>

namespace tangram {

/// Some samples of a panel.
struct GroupPart {
    Index panel = 0;  ///< place among the group's
    Index first = 0, count = 0;
};

struct TileGroup {
    std::vector<Tile> tiles;
    std::vector<Index> panels;     ///< their numbers, ascending
    std::vector<GroupPart> parts;  ///< of all of them, for the threads
    [[nodiscard]] Index place_of(Index number) const;
};

/// Tiles side by side, up to `side` panels along each axis.
std::vector<TileGroup> group_tiles(const Axes& axes, const std::vector<Tile>& tiles, Index side);

/// Threads that go from phase to phase together. One that fails leaves, and the others follow it.
class Phases {
public:
    explicit Phases(int threads) : barrier_(threads, Begin{this}) {}
    /// Of every thread: work(k) for k = 0 .. count - 1, each on one of them; work returns whether to go on. False: leave.
    template <class Work>
    bool share(std::size_t count, Work work) {
        for (std::size_t k = next_++; k < count && !broken_; k = next_++) {
            if (!work(k)) broken_ = true;
        }
        barrier_.arrive_and_wait();
        return !leave_;
    }
    /// Of a thread that failed on its way: it takes part no more.
    void drop_out() {
        broken_ = true;
        barrier_.arrive_and_drop();
    }
    /// Of any thread: no further group.
    void halt() { halt_ = true; }
    /// Whether halt() was called before the last phase began; the same on all threads.
    [[nodiscard]] bool halted() const { return halted_; }

private:
    /// Between two phases.
    struct Begin {
        Phases* phases;
        void operator()() noexcept {
            phases->next_ = 0;
            phases->leave_ = phases->broken_;
            phases->halted_ = phases->halt_;
        }
    };
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> broken_{false}, halt_{false};
    bool leave_ = false, halted_ = false;
    std::barrier<Begin> barrier_;
};

/// All planes of all tiles, on each of the threads; to be called by all.
template <class T>
void work_on_groups(const AssemblyContext<T>& context, const std::vector<TileGroup>& groups,
                    TileWorkspace<T>& workspace, int thread, Phases& phases, FirstFailure& failure);

}  // namespace tangram
