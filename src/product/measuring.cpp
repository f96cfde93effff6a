#include "tangram/product/measuring.hpp"

#include "block_measure.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

/// Values of the matrices' blocks that are there at once: little enough to stay in the cache.
constexpr Index strip_values = 4096;

Index classes_of(const Measuring& m) {
    return m.classes.of_rows * m.classes.of_columns;
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
    /// The matrices that are sums of others.
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
    /// Rows of one matrix times 2^-exponent, less the shift, or of T; returns their sum.
    double fill_strip(Index which, double exponent, double shift, Index first, Index n, double* to) const {
        if (which == m.matrices()) {
            make_targets(*m.targets, place.row + first, place.column, {to, n, cols, cols});
        } else {
            const double scale = std::ldexp(1.0, -static_cast<int>(exponent));
            const T* const from = block(which).row(first);
#pragma omp simd
            for (Index j = 0; j < n * cols; ++j) to[j] = scale * static_cast<double>(from[j]) - shift;
        }
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (Index j = 0; j < n * cols; ++j) sum += to[j];
        return sum;
    }
    /// sum (K^a - K^b)^2 scale^2, row by row.
    [[nodiscard]] DoubleDouble squared_difference(Index a, Index b, double scale) const {
        DoubleDouble all;
        for (Index i = 0; i < rows; ++i) {
            const T* const x = block(a).row(i);
            const T* const y = block(b).row(i);
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (Index j = 0; j < cols; ++j) {
                const double difference =
                    scale * static_cast<double>(x[j]) - scale * static_cast<double>(y[j]);
                sum += difference * difference;
            }
            all.add(sum);
        }
        return all;
    }
};

void add_to_pair(double* pair, DoubleDouble term) {
    DoubleDouble sum{pair[0], pair[1]};
    sum.add(term);
    pair[0] = sum.hi;
    pair[1] = sum.lo;
}

/// visit(a, b, entry) of a group's Gram, b <= a.
template <class Visit>
void for_each_entry(Index count, double* gram, Visit visit) {
    for (Index a = 0; a < count; ++a) {
        for (Index b = 0; b <= a; ++b, gram += 2) visit(a, b, gram);
    }
}

/// Some rows of a group's matrices at a time, y (matrices, rows x cols), times their transpose; then
///   sum K^a K^b = sum y^a y^b + c_b sum y^a + c_a sum y^b + entries c_a c_b.
template <class T>
void measure_gram(const KeptTile<T>& tile, const std::vector<Index>& group, const MeasureScratch& scratch,
                  const double* exponents, double* gram) {
    const auto count = static_cast<Index>(group.size());
    const Index at_once = std::max<Index>(1, strip_values / tile.cols);
    const MatrixView<double> G{scratch.gram.data(), count, count, count};
    const double* const shifts = scratch.shifts.data();
    double* const sums = scratch.sums.data();  // hi, lo of each
    std::fill_n(sums, 2 * count, 0.0);
    for (Index first = 0; first < tile.rows; first += at_once) {
        const Index n = std::min(at_once, tile.rows - first);
        const MatrixView<double> strip{scratch.strip.data(), count, n * tile.cols, n * tile.cols};
        for (Index a = 0; a < count; ++a) {
            const Index which = group[at(a)];
            const double sum =
                tile.fill_strip(which, exponents[which], shifts[which], first, n, strip.row(a));
            add_to_pair(sums + 2 * a, {sum, 0});
        }
        blas::gram_lower(strip, G);
        for_each_entry(count, gram, [&](Index a, Index b, double* entry) {
            add_to_pair(entry, {G(a, b), 0});
        });
    }
    const DoubleDouble entries{static_cast<double>(tile.rows * tile.cols), 0};
    for_each_entry(count, gram, [&](Index a, Index b, double* entry) {
        const DoubleDouble c_a{shifts[group[at(a)]], 0}, c_b{shifts[group[at(b)]], 0};
        add_to_pair(entry, product_of({sums[2 * a], sums[2 * a + 1]}, c_b));
        add_to_pair(entry, product_of({sums[2 * b], sums[2 * b + 1]}, c_a));
        add_to_pair(entry, product_of(product_of(c_a, c_b), entries));
    });
}

/// The Grams of all groups, and the differences.
template <class T>
void measure_grams(const KeptTile<T>& tile, const MeasureScratch& scratch, const PlaneRecord& out) {
    const Measuring& m = tile.m;
    std::copy_n(scratch.exponents.data(), m.measured(), out.exponents);
    std::fill_n(out.gram, 2 * m.gram_entries(), 0.0);
    double* gram = out.gram;
    for (const std::vector<Index>& group : m.groups) {
        measure_gram(tile, group, scratch, out.exponents, gram);
        const auto count = static_cast<Index>(group.size());
        gram += count * (count + 1);
    }
    for (std::size_t k = 0; k < m.differences.size(); ++k) {
        const auto [a, b] = m.differences[k];
        const int exponent = static_cast<int>(std::max(out.exponents[a], out.exponents[b]));
        const DoubleDouble sum = tile.squared_difference(a, b, std::ldexp(1.0, -exponent));
        out.differences[2 * k] = sum.hi;
        out.differences[2 * k + 1] = sum.lo;
    }
}

/// Those of one of a tile's matrices, for its Grams. The exponent and the shift of T are zero, and stay so.
void note_units(const BlockRecord& record, Index which, const MeasureScratch& scratch) {
    scratch.exponents.data()[which] = record.exponent();
    scratch.shifts.data()[which] = record.shift();
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

Index add_sum(const std::string& name, std::vector<Index> terms, Measuring& measuring) {
    assert(!measuring.targets);
    measuring.names.push_back(name);
    measuring.sums.push_back(std::move(terms));
    return measuring.measured() - 1;
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
      gram(largest_group(m) * largest_group(m)),
      exponents(AlignedBuffer<double>::zeros(m.measured())),
      shifts(AlignedBuffer<double>::zeros(m.measured())),
      sums(2 * largest_group(m)) {}

Index scratch_values(const Measuring& m) {
    return column_values(m) + (m.targets ? target_rows * m.shape.tile_columns(m.shape.total()) : 0) +
           largest_group(m) * (strip_columns(m) + largest_group(m) + 2) + 2 * m.measured();
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
    note_units(out.matrix, which, scratch);
    const bool is_last = which == 0;
    const KeptTile<T> tile{m, kept, block.rows, block.cols, where};
    if (m.keeps_tiles()) {
        for (Index i = 0; i < block.rows; ++i)
            std::copy_n(block.row(i), block.cols, tile.block(which).row(i));
    }
    if (!is_last) return;
    if (m.keeps_tiles()) {
        tile.add_up_sums();
        for (Index k = 0; k < static_cast<Index>(m.sums.size()); ++k) {
            const ConstMatrixView<T> sum = tile.block(m.first_extra() + k);
            measure_block(m, sum, where, scratch, out.extra(k));
            note_units(out.extra(k), m.first_extra() + k, scratch);
        }
        measure_grams(tile, scratch, out);
    }
    if (m.targets) measure_targets(m, block.rows, block.cols, where, scratch, out.extra(m.extras() - 1));
}

template void measure(const Measuring&, const FinishedPlane<float>&, float*, const MeasureScratch&, double*);
template void measure(const Measuring&, const FinishedPlane<double>&, double*, const MeasureScratch&,
                      double*);

}  // namespace tangram
