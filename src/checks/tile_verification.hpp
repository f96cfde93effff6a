#pragma once
// One rank's reading of its tiles. Private to checks/verification.cpp, whose public header says what for.

#include "tangram/checks/verification.hpp"
#include "tangram/file/tile_file.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace tangram {

/// [matrix]: (tiles, tiles)
using Checksums = std::vector<std::vector<std::uint64_t>>;

/// The place of a tile among all tiles of all matrices, and what is wrong with it.
struct Fault {
    Index place = std::numeric_limits<Index>::max();
    std::string text;
};

/// What one rank, or one of its threads, found. Symmetry errors are absolute here.
struct Findings {
    std::vector<MatrixVerification> matrices;
    double sum_error = 0;
    Index tiles = 0;
    Index bytes = 0;
    Index bad_tiles = 0;
    Fault first;
};

/// What a rank's threads share.
struct TileReading {
    const KernelFile& kernel;
    const TileFile& file;
    const Checksums& checksums;
    bool has_sum = false;  ///< whether there are components
    double sum_limit = 0;
};

/// Verifies each tile (I, J), I >= J, and its mirror (J, I), in every matrix. What is found does not depend on
/// which thread finds it. Not collective. Throws Error(io).
Findings verify_pairs(const TileReading& reading, const std::vector<Tile>& tiles, int threads);

}  // namespace tangram
