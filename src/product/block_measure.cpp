#include "block_measure.hpp"

#include "tangram/support/blas.hpp"

#include <tuple>
#include <utility>

namespace tangram {

namespace {

/// Sums over a run of one row.
struct RowFacts {
    double shifted = 0, product = 0, size = 0, square = 0, aligned = 0;
};

/// What the row adds to sums over columns.
struct ColumnSums {
    double* by_class;
    double* sums;
    double* products;
    double* sizes;
};

/// One pass over a row: k entries, v their signs, t the row of T or null, `sign` that of the row itself.
template <bool aligned, bool by_classes, class T>
RowFacts add_row(const T* k, const double* v, const double* t, Index cols, const BlockUnits& units,
                 double sign, const ColumnSums& columns) {
    const double scale = units.scale(), shift = units.shift;
    double shifted = 0, product = 0, size = 0, square = 0, of_targets = 0;
    double* const by_class = columns.by_class;
    double* const sums = columns.sums;
    double* const products = columns.products;
    double* const sizes = columns.sizes;
#pragma omp simd reduction(+ : shifted, product, size, square, of_targets)
    for (Index j = 0; j < cols; ++j) {
        const auto x = static_cast<double>(k[j]);
        const double scaled = x * scale, y = scaled - shift, magnitude = std::abs(x);
        shifted += y;
        product += v[j] * x;
        size += magnitude;
        square += y * y;
        if constexpr (aligned) of_targets += scaled * t[j];
        if constexpr (by_classes) by_class[j] += x;
        sums[j] += y;
        products[j] += sign * x;
        sizes[j] += magnitude;
    }
    return {shifted, product, size, square, of_targets};
}

/// Makes the record of one block, some rows at a time.
struct BlockMeasure {
    const Measuring& m;
    BlockPlace place;
    Index cols;
    BlockRecord out;
    double* column_sums;  ///< [class of rows R + r][cols]
    BlockUnits units{};
    DoubleDouble squares{}, aligned{}, shifted{};
    double entries = 0;
    Index R = m.rows_each();

    void begin(const BlockUnits& of_block) {
        std::fill_n(out.data, out.values(), 0.0);
        std::fill_n(column_sums, m.classes.of_rows * R * cols, 0.0);
        units = of_block;
        out.largest() = units.largest;
        out.exponent() = units.exponent;
        out.shift() = units.shift;
    }

    /// Rows of the block from `first` on, and the same of T (none where data is null).
    template <class T>
    void add(ConstMatrixView<T> rows, Index first, ConstMatrixView<double> t) {
        const double* const v = m.signs.data() + place.column;
        for (Index i = 0; i < rows.rows; ++i) {
            const Index in_block = first + i, row = place.row + in_block;
            const Index group = m.classes.rows[at(row / R)] * R + row % R;
            const ColumnSums columns{column_sums + group * cols, out.column_sums() + row % R * cols,
                                     out.column_products(), out.column_sizes()};
            const double sign = m.row_signs[at(row)];
            const RowFacts f =
                add_row_of(rows.row(i), v, t.data != nullptr ? t.row(i) : nullptr, sign, columns);
            out.products()[in_block] = f.product;
            out.sizes()[in_block] = f.size;
            add_row_sums(rows.row(i), in_block, f.shifted);
            squares.add(f.square);
            aligned.add(f.aligned);
            shifted.add(f.shifted);
        }
        entries += static_cast<double>(rows.rows * cols);
    }

    template <class T>
    [[nodiscard]] RowFacts add_row_of(const T* k, const double* v, const double* t, double sign,
                                      const ColumnSums& columns) const {
        const bool by_classes = out.classes > 1;
        if (t != nullptr && by_classes) return add_row<true, true>(k, v, t, cols, units, sign, columns);
        if (t != nullptr) return add_row<true, false>(k, v, t, cols, units, sign, columns);
        if (by_classes) return add_row<false, true>(k, v, nullptr, cols, units, sign, columns);
        return add_row<false, false>(k, v, nullptr, cols, units, sign, columns);
    }

    /// One an output of the columns; and the row's own sample's.
    template <class T>
    void add_row_sums(const T* row, Index i, double sum) {
        double* const sums = out.row_sums() + i * R;
        const double scale = units.scale();
        if (R == 1) {
            sums[0] = sum;
        } else {
            for (Index j = 0; j < cols; j += R) {
                for (Index s = 0; s < R; ++s)
                    sums[s] += static_cast<double>(row[j + s]) * scale - units.shift;
            }
        }
        if (!place.is_diagonal) return;
        for (Index s = 0; s < R; ++s) out.own()[i * R + s] = static_cast<double>(row[i / R * R + s]);
    }

