#include "tangram/product/neighbours.hpp"

#include "tangram/support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

using namespace tangram;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A matrix of few different values, so that most are equal to some other; some are no numbers.
Matrix<double> with_ties(Index rows, Index columns, bool symmetric) {
    Matrix<double> K(rows, columns);
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
            const Index a = symmetric ? std::min(i, j) : i, b = symmetric ? std::max(i, j) : j;
            const std::uint64_t random = splitmix64(splitmix64(at(a)) + at(b));
            K(i, j) = random % 11 == 0 ? nan : static_cast<double>(random % 7) - 3;
        }
    }
    return K;
}

/// By sorting whole rows.
BestEntries by_sorting(const Matrix<double>& K, Index count, Index own_rows, bool largest) {
    BestEntries best;
    for (Index i = 0; i < K.rows(); ++i) {
        std::vector<std::int64_t> columns;
        for (Index j = 0; j < K.cols(); ++j) {
            if (K(i, j) == K(i, j) && (own_rows == 0 || i / own_rows != j / own_rows)) columns.push_back(j);
        }
        std::stable_sort(columns.begin(), columns.end(), [&](std::int64_t a, std::int64_t b) {
            return largest ? K(i, a) > K(i, b) : K(i, a) < K(i, b);
        });
        columns.resize(at(count), -1);
        for (const std::int64_t column : columns) {
            best.columns.push_back(column);
            best.values.push_back(column < 0 ? nan : K(i, column));
        }
    }
    return best;
}

template <class T>
void take_all(const Matrix<double>& K, const Shape& shape, int rank, int ranks, Neighbours& neighbours) {
    const Index R = shape.total().rows_each;
    std::vector<Tile> tiles = shape.axes.all();
    std::reverse(tiles.begin(), tiles.end());  // any order
    const auto give = [&](const Tile& tile) {
        const Index rows = shape.axes.row.size(tile.row) * R, cols = shape.axes.column.size(tile.column) * R;
        const Index row = shape.axes.row.begin(tile.row) * R, col = shape.axes.column.begin(tile.column) * R;
        Matrix<T> block(rows, cols);
        for (Index i = 0; i < rows; ++i) {
            for (Index j = 0; j < cols; ++j) block(i, j) = static_cast<T>(K(row + i, col + j));
        }
        neighbours.take(FinishedPlane<T>{0, tile, row, col, std::as_const(block).view()});
    };
    for (std::size_t k = at(rank); k < tiles.size(); k += at(ranks)) {
        give(tiles[k]);
        if (shape.axes.is_mirrored(tiles[k])) give(mirror_of(tiles[k]));
    }
}

Shape shape_of(const Axes& axes, Index rows_each) {
    Shape shape{axes, Precision::float64, {}, {}};
    shape.matrices.push_back({Role::total, "/ntk", "ntk", rows_each});
    return shape;
}

void require_same(const BestEntries& found, const BestEntries& expected) {
    REQUIRE(found.columns == expected.columns);
    for (std::size_t k = 0; k < found.values.size(); ++k) {
        if (expected.columns[k] >= 0) REQUIRE(found.values[k] == expected.values[k]);
    }
}

}  // namespace

TEST_CASE(
    "the largest and smallest entries of rows are those that sorting finds, ties by column, on any ranks") {
    const mpi::Communicator world = mpi::Communicator::world();
    for (const bool symmetric : {true, false}) {
        for (const Index R : {1, 3}) {
            for (const Index count : {1, 2, 5, 13, 16}) {
                const Axes axes = symmetric ? Axes::square({17, 4, Unit::sample})
                                            : Axes{{5, 4, Unit::test_sample}, {17, 4, Unit::sample}, false};
                const Shape shape = shape_of(axes, R);
                const Matrix<double> K =
                    with_ties(shape.rows(shape.total()), shape.columns(shape.total()), symmetric);
                Neighbours neighbours(shape, count);
                if (R == 1)
                    take_all<double>(K, shape, world.rank(), world.size(), neighbours);
                else
                    take_all<float>(K, shape, world.rank(), world.size(), neighbours);
                neighbours.merge(world);
                if (!world.is_root()) continue;
                const Index own = symmetric ? R : 0;
                require_same(neighbours.largest(), by_sorting(K, count, own, true));
                require_same(neighbours.smallest(), by_sorting(K, count, own, false));
            }
        }
    }
}

TEST_CASE("rows of which each entry is better than all before, or worse, keep the K best of them") {
    const mpi::Communicator world = mpi::Communicator::world();
    const Axes axes{{3, 2, Unit::test_sample}, {101, 4, Unit::sample}, false};
    const Shape shape = shape_of(axes, 1);
    Matrix<double> K(3, 101);
    for (Index j = 0; j < K.cols(); ++j) {
        K(0, j) = static_cast<double>(j);
        K(1, j) = 1e150 / static_cast<double>(j + 1);
        K(2, j) = j < 50 ? -std::numeric_limits<double>::infinity() : nan;
    }
    for (const Index count : {1, 7, 50, 51, 100, 101}) {
        Neighbours neighbours(shape, count);
        take_all<double>(K, shape, world.rank(), world.size(), neighbours);
        neighbours.merge(world);
        if (!world.is_root()) continue;
        require_same(neighbours.largest(), by_sorting(K, count, 0, true));
        require_same(neighbours.smallest(), by_sorting(K, count, 0, false));
    }
}

TEST_CASE("a square matrix of one sample has no neighbours") {
    CHECK(most_neighbours(shape_of(Axes::square({1, 1, Unit::sample}), 1)) == 0);
    CHECK(most_neighbours(shape_of({{1, 1, Unit::test_sample}, {1, 1, Unit::sample}, false}, 2)) == 2);
}
