#include "tangram/output/entry_comparison.hpp"

#include "tangram/support/agreement.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

/// One tile of M and of OTHER.
struct TilePair {
    Matrix<double> expected, other;
};

class TilePairReader {
public:
    TilePairReader(const KernelFile& kernel, const TileFile& file, const OtherKernel& other,
                   const KernelModel& model)
        : kernel_(kernel), file_(file), other_(other), model_(model) {
        const Index side = kernel.shape.tile_rows(kernel.shape.matrices.back());
        if (kernel.shape.precision == Precision::float32) {
            singles_ = AlignedBuffer<float>(std::max(side * side, page_aligned_from));
        } else {
            doubles_ = AlignedBuffer<double>(std::max(side * side, page_aligned_from));
        }
    }
    TilePair read(const Tile& tile) const {
        const Index C = kernel_.shape.matrices.back().rows_per_sample;
        const Panels& panels = kernel_.shape.panels;
        TilePair pair{Matrix<double>(panels.size(tile.row) * C, panels.size(tile.column) * C),
                      Matrix<double>(panels.size(tile.row) * C, panels.size(tile.column) * C)};
        std::fill_n(pair.expected.data(), pair.expected.size(), model_.offset);
        for (std::size_t m = 0; m < model_.weights.size(); ++m) {
            if (model_.weights[m] == 0) continue;
            if (kernel_.shape.precision == Precision::float32)
                add(m, tile, singles_.data(), pair.expected);
            else
                add(m, tile, doubles_.data(), pair.expected);
        }
        other_.read(panels.begin(tile.row) * C, panels.begin(tile.column) * C, pair.other.view());
        return pair;
    }

private:
    template <class T>
    void add(std::size_t m, const Tile& tile, T* memory, Matrix<double>& sum) const {
        const ConstMatrixView<T> K = file_.read(m, tile, memory);
        for (Index i = 0; i < sum.rows(); ++i) {
            for (Index j = 0; j < sum.cols(); ++j)
                sum(i, j) += model_.weights[m] * static_cast<double>(K(i, j));
        }
    }
    const KernelFile& kernel_;
    const TileFile& file_;
    const OtherKernel& other_;
    const KernelModel& model_;
    AlignedBuffer<float> singles_;
    AlignedBuffer<double> doubles_;
};

/// What one tile has.
struct TileFinding {
    double largest = 0, largest_other = 0, worst = 0, squares = 0;
    Index row = 0, column = 0;
};

/// `first_row`, `first_column`: of the tile among kernel rows.
TileFinding look_at(const TilePair& pair, Index first_row, Index first_column, EntryComparison& sums) {
    TileFinding found;
    for (Index i = 0; i < pair.other.rows(); ++i) {
        for (Index j = 0; j < pair.other.cols(); ++j) {
            const double expected = pair.expected(i, j);
            const double other = pair.other(i, j);
            const double difference = std::abs(other - expected);
            found.largest = std::max(found.largest, std::abs(expected));
            found.largest_other = std::max(found.largest_other, std::abs(other));
            found.squares += difference * difference;
            sums.row_sums[at(first_row + i)] += expected;
            sums.row_sums_other[at(first_row + i)] += other;
            if (first_row + i == first_column + j) {
                sums.diagonal[at(first_row + i)] = expected;
                sums.diagonal_other[at(first_row + i)] = other;
            }
            if (difference > found.worst) {
                found.worst = difference;
                found.row = first_row + i;
                found.column = first_column + j;
            }
        }
    }
    return found;
}

}  // namespace

KernelModel as_it_is(const KernelShape& shape) {
    KernelModel model;
    model.weights.assign(shape.matrices.size(), 0);
    model.weights.back() = 1;
    return model;
}

EntryComparison compare_entries(const mpi::Communicator& world, const KernelFile& kernel,
                                const TileFile& file, const OtherKernel& other, const KernelModel& model,
                                double relative_limit) {
    const Panels& panels = kernel.shape.panels;
    const Index B = panels.count();
    const Index C = kernel.shape.matrices.back().rows_per_sample;
    EntryComparison found;
    const auto n = at(kernel.shape.rows(kernel.shape.matrices.back()));
    for (auto* sums : {&found.diagonal, &found.diagonal_other, &found.row_sums, &found.row_sums_other})
        sums->assign(n, 0);
    found.tiles = B * B;
    // [tile]: its worst difference, and where
    std::vector<double> worst(at(B * B), 0), rows(at(B * B), 0), columns(at(B * B), 0);
    agree(world, [&] {
        const TilePairReader reader(kernel, file, other, model);
        for (Index k = world.rank(); k < B * B; k += world.size()) {
            const Tile tile{k / B, k % B};
            const TileFinding tile_found =
                look_at(reader.read(tile), panels.begin(tile.row) * C, panels.begin(tile.column) * C, found);
            worst[at(k)] = tile_found.worst;
            rows[at(k)] = static_cast<double>(tile_found.row);
            columns[at(k)] = static_cast<double>(tile_found.column);
            found.largest = std::max(found.largest, tile_found.largest);
            found.largest_other = std::max(found.largest_other, tile_found.largest_other);
            found.mean_square += tile_found.squares;
        }
    });
    for (auto* sums : {&found.diagonal, &found.diagonal_other, &found.row_sums, &found.row_sums_other, &worst,
                       &rows, &columns})
        mpi::sum(world, std::span<double>(*sums));
    found.largest = mpi::maximum(world, found.largest);
    found.largest_other = mpi::maximum(world, found.largest_other);
    mpi::sum(world, std::span<double>(&found.mean_square, 1));
    found.mean_square /= static_cast<double>(n) * static_cast<double>(n);

    const auto place = std::max_element(worst.begin(), worst.end()) - worst.begin();
    found.worst = worst[at(place)];
    found.worst_tile = {place / B, place % B};
    found.worst_row = static_cast<Index>(rows[at(place)]);
    found.worst_column = static_cast<Index>(columns[at(place)]);
    const double limit = relative_limit * found.largest;
    for (const double off : worst) {
        if (off > limit)
            ++found.tiles_off;
        else
            found.worst_elsewhere = std::max(found.worst_elsewhere, off);
    }
    return found;
}

}  // namespace tangram
