#include "tangram/support/block_cyclic.hpp"

#include <cmath>

namespace tangram {

BlockCyclic make_block_cyclic(Index n, Index block, int ranks, int rank) {
    int rows = static_cast<int>(std::sqrt(static_cast<double>(ranks)));
    while (ranks % rows != 0) --rows;
    const int cols = ranks / rows;
    return {{n, block, rows, rank / cols}, {n, block, cols, rank % cols}};
}

}  // namespace tangram
