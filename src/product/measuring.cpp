#include "tangram/product/measuring.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace tangram {

namespace {

/// Rows of T, and values of the matrices' blocks, that are there at once: little enough to stay in the cache.
constexpr Index target_rows = 16;
constexpr Index strip_values = 4096;

Index classes_of(const Measuring& m) {
    return m.classes.of_rows * m.classes.of_columns;
}

/// Sums over a run of one row.
struct RowFacts {
    double sum = 0, product = 0, size = 0, square = 0, aligned = 0;
};

/// What the row adds to sums over columns.
struct ColumnSums {
    double* sums;
    double* products;
    double* sizes;
};

/// One pass over a row: k entries, v their signs, t the row of T or null, `sign` that of the row itself.
template <bool aligned, class T>
RowFacts add_row(const T* k, const double* v, const double* t, Index cols, double scale, double sign,
                 const ColumnSums& columns) {
    RowFacts f;
    double sum = 0, product = 0, size = 0, square = 0, of_targets = 0;
    double* const sums = columns.sums;
    double* const products = columns.products;
    double* const sizes = columns.sizes;
#pragma omp simd reduction(+ : sum, product, size, square, of_targets)
    for (Index j = 0; j < cols; ++j) {
        const auto x = static_cast<double>(k[j]);
        const double y = x * scale, magnitude = std::abs(x);
        sum += x;
        product += v[j] * x;
        size += magnitude;
        square += y * y;
        if constexpr (aligned) of_targets += y * t[j];
        sums[j] += x;
        products[j] += sign * x;
        sizes[j] += magnitude;
    }
    return {sum, product, size, square, of_targets};
}

/// max |entry|.
template <class T>
double largest_of(ConstMatrixView<T> block) {
    T largest = 0;
    for (Index i = 0; i < block.rows; ++i) {
        const T* const row = block.row(i);
#pragma omp simd reduction(max : largest)
        for (Index j = 0; j < block.cols; ++j) largest = std::max(largest, std::abs(row[j]));
    }
    return static_cast<double>(largest);
}

/// e of 2^e >= largest; so that 2^-e is a number.
int exponent_of(double largest) {
    int exponent = 0;
    std::frexp(largest, &exponent);
    return std::clamp(exponent, -1000, 1000);
}

/// Where a block lies in its matrix.
struct BlockPlace {
    Index row, column;
    bool is_diagonal;  ///< of a symmetric matrix
};

/// Makes the record of one block, some rows at a time.
struct BlockMeasure {
    const Measuring& m;
    BlockPlace place;
    Index cols;
    BlockRecord out;
    double* column_sums;  ///< [class of rows R + r][cols]
    double scale = 1;
    Index R = m.rows_each();

    void begin(double largest) {
        std::fill_n(out.data, out.values(), 0.0);
        std::fill_n(column_sums, m.classes.of_rows * R * cols, 0.0);
        const int exponent = exponent_of(largest);
        out.largest() = largest;
        out.exponent() = exponent;
        scale = std::ldexp(1.0, -exponent);
    }

    /// Rows of the block from `first` on, and the same of T (none where data is null).
    template <class T>
    void add(ConstMatrixView<T> rows, Index first, ConstMatrixView<double> t) {
        DoubleDouble squares{out.squares()[0], out.squares()[1]}, aligned{out.aligned()[0], out.aligned()[1]};
        const double* const v = m.signs.data() + place.column;
        for (Index i = 0; i < rows.rows; ++i) {
            const Index in_block = first + i, row = place.row + in_block;
            const Index group = m.classes.rows[at(row / R)] * R + row % R;
            const ColumnSums columns{column_sums + group * cols, out.column_products(), out.column_sizes()};
            const double sign = m.row_signs[at(row)];
            const RowFacts f = t.data != nullptr
                                   ? add_row<true>(rows.row(i), v, t.row(i), cols, scale, sign, columns)
                                   : add_row<false>(rows.row(i), v, nullptr, cols, scale, sign, columns);
            out.products()[in_block] = f.product;
            out.sizes()[in_block] = f.size;
            add_row_sums(rows.row(i), in_block, f.sum);
            squares.add(f.square);
            aligned.add(f.aligned);
        }
        std::tie(out.squares()[0], out.squares()[1]) = std::pair(squares.hi, squares.lo);
        std::tie(out.aligned()[0], out.aligned()[1]) = std::pair(aligned.hi, aligned.lo);
    }

