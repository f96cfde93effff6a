#pragma once
// A square matrix dealt out in square blocks, as ScaLAPACK and ELPA want it: block (I, J) on the process at row I mod r, column
// J mod c of an r x c grid; rank p = a c + b sits at row a, column b. Each process holds its entries as one column-major array.
//
//   n = 5, blocks of 2, 2 x 2 processes      process (0, 0) holds rows 0 1 4, columns 0 1 4
//     00 | 01 | 00                           process (0, 1) holds rows 0 1 4, columns 2 3
//     10 | 11 | 10                           process (1, 0) holds rows 2 3,   columns 0 1 4
//     00 | 01 | 00                           process (1, 1) holds rows 2 3,   columns 2 3
//
// Pure arithmetic, the same everywhere.

#include "tangram/support/matrix.hpp"

namespace tangram {

/// One axis: which of `extent` indices process `place` of `count` has.
struct CyclicAxis {
    Index extent = 0;
    Index block = 1;
    int count = 1;
    int place = 0;
    /// How many are here.
    [[nodiscard]] Index local_extent() const {
        const Index whole = extent / block;
        Index here = whole / count * block;
        const Index extra = whole % count;
        if (place < extra) here += block;
        if (place == extra) here += extent % block;
        return here;
    }
    /// Whether `index` is here.
    [[nodiscard]] bool has(Index index) const { return index / block % count == place; }
    /// Which one here `index` is, which is here.
    [[nodiscard]] Index local(Index index) const { return index / block / count * block + index % block; }
    /// Which one the k-th here is.
    [[nodiscard]] Index global(Index local) const {
        return (local / block * count + place) * block + local % block;
    }
};

struct BlockCyclic {
    CyclicAxis rows, cols;
    [[nodiscard]] Index local_size() const { return rows.local_extent() * cols.local_extent(); }
};

/// Calls work(global row, local index) for every entry of the diagonal that is here.
template <class Work>
void for_each_on_diagonal(const BlockCyclic& layout, Work work) {
    const Index rows = layout.rows.local_extent();
    for (Index j = 0; j < layout.cols.local_extent(); ++j) {
        const Index g = layout.cols.global(j);
        if (layout.rows.has(g)) work(g, layout.rows.local(g) + j * rows);
    }
}

/// The process at rank `rank` of `ranks`, which form the most square grid.
BlockCyclic make_block_cyclic(Index n, Index block, int ranks, int rank);

}  // namespace tangram
