// The form of tables: its blocks are those of the gradients spelled out, row by row of the table.

#include "random_networks.hpp"
#include "tangram/support/random.hpp"
#include "tangram/tangent/forms.hpp"
#include "worst.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index table_rows = 5, width = 3, ids = 4, R = 2;

/// Some twice in a sample, some counted from the end.
template <class T>
Matrix<T> some_ids(Index n, std::uint64_t seed) {
    Matrix<T> X(n, ids);
    for (Index k = 0; k < X.size(); ++k) {
        const auto row = static_cast<Index>(splitmix64(seed + at(k)) % at(table_rows));
        X.data()[k] = static_cast<T>(splitmix64(seed + at(k) + 999) % 3 == 0 ? row - table_rows : row);
    }
    return X;
}

template <class T>
Matrix<T> some_sensitivities(Index n, std::uint64_t seed) {
    const Matrix<double> wide = random_samples(n, R * ids * width, seed);
    Matrix<T> S(n, R * ids * width);
    for (Index k = 0; k < wide.size(); ++k) S.data()[k] = static_cast<T>(wide.data()[k]);
    return S;
}

/// Row r of J of sample i, all of the table.
template <class T>
std::vector<double> gradient(const Matrix<T>& X, const Matrix<T>& S, Index i, Index r) {
    std::vector<double> J(at(table_rows * width), 0);
    for (Index p = 0; p < ids; ++p) {
        const auto id = static_cast<Index>(X(i, p));
        const Index row = id < 0 ? id + table_rows : id;
        for (Index j = 0; j < width; ++j)
            J[at(row * width + j)] +=
                static_cast<double>(S.data()[(i * R + r) * ids * width + p * width + j]);
    }
    return J;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
    return sum;
}

/// The largest error of the block of n x m samples, and of the first one's own.
template <class T>
double worst_entry(bool full, bool diagonal, Index n, Index m) {
    const Matrix<T> X = some_ids<T>(n, 3), Y = some_ids<T>(m, diagonal ? 3 : 4);
    const Matrix<T> S = some_sensitivities<T>(n, 5), Q = some_sensitivities<T>(m, diagonal ? 5 : 6);
    const Index rows = full ? R : 1, cols = R * ids * width / rows;
    PreparedStep prepared;
    prepared.step.form = Form::lookup;
    prepared.step.table_rows = table_rows;
    prepared.step.row_width = width;
    prepared.factors = {0.7};
    const Network network = random_network({3, R}, {"identity"}, {true}, 71);
    const Reduction reduction = make_reduction(full ? ReductionKind::full : ReductionKind::trace, R);
    const GramScratch<T> scratch(n, m, network, reduction);
    const ConstMatrixView<T> S_row{S.data(), n * rows, cols, cols}, S_column{Q.data(), m * rows, cols, cols};
    const StepTile<T> tile{prepared, X.view(), Y.view(), S_row, S_column, n * rows, m * rows, diagonal, full};
    const TileRoutines<T>& routines = tile_routines_of<T>(Form::lookup);
    const StepGrams<T> grams = routines.prepare(tile, scratch);
    Matrix<T> block(n * rows, m * rows);
    routines.fill(grams, 0, block.view());
    double worst = 0;
    const auto entry = [&](Index i, Index r, Index j, Index s) {
        if (full) return 0.7 * product(gradient(X, S, i, r), gradient(Y, Q, j, s));
        return 0.7 * (product(gradient(X, S, i, 0), gradient(Y, Q, j, 0)) +
                      product(gradient(X, S, i, 1), gradient(Y, Q, j, 1)));
    };
    for (Index p = 0; p < block.rows(); ++p) {
        for (Index q = 0; q < block.cols(); ++q)
            keep_worst(worst, std::abs(static_cast<double>(block(p, q)) -
                                       entry(p / rows, p % rows, q / rows, q % rows)));
    }
    Matrix<double> own(rows, rows);
    routines.add_own_block({prepared, X.view().row_block(0, 1), S_row.row_block(0, rows)}, 0, own.view());
    for (Index p = 0; diagonal && p < own.size(); ++p)
        keep_worst(worst, std::abs(own.data()[p] - entry(0, p / rows, 0, p % rows)));
    return worst;
}

}  // namespace

TEST_CASE("a table's blocks are the products of its gradients, in which a row may be named several times") {
    for (const bool full : {false, true}) {
        CAPTURE(full);
        CHECK(worst_entry<double>(full, false, 4, 6) < 1e-14);
        CHECK(worst_entry<double>(full, true, 5, 5) < 1e-14);
        CHECK(worst_entry<float>(full, false, 4, 6) < 2e-5);
        CHECK(worst_entry<double>(full, false, 1, 1) < 1e-14);
    }
}
