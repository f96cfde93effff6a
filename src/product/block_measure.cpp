#include "block_measure.hpp"

#include "tangram/support/blas.hpp"

#include <tuple>
#include <utility>

namespace tangram {

namespace {

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

}  // namespace

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

int exponent_of(double largest) {
    int exponent = 0;
    std::frexp(largest, &exponent);
    return std::clamp(exponent, -1000, 1000);
}

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

template double largest_of(ConstMatrixView<float>);
template double largest_of(ConstMatrixView<double>);
template void measure_block(const Measuring&, ConstMatrixView<float>, const BlockPlace&,
                            const MeasureScratch&, const BlockRecord&);
template void measure_block(const Measuring&, ConstMatrixView<double>, const BlockPlace&,
                            const MeasureScratch&, const BlockRecord&);

}  // namespace tangram