    /// <K, T> of one-hot labels: the pairs of one class.
    void align_by_classes() {
        DoubleDouble sum;
        for (Index a = 0; a < m.classes.of_rows; ++a) sum.add(out.class_sums()[a * m.classes.of_columns + a]);
        aligned = sum.times_power(2 * m.targets->exponent - units.exponent);
    }

    /// sum x^2 = sum y^2 + 2 shift sum y + entries shift^2, of scaled x.
    [[nodiscard]] DoubleDouble squares_of_entries() const {
        DoubleDouble all = squares;
        all.add(product_of(shifted, {2 * units.shift, 0}));
        all.add(product_of(product_of({units.shift, 0}, {units.shift, 0}), {entries, 0}));
        return all;
    }

    void finish() {
        for (Index a = 0; a < m.classes.of_rows; ++a) {
            double* const classes = out.class_sums() + a * m.classes.of_columns;
            for (Index r = 0; r < R; ++r) {
                const double* const sums = column_sums + (a * R + r) * cols;
                for (Index j = r; j < cols; j += R)
                    classes[m.classes.columns[at((place.column + j) / R)]] += sums[j];
            }
        }
        if (m.targets_are_classes) align_by_classes();
        const DoubleDouble all = squares_of_entries();
        std::tie(out.squares()[0], out.squares()[1]) = std::pair(all.hi, all.lo);
        std::tie(out.aligned()[0], out.aligned()[1]) = std::pair(aligned.hi, aligned.lo);
    }
};

}  // namespace

template <class T>
BlockUnits units_of(ConstMatrixView<T> block) {
    const double part = 1 / static_cast<double>(block.rows * block.cols);
    T largest = 0;
    double mean = 0;
    for (Index i = 0; i < block.rows; ++i) {
        const T* const row = block.row(i);
#pragma omp simd reduction(max : largest) reduction(+ : mean)
        for (Index j = 0; j < block.cols; ++j) {
            largest = std::max(largest, std::abs(row[j]));
            mean += static_cast<double>(row[j]) * part;
        }
    }
    BlockUnits units{static_cast<double>(largest)};
    std::frexp(units.largest, &units.exponent);
    units.exponent = std::clamp(units.exponent, -1000, 1000);
    units.shift = mean * units.scale();
    return units;
}

void make_targets(const MeasuredTargets& targets, Index row, Index column, MatrixView<double> out) {
    blas::gemm(blas::Op::none, blas::Op::transpose, 1.0, targets.rows.view().row_block(row, out.rows),
               targets.columns.view().row_block(column, out.cols), 0.0, out);
}

template <class T>
void measure_block(const Measuring& m, ConstMatrixView<T> block, const BlockPlace& place,
                   const MeasureScratch& scratch, const BlockRecord& out) {
    BlockMeasure measure{m, place, block.cols, out, scratch.column_sums.data()};
    measure.begin(units_of(block));
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
}

void measure_targets(const Measuring& m, Index rows, Index cols, const BlockPlace& place,
                     const MeasureScratch& scratch, const BlockRecord& out) {
    BlockMeasure measure{m, place, cols, out, scratch.column_sums.data()};
    measure.begin({});
    double largest = 0;
    for (Index first = 0; first < rows; first += target_rows) {
        const Index count = std::min(target_rows, rows - first);
        const MatrixView<double> t{scratch.targets.data(), count, cols, cols};
        make_targets(*m.targets, place.row + first, place.column, t);
        largest = std::max(largest, units_of(ConstMatrixView<double>(t)).largest);
        measure.add(ConstMatrixView<double>(t), first, ConstMatrixView<double>(t));
    }
    measure.finish();
    out.largest() = largest;
}

template BlockUnits units_of(ConstMatrixView<float>);
template BlockUnits units_of(ConstMatrixView<double>);
template void measure_block(const Measuring&, ConstMatrixView<float>, const BlockPlace&,
                            const MeasureScratch&, const BlockRecord&);
template void measure_block(const Measuring&, ConstMatrixView<double>, const BlockPlace&,
                            const MeasureScratch&, const BlockRecord&);

}  // namespace tangram
