#include "entry_scan.hpp"

#include "block_measures.hpp"
#include "tangram/output/entry_check.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
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

EntryScan empty_scan(const KernelShape& shape) {
    EntryScan scan;
    scan.traces.assign(shape.matrices.size(), 0);
    scan.largest.assign(shape.matrices.size(), 0);
    scan.smallest.assign(shape.matrices.size(), std::numeric_limits<double>::infinity());
    scan.smallest_row.assign(shape.matrices.size(), -1);
    scan.asymmetry.assign(shape.matrices.size(), 0);
    for (const KernelMatrix& matrix : shape.matrices) {
        scan.products.emplace_back(at(shape.rows(matrix)));
        scan.sizes.emplace_back(at(shape.rows(matrix)));
    }
    return scan;
}

void merge(EntryScan& total, const EntryScan& part) {
    for (std::size_t m = 0; m < total.products.size(); ++m) {
        std::transform(part.products[m].begin(), part.products[m].end(), total.products[m].begin(),
                       total.products[m].begin(), std::plus<>());
        std::transform(part.sizes[m].begin(), part.sizes[m].end(), total.sizes[m].begin(),
                       total.sizes[m].begin(), std::plus<>());
        total.traces[m] += part.traces[m];
        total.largest[m] = worse(total.largest[m], part.largest[m]);
        total.asymmetry[m] = worse(total.asymmetry[m], part.asymmetry[m]);
        if (part.smallest[m] >= total.smallest[m]) continue;
        total.smallest[m] = part.smallest[m];
        total.smallest_row[m] = part.smallest_row[m];
    }
    total.sum_difference = worse(total.sum_difference, part.sum_difference);
}

/// Adds what one tile and its mirror contribute; `v` is the probe.
template <class T>
void scan_tile(const TileFile& file, const KernelShape& shape, const std::vector<double>& v, const Tile& tile,
               ScanMemory<T>& memory, EntryScan& scan) {
    const std::size_t last = shape.matrices.size() - 1;
    double* sum = memory.component_sum.data();
    std::fill_n(sum, memory.component_sum.size(), 0.0);
    for (std::size_t m = 0; m <= last; ++m) {
        const Index R = shape.matrices[m].rows_per_sample;
        const Index row = shape.panels.begin(tile.row) * R;
        const Index column = shape.panels.begin(tile.column) * R;
        const ConstMatrixView<T> block = file.read(m, tile, memory.tile.data());
        ConstMatrixView<T> mirror = block;
        add_products(block, v.data() + column, scan.products[m].data() + row, scan.sizes[m].data() + row);
        if (tile.is_diagonal()) {
            scan.largest[m] = worse(scan.largest[m], largest_on_diagonal(block));
            scan.traces[m] += trace_of(block);
            note_smallest(block, row, scan.smallest[m], scan.smallest_row[m]);
        } else {
            mirror = file.read(m, {tile.column, tile.row}, memory.mirror.data());
            add_products(mirror, v.data() + row, scan.products[m].data() + column,
                         scan.sizes[m].data() + column);
        }
        scan.asymmetry[m] = worse(scan.asymmetry[m], asymmetry(block, mirror).largest);
        if (shape.matrices[m].is_component()) add_block(block, sum);
        if (m == last) scan.sum_difference = worse(scan.sum_difference, difference_from(sum, block));
    }
}

template <class T>
EntryScan scan_entries_of(const TileFile& file, const KernelShape& shape, const std::vector<Tile>& tiles,
                          int threads, std::uint64_t seed) {
    const Index side = shape.tile_rows(shape.matrices.back());
    std::vector<double> v(at(shape.rows(shape.matrices.back())));
    for (std::size_t k = 0; k < v.size(); ++k) v[k] = probe_sign(seed, static_cast<Index>(k));
    // Each thread has sums of its own and always the same tiles, so that rounding is the same at every run.
    std::vector<EntryScan> scans(at(threads));
    std::vector<std::exception_ptr> failures(at(threads));
#pragma omp parallel for num_threads(threads) schedule(static, 1) default(shared)
    for (int t = 0; t < threads; ++t) {
        try {
            scans[at(t)] = empty_scan(shape);
            ScanMemory<T> memory(side * side);
            for (std::size_t k = at(t); k < tiles.size(); k += at(threads))
                scan_tile(file, shape, v, tiles[k], memory, scans[at(t)]);
        } catch (...) {
            failures[at(t)] = std::current_exception();
        }
    }
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
    for (std::size_t t = 1; t < scans.size(); ++t) merge(scans[0], scans[t]);
    return std::move(scans[0]);
}

}  // namespace

EntryScan scan_entries(const TileFile& file, const KernelShape& shape, const std::vector<Tile>& tiles,
                       int threads, std::uint64_t seed) {
    return shape.precision == Precision::float32 ? scan_entries_of<float>(file, shape, tiles, threads, seed)
                                                 : scan_entries_of<double>(file, shape, tiles, threads, seed);
}

}  // namespace tangram
