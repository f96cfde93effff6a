#pragma once
// The sums of all blocks of a rank, and of all ranks: what product/measuring.hpp makes of each block, added up in double-double, so that
// they are the same to all digits of float64 whoever computed which tile, in which order, with which stops in between.
//
//            rank 0             rank 1                                rank 0              rank 1
//   BEFORE   sums of planes     sums of its own       AFTER merge()   sums of all         as before
//            that it made
//
// A plane counts once: which ones are in, the sums know. A mirrored tile of a symmetric matrix is one plane, and counts twice.
//
// Memory a rank: 8 (5 R + 4) bytes a row and matrix, twice while ranks are merged.

#include "tangram/product/measuring.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tangram {

/// Of one matrix.
struct MatrixSums {
    std::vector<DoubleDouble> row_sums;         ///< (rows, R)
    std::vector<DoubleDouble> products, sizes;  ///< (rows): K v and |K| 1
    std::vector<double> own;                    ///< (rows, R), of symmetric ones
    std::vector<DoubleDouble> classes;          ///< (classes of rows, classes of columns)
    ScaledSum squares, aligned;
    double largest = 0;
};

class MeasureSums {
public:
    /// `measuring` must stay.
    explicit MeasureSums(const Measuring& measuring);

    /// What a plane brings, unless it is in already.
    void take(Index matrix, const Tile& block, const double* record);
    /// Collective. Root leaves with the sums of all ranks. Throws Error(failed) where a plane is missing.
    void merge(const mpi::Communicator& world);

    /// As bytes, for a run that goes on later.
    [[nodiscard]] std::string to_bytes() const;
    /// Adds what a rank of an earlier run had, unless some of its planes are in already. Returns whether it did.
    bool adopt(std::string_view bytes);
    /// Collective. Tiles all of whose planes are in, of any rank.
    [[nodiscard]] TileSet tiles_done(const mpi::Communicator& world) const;
    /// Collective. From what all ranks adopted: which planes need not be taken any more.
    void share_planes(const mpi::Communicator& world);

    [[nodiscard]] const Measuring& measuring() const { return *measuring_; }
    [[nodiscard]] const MatrixSums& of(Index place) const { return matrices_[at(place)]; }
    [[nodiscard]] const std::vector<ScaledSum>& grams() const { return grams_; }
    [[nodiscard]] const std::vector<ScaledSum>& differences() const { return differences_; }

private:
    void add_block(const BlockRecord& record, const Tile& block, MatrixSums& sums) const;
    void add(const MeasureSums& other);
    [[nodiscard]] std::size_t plane_of(const Tile& block, Index place) const;

    const Measuring* measuring_;
    std::vector<MatrixSums> matrices_;  ///< [measured]
    std::vector<ScaledSum> grams_, differences_;
    std::vector<std::uint64_t> planes_;  ///< bits of those in these sums, tile by tile
    std::vector<std::uint64_t> known_;   ///< and in those of other ranks' earlier records
};

/// Bytes that a rank takes, while ranks are merged too.
Index measure_sums_bytes(const Measuring& measuring);

}  // namespace tangram