    /// One an output of the columns; and the row's own sample's.
    template <class T>
    void add_row_sums(const T* row, Index i, double sum) {
        double* const sums = out.row_sums() + i * R;
        if (R == 1) {
            sums[0] = sum;
        } else {
            for (Index j = 0; j < cols; j += R) {
                for (Index s = 0; s < R; ++s) sums[s] += static_cast<double>(row[j + s]);
            }
        }
        if (!place.is_diagonal) return;
        for (Index s = 0; s < R; ++s) out.own()[i * R + s] = static_cast<double>(row[i / R * R + s]);
    }

    /// <K, T> of one-hot labels: the pairs of one class.
    void align_by_classes() {
        DoubleDouble sum;
        for (Index a = 0; a < m.classes.of_rows; ++a) sum.add(out.class_sums()[a * m.classes.of_columns + a]);
        const int of_targets = 2 * m.targets->exponent - static_cast<int>(out.exponent());
        const DoubleDouble aligned = sum.times_power(of_targets);
        out.aligned()[0] = aligned.hi;
        out.aligned()[1] = aligned.lo;
    }

    /// What the columns' sums by class of row are summed to.
    void finish() {
        for (Index a = 0; a < m.classes.of_rows; ++a) {
            double* const classes = out.class_sums() + a * m.classes.of_columns;
            for (Index r = 0; r < R; ++r) {
                const double* const sums = column_sums + (a * R + r) * cols;
                for (Index j = 0; j < cols; ++j) out.column_sums()[j * R + r] += sums[j];
                for (Index j = r; j < cols; j += R)
                    classes[m.classes.columns[at((place.column + j) / R)]] += sums[j];
            }
        }
    }
};

/// Rows [row, row + out.rows) and columns [column, ..) of T.
void make_targets(const MeasuredTargets& targets, Index row, Index column, MatrixView<double> out) {
    blas::gemm(blas::Op::none, blas::Op::transpose, 1.0, targets.rows.view().row_block(row, out.rows),
               targets.columns.view().row_block(column, out.cols), 0.0, out);
}

template <class T>
void measure_block(const Measuring& m, ConstMatrixView<T> block, const BlockPlace& place,
                   const MeasureScratch& scratch, const BlockRecord& out) {
    BlockMeasure measure{m, place, block.cols, out, scratch.column_sums.data()};
    measure.begin(largest_of(block));
    if (!m.targets || m.targets_are_classes) {
        measure.add(block, 0, ConstMatrixView<double>{});
    } else {
        for (Index first = 0; first < block.rows; first += target_rows) {
            const Index rows = std::min(target_rows, block.rows - first);
            const MatrixView<double> t{scratch.targets.data(), rows, block.cols, block.cols};
            make_targets(*m.targets, place.row + first, place.column, t);
            measure.add(block.row_block(first, rows), first, ConstMatrixView<double>(t));
        }
    }
    measure.finish();
    if (m.targets_are_classes) measure.align_by_classes();
}

/// The same of T.
void measure_targets(const Measuring& m, Index rows, Index cols, const BlockPlace& place,
                     const MeasureScratch& scratch, const BlockRecord& out) {
    BlockMeasure measure{m, place, cols, out, scratch.column_sums.data()};
    measure.begin(0);
    double largest = 0;
    for (Index first = 0; first < rows; first += target_rows) {
        const Index count = std::min(target_rows, rows - first);
        const MatrixView<double> t{scratch.targets.data(), count, cols, cols};
        make_targets(*m.targets, place.row + first, place.column, t);
        largest = std::max(largest, largest_of(ConstMatrixView<double>(t)));
        measure.add(ConstMatrixView<double>(t), first, ConstMatrixView<double>(t));
    }
    measure.finish();
    out.largest() = largest;
}

/// The blocks of a tile that are kept, and where it lies.
template <class T>
struct KeptTile {
    const Measuring& m;
    T* blocks;
    Index rows, cols;
    BlockPlace place;

