#include "entry_scan.hpp"

#include "block_measures.hpp"
#include "tangram/support/threads.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace tangram {

namespace {

/// K v and |K| |v| of one block, added to the rows that it has in the matrix; `v` starts at its first column.
template <class T>
void add_products(ConstMatrixView<T> block, const double* v, double* products, double* sizes) {
    for (Index i = 0; i < block.rows; ++i) {
        const T* k = block.row(i);
        double product = 0;
        double size = 0;
#pragma omp simd reduction(+ : product, size)
        for (Index j = 0; j < block.cols; ++j) {
            const auto entry = static_cast<double>(k[j]);
            product += entry * v[j];
            size += std::abs(entry);
        }
        products[i] += product;
        sizes[i] += size;
    }
}

/// K^T u and |K|^T |u| of one block, added to the columns that it has in the matrix; `u` starts at its first row.
template <class T>
void add_column_products(ConstMatrixView<T> block, const double* u, double* products, double* sizes) {
    for (Index i = 0; i < block.rows; ++i) {
        const T* k = block.row(i);
        const double weight = u[i];
#pragma omp simd
        for (Index j = 0; j < block.cols; ++j) {
            const auto entry = static_cast<double>(k[j]);
            products[j] += weight * entry;
            sizes[j] += std::abs(entry);
        }
    }
}

template <class T>
double trace_of(ConstMatrixView<T> square) {
    double sum = 0;
    for (Index i = 0; i < square.rows; ++i) sum += static_cast<double>(square(i, i));
    return sum;
}

/// Notes the smallest entry on the diagonal of a tile whose first row is `first`. A NaN is left to the other
/// checks, which do not lose it.
template <class T>
void note_smallest(ConstMatrixView<T> square, Index first, double& smallest, Index& row) {
    for (Index i = 0; i < square.rows; ++i) {
        const auto entry = static_cast<double>(square(i, i));
        if (!(entry < smallest)) continue;
        smallest = entry;
        row = first + i;
    }
}

template <class T>
void note_underflows(ConstMatrixView<T> square, Index first, std::vector<Index>& rows) {
    for (Index i = 0; i < square.rows; ++i) {
        if (square(i, i) > 0 && square(i, i) < std::numeric_limits<T>::min()) rows.push_back(first + i);
    }
}

/// One thread's memory for two tiles and for the sum of the components on one.
template <class T>
struct ScanMemory {
    explicit ScanMemory(Index tile_values)
        : tile(tile_values), mirror(tile_values), component_sum(tile_values) {}
    AlignedBuffer<T> tile, mirror;
    AlignedBuffer<double> component_sum;
};

/// max |block - sum|.
template <class T>
double difference_from(const double* sum, ConstMatrixView<T> block) {
    double worst = 0;
    double watch = 0;  // a NaN gets lost in max(), never in a sum
    for (Index i = 0; i < block.rows; ++i, sum += block.cols) {
        const T* row = block.row(i);
#pragma omp simd reduction(max : worst) reduction(+ : watch)
        for (Index j = 0; j < block.cols; ++j) {
            const double difference = std::abs(sum[j] - static_cast<double>(row[j]));
            worst = difference > worst ? difference : worst;
            watch += difference * 0.0;
        }
    }
    return watch == 0.0 ? worst : std::numeric_limits<double>::infinity();
}

EntryScan empty_scan(const Shape& shape) {
    EntryScan scan;
    scan.traces.assign(shape.matrices.size(), 0);
    scan.largest.assign(shape.matrices.size(), 0);
    scan.smallest.assign(shape.matrices.size(), std::numeric_limits<double>::infinity());
    scan.smallest_row.assign(shape.matrices.size(), -1);
    scan.underflowing.resize(shape.matrices.size());
    scan.asymmetry.assign(shape.matrices.size(), 0);
    for (const StoredMatrix& matrix : shape.matrices) {
        scan.products.emplace_back(at(shape.rows(matrix)));
        scan.sizes.emplace_back(at(shape.rows(matrix)));
        const std::size_t columns = shape.axes.symmetric ? 0 : at(shape.columns(matrix));
        scan.column_products.emplace_back(columns);
        scan.column_sizes.emplace_back(columns);
    }
    return scan;
}

void add_to(std::vector<double>& total, const std::vector<double>& part) {
    std::transform(part.begin(), part.end(), total.begin(), total.begin(), std::plus<>());
}

void merge(EntryScan& total, const EntryScan& part) {
    for (std::size_t m = 0; m < total.products.size(); ++m) {
        add_to(total.products[m], part.products[m]);
        add_to(total.sizes[m], part.sizes[m]);
        add_to(total.column_products[m], part.column_products[m]);
        add_to(total.column_sizes[m], part.column_sizes[m]);
        total.traces[m] += part.traces[m];
        total.largest[m] = worse(total.largest[m], part.largest[m]);
        total.underflowing[m].insert(total.underflowing[m].end(), part.underflowing[m].begin(),
                                     part.underflowing[m].end());
        total.asymmetry[m] = worse(total.asymmetry[m], part.asymmetry[m]);
        if (part.smallest[m] >= total.smallest[m]) continue;
        total.smallest[m] = part.smallest[m];
        total.smallest_row[m] = part.smallest_row[m];
    }
    total.sum_difference = worse(total.sum_difference, part.sum_difference);
}

/// A reading under way: what every tile is looked at with.
struct Scanning {
    const TileFile& file;
    const Shape& shape;
    const std::vector<double>& v;
    const std::vector<double>& u;
};

/// Adds what the tile across the diagonal contributes; returns it, or `block` on the diagonal itself.
template <class T>
ConstMatrixView<T> scan_mirror(const Scanning& s, std::size_t m, const Tile& tile, ConstMatrixView<T> block,
                               ScanMemory<T>& memory, EntryScan& scan) {
    const Index R = s.shape.matrices[m].rows_each;
    const Index row = s.shape.axes.row.begin(tile.row) * R;
    const Index column = s.shape.axes.column.begin(tile.column) * R;
    if (s.shape.axes.is_diagonal(tile)) {
        scan.largest[m] = worse(scan.largest[m], largest_on_diagonal(block));
        scan.traces[m] += trace_of(block);
        note_smallest(block, row, scan.smallest[m], scan.smallest_row[m]);
        note_underflows(block, row, scan.underflowing[m]);
        return block;
    }
    const ConstMatrixView<T> mirror = s.file.read(m, mirror_of(tile), memory.mirror.data());
    add_products(mirror, s.v.data() + row, scan.products[m].data() + column, scan.sizes[m].data() + column);
    return mirror;
}

/// Adds what one tile and its mirror contribute.
template <class T>
void scan_tile(const Scanning& s, const Tile& tile, ScanMemory<T>& memory, EntryScan& scan) {
    const std::size_t last = s.shape.matrices.size() - 1;
    double* sum = memory.component_sum.data();
    std::fill_n(sum, memory.component_sum.size(), 0.0);
    for (std::size_t m = 0; m <= last; ++m) {
        const Index R = s.shape.matrices[m].rows_each;
        const Index row = s.shape.axes.row.begin(tile.row) * R;
        const Index column = s.shape.axes.column.begin(tile.column) * R;
        const ConstMatrixView<T> block = s.file.read(m, tile, memory.tile.data());
        add_products(block, s.v.data() + column, scan.products[m].data() + row, scan.sizes[m].data() + row);
        if (s.shape.axes.symmetric) {
            const ConstMatrixView<T> mirror = scan_mirror(s, m, tile, block, memory, scan);
            scan.asymmetry[m] = worse(scan.asymmetry[m], asymmetry(block, mirror).largest);
        } else {
            add_column_products(block, s.u.data() + row, scan.column_products[m].data() + column,
                                scan.column_sizes[m].data() + column);
            scan.largest[m] = worse(scan.largest[m], largest_magnitude(block));
        }
        if (s.shape.matrices[m].is_component()) add_block(block, sum);
        if (m == last) scan.sum_difference = worse(scan.sum_difference, difference_from(sum, block));
    }
}

template <class T>
EntryScan scan_entries_of(const Scanning& s, const std::vector<Tile>& tiles, int threads) {
    // Each thread has sums of its own and always the same tiles, so that rounding is the same at every run.
    std::vector<EntryScan> scans(at(threads));
    on_threads(threads, [&](int thread) {
        scans[at(thread)] = empty_scan(s.shape);
        ScanMemory<T> memory(std::max(s.shape.tile_entries(), page_aligned_from));
        for (std::size_t k = at(thread); k < tiles.size(); k += at(threads))
            scan_tile(s, tiles[k], memory, scans[at(thread)]);
    });
    for (std::size_t t = 1; t < scans.size(); ++t) merge(scans[0], scans[t]);
    return std::move(scans[0]);
}

}  // namespace

EntryScan scan_entries(const TileFile& file, const Shape& shape, const std::vector<Tile>& tiles, int threads,
                       const std::vector<double>& v, const std::vector<double>& u) {
    return with_precision(shape.precision, [&](auto number) {
        return scan_entries_of<decltype(number)>({file, shape, v, u}, tiles, threads);
    });
}

}  // namespace tangram
