#pragma once
// In which order modules follow each other, as far as their names and widths tell.
//
// A name is read as pieces of text and numbers: "blocks.10.fc2" is blocks. | 10 | .fc | 2. Where two names
// first differ in a number, the smaller one comes first: fc2 before fc10, blocks.0.up before blocks.1.down.
// Where they first differ in text (fc1, out) the names do not tell, and the widths must: in -> out of one
// module is in of the next.

#include "tangram/support/matrix.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tangram {

/// A module as its order sees it: W is (out, in).
struct ModuleWidths {
    std::string name;
    Index in = 0;
    Index out = 0;
};

/// Whether the names settle that `a` comes before `b`.
bool precedes(std::string_view a, std::string_view b);

/// A total order that agrees with precedes(), text by its bytes.
bool natural_less(std::string_view a, std::string_view b);

struct OrderSearch {
    /// Positions in `modules`, first layer first: none where nothing chains, two where the order is open.
    std::vector<std::vector<std::size_t>> orders;
    std::vector<std::size_t> longest;  ///< the longest chain that was met
    bool settled_by_names = false;     ///< the names alone give the order, which chains or not
    bool exhausted = false;            ///< the search was given up
};

/// The orders that names allow and widths chain, up to two of them.
OrderSearch find_orders(std::span<const ModuleWidths> modules);

}  // namespace tangram