    [[nodiscard]] MatrixView<T> block(Index which) const {
        return {blocks + which * m.shape.tile_entries(), rows, cols, cols};
    }
    void add_up_sums() const {
        for (std::size_t k = 0; k < m.sums.size(); ++k) {
            T* const out = block(m.first_extra() + static_cast<Index>(k)).data;
            std::fill_n(out, rows * cols, T{0});
            for (const Index term : m.sums[k]) {
                const T* const from = block(term).data;
#pragma omp simd
                for (Index j = 0; j < rows * cols; ++j) out[j] += from[j];
            }
        }
    }
    /// Rows of one matrix times 2^-exponent, or of T.
    void fill_strip(Index which, double exponent, Index first, Index n, double* to) const {
        if (which == m.matrices()) {
            make_targets(*m.targets, place.row + first, place.column, {to, n, cols, cols});
            return;
        }
        const double scale = std::ldexp(1.0, -static_cast<int>(exponent));
        const T* const from = block(which).row(first);
#pragma omp simd
        for (Index j = 0; j < n * cols; ++j) to[j] = scale * static_cast<double>(from[j]);
    }
    [[nodiscard]] double squared_difference(Index a, Index b, double scale) const {
        const T* const x = block(a).data;
        const T* const y = block(b).data;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (Index j = 0; j < rows * cols; ++j) {
            const double difference = scale * (static_cast<double>(x[j]) - static_cast<double>(y[j]));
            sum += difference * difference;
        }
        return sum;
    }
};

void add_to_pair(double* pair, double term) {
    DoubleDouble sum{pair[0], pair[1]};
    sum.add(term);
    pair[0] = sum.hi;
    pair[1] = sum.lo;
}

/// Some rows of a group's matrices at a time, (matrices, rows x cols), times their transpose.
template <class T>
void measure_grams(const KeptTile<T>& tile, const MeasureScratch& scratch, const PlaneRecord& out) {
    const Measuring& m = tile.m;
    std::fill_n(out.exponents, m.measured(), 0.0);
    for (Index a = 0; a < m.matrices(); ++a)
        out.exponents[a] = exponent_of(largest_of(ConstMatrixView<T>(tile.block(a))));
    std::fill_n(out.gram, 2 * m.gram_entries(), 0.0);
    const Index at_once = std::max<Index>(1, strip_values / tile.cols);
    double* gram = out.gram;
    for (const std::vector<Index>& group : m.groups) {
        const auto count = static_cast<Index>(group.size());
        const MatrixView<double> G{scratch.gram.data(), count, count, count};
        for (Index first = 0; first < tile.rows; first += at_once) {
            const Index n = std::min(at_once, tile.rows - first);
            const MatrixView<double> strip{scratch.strip.data(), count, n * tile.cols, n * tile.cols};
            for (Index a = 0; a < count; ++a)
                tile.fill_strip(group[at(a)], out.exponents[group[at(a)]], first, n, strip.row(a));
            blas::gram_lower(strip, G);
            double* entry = gram;
            for (Index a = 0; a < count; ++a) {
                for (Index b = 0; b <= a; ++b, entry += 2) add_to_pair(entry, G(a, b));
            }
        }
        gram += count * (count + 1);
    }
    for (std::size_t k = 0; k < m.differences.size(); ++k) {
        const auto [a, b] = m.differences[k];
        const int exponent = static_cast<int>(std::max(out.exponents[a], out.exponents[b]));
        out.differences[2 * k] = tile.squared_difference(a, b, std::ldexp(1.0, -exponent));
        out.differences[2 * k + 1] = 0;
    }
}

Index strip_columns(const Measuring& m) {
    return std::max(strip_values, m.shape.tile_columns(m.shape.total()));
}

Index column_values(const Measuring& m) {
    return m.classes.of_rows * m.rows_each() * m.shape.tile_columns(m.shape.total());
}

Index largest_group(const Measuring& m) {
    std::size_t largest = 0;
    for (const std::vector<Index>& group : m.groups) largest = std::max(largest, group.size());
    return static_cast<Index>(largest);
}

}  // namespace

Index Measuring::gram_entries() const {
    Index entries = 0;
    for (const std::vector<Index>& group : groups) {
        const auto count = static_cast<Index>(group.size());
        entries += count * (count + 1) / 2;
    }
    return entries;
}

