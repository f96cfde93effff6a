#pragma once
// In which order the features of other ranks pass through a rank that has no memory for all of them: pure
// arithmetic, the same on every rank.
//
//   Every shard is cut into q slices; gathering slice k brings slice k of the row panels of all shards in this rank's
//   grid row and of the column panels of all shards in its grid column. A tile needs the slices of both of its
//   panels. In memory are the rank's own shard, always, and areas for slices:
//
//     a resident areas        hold slices for one pass:          pass 0: 0 .. a-1     pass 1: a .. 2a-1     ..
//     2 areas of passage      take the later slices in turn: one is computed with while the other is filled
//
//     pass 0   load 0, load 1, .., load a-1      tiles among them, as they come
//              load a | load a+1 | .. | load q-1  tiles of each against the residents
//     pass 1   load a, ..                         the same for the next residents
//
//   a = q: everything stays, and every slice travels once. Otherwise slice k travels once in every pass up to its
//   own: about (q/a + 1) / 2 times the bytes.

#include "tangram/grid/partition.hpp"

#include <vector>

namespace tangram {

struct Residency {
    Index slices = 1;    ///< q
    Index resident = 1;  ///< a <= q
    [[nodiscard]] bool holds_everything() const { return resident == slices; }
    /// Areas for one slice each.
    [[nodiscard]] Index areas() const { return holds_everything() ? slices : resident + 2; }
    bool operator==(const Residency&) const = default;
};

/// The panels of one slice of a shard's run; may be empty.
PanelRange slice_of_shard(const PanelRange& shard, Index slices, Index slice);

/// The slice that a panel of the shard's run is in.
Index slice_of_panel(const PanelRange& shard, Index slices, Index panel);

/// The panels of other ranks that one slice brings to a rank, by number: those of its grid row, then of its grid column.
std::vector<PanelRange> gathered_panels(const Axes& axes, const Grid& grid, int rank, Index slices,
                                        Index slice);

/// One slice to gather, and what can be computed once it is there.
struct Load {
    Index slice = 0;
    Index area = 0;
    bool fits_beside_previous = false;  ///< whether it may be gathered while the load before is computed
    std::vector<Tile> tiles;
};

/// The loads of one rank, each of its tiles in one of them. All ranks have the same slices in the same order.
std::vector<Load> make_schedule(const Axes& axes, const Grid& grid, const std::vector<Tile>& tiles,
                                const Residency& residency);

/// Panels of a rank's own shard.
Index panels_owned(const Axes& axes, const Grid& grid, int rank);
/// Panels that a rank has room for: its own and those in the areas.
Index panels_held(const Axes& axes, const Grid& grid, int rank, const Residency& residency);
/// The same of the rank with the most.
Index most_panels_held(const Axes& axes, const Grid& grid, const Residency& residency);
/// The most panels of other ranks that one slice brings.
Index panels_in_area(const Axes& axes, const Grid& grid, int rank, const Residency& residency);
/// Panels that a rank receives in all steps.
Index panels_received(const Axes& axes, const Grid& grid, int rank, const Residency& residency);

/// The residency that moves the fewest bytes while no rank holds more than `room` panels; resident = 0 if there
/// is none.
Residency choose_residency(const Axes& axes, const Grid& grid, Index room);

}  // namespace tangram
