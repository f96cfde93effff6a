#pragma once
// Beginning an output, or going on with one that an earlier run left: any number of ranks, the same bits.
//
//                    on disk                              in memory of rank 0, 1, ..
//   BEFORE           OUT.h5.partial, journals of run G    nothing
//   read back        each tile that a journal names, by one of the ranks, against its checksum
//   AFTER            OUT.h5.partial, journals of run G+1  which tiles are done (all ranks), the checksums of those that
//                    (those of run G are gone)            it read (each rank)

#include "tangram/life/identity.hpp"
#include "tangram/life/journal.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/life/tile_writer.hpp"

namespace tangram {

enum class Beginning { afresh, resumed, finished };

/// What was found where the output is to be.
struct OutputState {
    Beginning beginning = Beginning::afresh;
    Index generation = 0;       ///< of the journals that this run writes
    JournalContents journal{};  ///< of those that are there, when resumed
};

/// Looks at what is there, and decides. One rank, which holds the lock. Throws Error(usage) naming the first field in
/// which it differs from `identity`, with both values, where the rules do not allow to replace it.
OutputState inspect_output(const OutputPaths& paths, const Shape& shape, const Identity& identity,
                           const OutputRules& rules, Log& log);

struct OpenedOutput {
    TileWriter writer;
    TileSet done;  ///< empty: none
};

/// What the partial file is to be.
struct OutputPlan {
    const OutputPaths& paths;
    const Shape& shape;
    const Identity& identity;
    const OutputState& state;  ///< only root's matters
    int threads = 1;           ///< that read tiles back
    const h5::MpiIoHints& hints;
};

/// Collective. Creates the partial file, or puts it back as it was and reads back the tiles that the journals name;
/// from then on the writer keeps a journal. Throws AgreedError.
OpenedOutput open_output(const mpi::Communicator& world, const OutputPlan& plan, Log& log);

}  // namespace tangram
