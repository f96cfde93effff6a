#include "entry_scan.hpp"

#include "error_measures.hpp"
#include "tangram/output/entry_check.hpp"
#include "tangram/support/hdf5.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

template <class T>
class TileReader {
public:
    TileReader(const std::string& path, const KernelShape& shape)
        : shape_(shape), file_(h5::open_readonly(path)) {
        for (const KernelMatrix& matrix : shape.matrices)
            datasets_.push_back(h5::open_dataset(file_, matrix.path));
    }
    /// The block of matrix m at panels (row, column), contiguous, in memory that the next call may reuse.
    ConstMatrixView<T> read(std::size_t m, const Tile& block, AlignedBuffer<T>& memory) const {
        const Index R = shape_.matrices[m].rows_per_sample;
        const Panels& panels = shape_.panels;
        const Index width = panels.size(block.column) * R;
        const MatrixView<T> values{memory.data(), panels.size(block.row) * R, width, width};
        h5::read_block(datasets_[m], panels.begin(block.row) * R, panels.begin(block.column) * R, values);
        return values;
    }

private:
    const KernelShape& shape_;
    h5::Handle file_;
    std::vector<h5::Handle> datasets_;
};

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

/// max |A - B^T|. Equal bits, as they should be, are seen at the speed of reading.
template <class T>
double asymmetry(ConstMatrixView<T> A, ConstMatrixView<T> B) {
    constexpr Index side = 16;
    double worst = 0;
    for (Index i0 = 0; i0 < A.rows; i0 += side) {
        for (Index j0 = 0; j0 < A.cols; j0 += side) {
            for (Index i = i0; i < std::min(i0 + side, A.rows); ++i) {
                for (Index j = j0; j < std::min(j0 + side, A.cols); ++j) {
                    if (A(i, j) == B(j, i)) continue;
                    worst =
                        worse(worst, std::abs(static_cast<double>(A(i, j)) - static_cast<double>(B(j, i))));
                }
            }
        }
    }
    return worst;
}

template <class T>
double largest_on_diagonal(ConstMatrixView<T> square) {
    double largest = 0;
    for (Index i = 0; i < square.rows; ++i)
        largest = worse(largest, std::abs(static_cast<double>(square(i, i))));
    return largest;
}

/// The sum of the components on one tile, to be compared with the kernel.
template <class T>
class ComponentSum {
public:
    explicit ComponentSum(Index values) : memory_(values) {}
    void start(Index values) { std::fill_n(memory_.data(), values, 0.0); }
    void add(ConstMatrixView<T> block) {
        double* sum = memory_.data();
#pragma omp simd
        for (Index k = 0; k < block.rows * block.cols; ++k) sum[k] += static_cast<double>(block.data[k]);
    }
    [[nodiscard]] double difference(ConstMatrixView<T> block) const {
        const double* sum = memory_.data();
        double worst = 0;
        double watch = 0;  // a NaN gets lost in max(), never in a sum
#pragma omp simd reduction(max : worst) reduction(+ : watch)
        for (Index k = 0; k < block.rows * block.cols; ++k) {
            const double difference = std::abs(sum[k] - static_cast<double>(block.data[k]));
            worst = difference > worst ? difference : worst;
            watch += difference * 0.0;
        }
        return watch == 0.0 ? worst : std::numeric_limits<double>::infinity();
    }

private:
    AlignedBuffer<double> memory_;
};

template <class T>
EntryScan scan_entries_of(const std::string& path, const KernelShape& shape, const std::vector<Tile>& tiles,
                          std::uint64_t seed) {
    const std::size_t count = shape.matrices.size();
    EntryScan scan;
    scan.largest.assign(count, 0);
    scan.asymmetry.assign(count, 0);
    for (const KernelMatrix& matrix : shape.matrices) {
        scan.products.emplace_back(at(shape.rows(matrix)));
        scan.sizes.emplace_back(at(shape.rows(matrix)));
    }
    std::vector<double> v(at(shape.rows(shape.matrices.back())));
    for (std::size_t k = 0; k < v.size(); ++k) v[k] = probe_sign(seed, static_cast<Index>(k));

    const TileReader<T> reader(path, shape);
    const Index tile_values = shape.tile_rows(shape.matrices.back()) * shape.tile_rows(shape.matrices.back());
    AlignedBuffer<T> memory(tile_values);
    AlignedBuffer<T> mirror_memory(tile_values);
    ComponentSum<T> component_sum(tile_values);
    for (const Tile& tile : tiles) {
        component_sum.start(tile_values);
        for (std::size_t m = 0; m < count; ++m) {
            const Index R = shape.matrices[m].rows_per_sample;
            const Index row = shape.panels.begin(tile.row) * R;
            const Index column = shape.panels.begin(tile.column) * R;
            const ConstMatrixView<T> block = reader.read(m, tile, memory);
            ConstMatrixView<T> mirror = block;
            add_products(block, v.data() + column, scan.products[m].data() + row, scan.sizes[m].data() + row);
            if (tile.is_diagonal()) {
                scan.largest[m] = worse(scan.largest[m], largest_on_diagonal(block));
            } else {
                mirror = reader.read(m, {tile.column, tile.row}, mirror_memory);
                add_products(mirror, v.data() + row, scan.products[m].data() + column,
                             scan.sizes[m].data() + column);
            }
            scan.asymmetry[m] = worse(scan.asymmetry[m], asymmetry(block, mirror));
            if (shape.matrices[m].is_component()) component_sum.add(block);
            if (m == count - 1)
                scan.sum_difference = worse(scan.sum_difference, component_sum.difference(block));
        }
    }
    return scan;
}

}  // namespace

EntryScan scan_entries(const std::string& path, const KernelShape& shape, const std::vector<Tile>& tiles,
                       std::uint64_t seed) {
    return shape.precision == Precision::float32 ? scan_entries_of<float>(path, shape, tiles, seed)
                                                 : scan_entries_of<double>(path, shape, tiles, seed);
}

}  // namespace tangram