Measuring make_measuring(const Shape& shape, std::uint64_t seed) {
    Measuring m;
    m.shape = shape;
    m.names.push_back(shape.total().name);
    for (const StoredMatrix& matrix : shape.matrices) {
        m.place.push_back(matrix.role == Role::total ? 0
                          : matrix.is_component()    ? static_cast<Index>(m.names.size())
                                                     : not_measured);
        if (matrix.is_component()) m.names.push_back(matrix.name);
    }
    const auto signs = [&](Index count) {
        std::vector<double> all(at(count));
        for (std::size_t k = 0; k < all.size(); ++k) all[k] = random_sign(splitmix64(seed), k);
        return all;
    };
    m.signs = signs(shape.columns(shape.total()));
    m.row_signs = signs(shape.rows(shape.total()));
    m.classes.rows.assign(at(shape.axes.row.extent), 0);
    m.classes.columns.assign(at(shape.axes.column.extent), 0);
    return m;
}

void add_targets(MeasuredTargets targets, Measuring& measuring) {
    measuring.targets = std::move(targets);
    measuring.names.emplace_back("targets");
}

PlaneRecord record_at(const Measuring& m, double* data) {
    const Shape& shape = m.shape;
    PlaneRecord record{};
    record.matrix = {data, shape.tile_rows(shape.total()), shape.tile_columns(shape.total()), m.rows_each(),
                     classes_of(m)};
    record.extras = m.extras();
    record.exponents = record.extra(record.extras).data;
    record.gram = record.exponents + m.measured();
    record.differences = record.gram + 2 * m.gram_entries();
    return record;
}

Index record_values(const Measuring& m) {
    return (1 + m.extras()) * record_at(m, nullptr).matrix.values() + m.measured() + 2 * m.gram_entries() +
           2 * static_cast<Index>(m.differences.size());
}

MeasureScratch::MeasureScratch(const Measuring& m)
    : column_sums(column_values(m)),
      targets(m.targets ? target_rows * m.shape.tile_columns(m.shape.total()) : 0),
      strip(largest_group(m) * strip_columns(m)),
      gram(largest_group(m) * largest_group(m)) {}

Index scratch_values(const Measuring& m) {
    return column_values(m) + (m.targets ? target_rows * m.shape.tile_columns(m.shape.total()) : 0) +
           largest_group(m) * (strip_columns(m) + largest_group(m));
}

Index kept_values(const Measuring& m) {
    return m.keeps_tiles() ? m.matrices() * m.shape.tile_entries() : 0;
}

template <class T>
void measure(const Measuring& m, const FinishedPlane<T>& plane, T* kept, const MeasureScratch& scratch,
             double* record) {
    const Index which = m.place[at(plane.matrix)];
    if (which == not_measured) return;
    const PlaneRecord out = record_at(m, record);
    const ConstMatrixView<T> block = plane.values;
    const BlockPlace where{plane.row, plane.column, m.shape.axes.is_diagonal(plane.block)};
    measure_block(m, block, where, scratch, out.matrix);
    const bool is_last = which == 0;
    const KeptTile<T> tile{m, kept, block.rows, block.cols, where};
    if (m.keeps_tiles()) {
        for (Index i = 0; i < block.rows; ++i)
            std::copy_n(block.row(i), block.cols, tile.block(which).row(i));
    }
    if (!is_last) return;
    if (m.keeps_tiles()) {
        tile.add_up_sums();
        for (std::size_t k = 0; k < m.sums.size(); ++k) {
            const auto extra = static_cast<Index>(k);
            measure_block(m, ConstMatrixView<T>(tile.block(m.first_extra() + extra)), where, scratch,
                          out.extra(extra));
        }
        measure_grams(tile, scratch, out);
    }
    if (m.targets) measure_targets(m, block.rows, block.cols, where, scratch, out.extra(m.extras() - 1));
}

template void measure(const Measuring&, const FinishedPlane<float>&, float*, const MeasureScratch&, double*);
template void measure(const Measuring&, const FinishedPlane<double>&, double*, const MeasureScratch&,
                      double*);

}  // namespace tangram
