#include "tangram/support/block_cyclic.hpp"

#include "tangram/support/eigen_solver.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tangram;

TEST_CASE("every entry of a block-cyclic matrix is on one rank, in ascending order") {
    for (const Index n : {1, 5, 64, 100, 257}) {
        for (const Index block : {1, 2, 64}) {
            for (const int ranks : {1, 2, 3, 4, 6, 12}) {
                std::vector<int> owners(at(n * n), 0);
                for (int rank = 0; rank < ranks; ++rank) {
                    const BlockCyclic layout = make_block_cyclic(n, block, ranks, rank);
                    Index before = -1;
                    for (Index i = 0; i < layout.rows.local_extent(); ++i) {
                        CHECK(layout.rows.global(i) > before);
                        before = layout.rows.global(i);
                        for (Index j = 0; j < layout.cols.local_extent(); ++j)
                            ++owners[at(before * n + layout.cols.global(j))];
                    }
                }
                bool once = true;
                for (const int count : owners) once = once && count == 1;
                CHECK_MESSAGE(once, "n = ", n, ", blocks of ", block, ", ", ranks, " ranks");
            }
        }
    }
}

TEST_CASE("no rank of the solver is without a block") {
    for (const Index n : {1, 200, 257, 300, 1797, 5000}) {
        for (const int ranks : {1, 2, 3, 4, 5, 7, 16, 37, 64, 500}) {
            const int used = solver_ranks(n, ranks);
            REQUIRE(used >= 1);
            REQUIRE(used <= ranks);
            if (used == 1) continue;
            const BlockCyclic last = make_block_cyclic(n, 64, used, used - 1);
            CHECK_MESSAGE(last.local_size() > 0, n, " rows on ", used, " of ", ranks, " ranks");
        }
    }
}
