#include "tangram/compare/entry_comparison.hpp"

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
    TilePairReader(const ComparedFiles& files, const KernelModel& model) : files_(files), model_(model) {
        const Shape& shape = files.kernel.shape;
        const Index values = std::max(shape.tile_entries(), page_aligned_from);
        if (shape.precision == Precision::float32) {
            singles_ = AlignedBuffer<float>(values);
        } else {
            doubles_ = AlignedBuffer<double>(values);
        }
    }
    TilePair read(const Tile& tile) const {
        const Shape& shape = files_.kernel.shape;
        const Index C = shape.total().rows_each;
        const Axes& axes = shape.axes;
        const Index rows = axes.row.size(tile.row) * C;
        const Index columns = axes.column.size(tile.column) * C;
        TilePair pair{Matrix<double>(rows, columns), Matrix<double>(rows, columns)};
        std::fill_n(pair.expected.data(), pair.expected.size(), model_.offset);
        if (axes.is_diagonal(tile)) {
            for (Index i = 0; i < pair.expected.rows(); ++i) pair.expected(i, i) += model_.ridge;
        }
        for (std::size_t m = 0; m < model_.weights.size(); ++m) {
            if (model_.weights[m] == 0) continue;
            if (shape.precision == Precision::float32)
                add(m, tile, singles_.data(), pair.expected);
            else
                add(m, tile, doubles_.data(), pair.expected);
        }
        files_.other.read(axes.row.begin(tile.row) * C, axes.column.begin(tile.column) * C,
                          pair.other.view());
        return pair;
    }

private:
    template <class T>
    void add(std::size_t m, const Tile& tile, T* memory, Matrix<double>& sum) const {
        const ConstMatrixView<T> K = files_.file.read(m, tile, memory);
        for (Index i = 0; i < sum.rows(); ++i) {
            for (Index j = 0; j < sum.cols(); ++j)
                sum(i, j) += model_.weights[m] * static_cast<double>(K(i, j));
        }
    }
    const ComparedFiles& files_;
    const KernelModel& model_;
    AlignedBuffer<float> singles_;
    AlignedBuffer<double> doubles_;
};

/// What one tile has.
struct TileFinding {
    double largest = 0, largest_other = 0, worst = 0, squares = 0;
    Index row = 0, column = 0;
};

void add(MatrixSums& sums, Index row, Index column, double entry) {
    sums.rows.sum[at(row)] += entry;
    sums.rows.square[at(row)] += entry * entry;
    sums.columns.sum[at(column)] += entry;
    sums.columns.square[at(column)] += entry * entry;
    if (row == column && !sums.diagonal.empty()) sums.diagonal[at(row)] = entry;
}

MatrixSums no_sums(const Shape& shape) {
    const std::vector<double> rows(at(shape.rows(shape.total())), 0);
    const std::vector<double> columns(at(shape.columns(shape.total())), 0);
    return {{rows, rows}, {columns, columns}, shape.axes.symmetric ? rows : std::vector<double>{}};
}

void sum_over_ranks(const mpi::Communicator& world, MatrixSums& sums) {
    for (auto* part :
         {&sums.rows.sum, &sums.rows.square, &sums.columns.sum, &sums.columns.square, &sums.diagonal})
        mpi::sum(world, std::span<double>(*part));
}

/// `first_row`, `first_column`: of the tile among kernel rows.
TileFinding look_at(const TilePair& pair, Index first_row, Index first_column, EntryComparison& sums) {
    TileFinding found;
    for (Index i = 0; i < pair.other.rows(); ++i) {
        for (Index j = 0; j < pair.other.cols(); ++j) {
            const double expected = pair.expected(i, j);
            const double other = pair.other(i, j);
            if (is_absent(other)) continue;
            const double difference = std::abs(other - expected);
            found.largest = std::max(found.largest, std::abs(expected));
            found.largest_other = std::max(found.largest_other, std::abs(other));
            found.squares += difference * difference;
            add(sums.ours, first_row + i, first_column + j, expected);
            add(sums.theirs, first_row + i, first_column + j, other);
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

KernelModel as_it_is(const Shape& shape) {
    KernelModel model;
    model.weights.assign(shape.matrices.size(), 0);
    model.weights.back() = 1;
    return model;
}

KernelModel model_of(const Shape& shape, const Explanation& explanation) {
    KernelModel model = as_it_is(shape);
    std::vector<std::size_t> components;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (shape.matrices[m].is_component()) components.push_back(m);
    }
    if (components.empty()) {
        model.weights.back() = explanation.weights.front();
    } else {
        // Most components have one and the same weight: that of the kernel.
        std::vector<double> sorted = explanation.weights;
        std::sort(sorted.begin(), sorted.end());
        const double common = sorted[sorted.size() / 2];
        model.weights.back() = common;
        for (std::size_t k = 0; k < components.size(); ++k)
            model.weights[components[k]] = explanation.weights[k] - common;
    }
    model.ridge = explanation.ridge;
    model.offset = explanation.offset;
    return model;
}

EntryComparison compare_entries(const ComparedFiles& files, const KernelModel& model, double relative_limit) {
    const mpi::Communicator& world = files.world;
    const Shape& shape = files.kernel.shape;
    const Index across = shape.axes.column.panels();
    const Index C = shape.total().rows_each;
    EntryComparison found;
    found.ours = found.theirs = no_sums(shape);
    found.tiles = shape.axes.stored_tiles();
    // [tile]: its worst difference, and where
    std::vector<double> worst(at(found.tiles), 0), rows(at(found.tiles), 0), columns(at(found.tiles), 0);
    agree(world, [&] {
        const TilePairReader reader(files, model);
        for (Index k = world.rank(); k < found.tiles; k += world.size()) {
            const Tile tile{k / across, k % across};
            const TileFinding tile_found = look_at(reader.read(tile), shape.axes.row.begin(tile.row) * C,
                                                   shape.axes.column.begin(tile.column) * C, found);
            worst[at(k)] = tile_found.worst;
            rows[at(k)] = static_cast<double>(tile_found.row);
            columns[at(k)] = static_cast<double>(tile_found.column);
            found.largest = std::max(found.largest, tile_found.largest);
            found.largest_other = std::max(found.largest_other, tile_found.largest_other);
            found.mean_square += tile_found.squares;
        }
    });
    sum_over_ranks(world, found.ours);
    sum_over_ranks(world, found.theirs);
    for (auto* places : {&worst, &rows, &columns}) mpi::sum(world, std::span<double>(*places));
    found.largest = mpi::maximum(world, found.largest);
    found.largest_other = mpi::maximum(world, found.largest_other);
    mpi::sum(world, std::span<double>(&found.mean_square, 1));
    found.mean_square /=
        static_cast<double>(shape.rows(shape.total())) * static_cast<double>(shape.columns(shape.total()));

    const auto place = std::max_element(worst.begin(), worst.end()) - worst.begin();
    found.worst = worst[at(place)];
    found.worst_tile = {place / across, place % across};
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
