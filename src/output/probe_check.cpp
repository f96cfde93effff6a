#include "tangram/output/probe_check.hpp"

#include "tangram/support/hdf5.hpp"

#include "probe_reference.hpp"
#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

std::size_t at(Index i) {
    return static_cast<std::size_t>(i);
}

/// What one reading of the file yields, for each matrix; each rank sees its own tiles.
struct EntrySums {
    std::vector<std::vector<double>> products;  ///< [matrix]: K v, all kernel rows
    std::vector<std::vector<double>> sizes;     ///< [matrix]: |K| |v|
    std::vector<double> largest, asymmetry;     ///< [matrix]: max |K|, max |K - K^T|
    double sum_difference = 0;                  ///< max |K - sum of components|
};

/// max(most, value) that a NaN wins.
double worse(double most, double value) {
    return value <= most ? most : value;
}

template <class T>
class TileReader {
public:
    TileReader(const std::string& path, const KernelShape& shape)
        : shape_(shape), file_(h5::open_readonly(path)) {
        for (const KernelMatrix& matrix : shape.matrices)
            datasets_.push_back(h5::open_dataset(file_, matrix.path));
    }
    /// The block of matrix m at panels (row, column), in memory that the next call may reuse.
    MatrixView<T> read(std::size_t m, const Tile& block, AlignedBuffer<T>& memory) const {
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

/// K v and |K| |v| of one block whose first entry is (row, column).
template <class T>
void add_products(ConstMatrixView<T> block, Index row, Index column, const std::vector<double>& v,
                  std::vector<double>& products, std::vector<double>& sizes) {
    for (Index i = 0; i < block.rows; ++i) {
        const T* k = block.row(i);
        double product = 0;
        double size = 0;
        for (Index j = 0; j < block.cols; ++j) {
            const auto entry = static_cast<double>(k[j]);
            product += entry * v[at(column + j)];
            size += std::abs(entry);
        }
        products[at(row + i)] += product;
        sizes[at(row + i)] += size;
    }
}

/// max |A - B^T|, and max |A| into `largest`.
template <class T>
double asymmetry(ConstMatrixView<T> A, ConstMatrixView<T> B, double& largest) {
    double worst = 0;
    for (Index i = 0; i < A.rows; ++i) {
        for (Index j = 0; j < A.cols; ++j) {
            const auto a = static_cast<double>(A(i, j));
            largest = worse(largest, std::abs(a));
            worst = worse(worst, std::abs(a - static_cast<double>(B(j, i))));
        }
    }
    return worst;
}

/// The sum of the components on one tile, to be compared with the kernel.
template <class T>
class ComponentSum {
public:
    explicit ComponentSum(Index values) : memory_(values) {}
    void start(Index values) { std::fill_n(memory_.data(), values, 0.0); }
    void add(ConstMatrixView<T> block) {
        for (Index k = 0; k < block.rows * block.cols; ++k)
            memory_.data()[k] += static_cast<double>(block.data[k]);
    }
    [[nodiscard]] double difference(ConstMatrixView<T> block) const {
        double worst = 0;
        for (Index k = 0; k < block.rows * block.cols; ++k) {
            worst = worse(worst, std::abs(memory_.data()[k] - static_cast<double>(block.data[k])));
        }
        return worst;
    }

private:
    AlignedBuffer<double> memory_;
};

template <class T>
EntrySums read_entries(const std::string& path, const KernelShape& shape, const std::vector<Tile>& tiles,
                       std::uint64_t seed) {
    const std::size_t count = shape.matrices.size();
    EntrySums sums;
    sums.largest.assign(count, 0);
    sums.asymmetry.assign(count, 0);
    for (const KernelMatrix& matrix : shape.matrices) {
        sums.products.emplace_back(at(shape.rows(matrix)));
        sums.sizes.emplace_back(at(shape.rows(matrix)));
    }
    const KernelMatrix& ntk = shape.matrices.back();
    std::vector<double> v(at(shape.rows(ntk)));
    for (std::size_t k = 0; k < v.size(); ++k) v[k] = probe_sign(seed, static_cast<Index>(k));

    const TileReader<T> reader(path, shape);
    const Index tile_values = shape.tile_rows(ntk) * shape.tile_rows(ntk);
    AlignedBuffer<T> memory(tile_values);
    AlignedBuffer<T> mirror_memory(tile_values);
    ComponentSum<T> component_sum(tile_values);
    for (const Tile& tile : tiles) {
        component_sum.start(tile_values);
        for (std::size_t m = 0; m < count; ++m) {
            const KernelMatrix& matrix = shape.matrices[m];
            const Index R = matrix.rows_per_sample;
            const ConstMatrixView<T> block = reader.read(m, tile, memory);
            ConstMatrixView<T> mirror = block;
            add_products(block, shape.panels.begin(tile.row) * R, shape.panels.begin(tile.column) * R, v,
                         sums.products[m], sums.sizes[m]);
            if (!tile.is_diagonal()) {
                mirror = reader.read(m, {tile.column, tile.row}, mirror_memory);
                add_products(mirror, shape.panels.begin(tile.column) * R, shape.panels.begin(tile.row) * R, v,
                             sums.products[m], sums.sizes[m]);
            }
            sums.asymmetry[m] = worse(sums.asymmetry[m], asymmetry(block, mirror, sums.largest[m]));
            if (matrix.is_component()) component_sum.add(block);
            if (m == count - 1)
                sums.sum_difference = worse(sums.sum_difference, component_sum.difference(block));
        }
    }
    return sums;
}

double ratio(double numerator, double denominator) {
    if (numerator == 0) return 0;
    return denominator > 0 ? numerator / denominator : std::numeric_limits<double>::infinity();
}

/// Collective. max_i |K v - reference|_i / (|K| |v|)_i, and the row where it is.
double probe_error(const mpi::Communicator& comm, std::vector<double>& products, std::vector<double>& sizes,
                   std::vector<double>& reference, Index& worst_row) {
    mpi::sum(comm, products);
    mpi::sum(comm, sizes);
    mpi::sum(comm, reference);
    double worst = -1;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const double error = ratio(std::abs(products[i] - reference[i]), sizes[i]);
        if (error <= worst) continue;
        worst = error;
        worst_row = static_cast<Index>(i);
        if (std::isnan(error)) break;
    }
    return worst;
}

}  // namespace

double probe_sign(std::uint64_t seed, Index row) {
    // splitmix64 (Steele, Lea and Flood, OOPSLA 2014) of seed and row.
    std::uint64_t z = seed + (static_cast<std::uint64_t>(row) + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return ((z ^ (z >> 31U)) & 1U) != 0 ? 1.0 : -1.0;
}

void check_all_entries(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                       const Network& network, const Reduction& reduction, const ReadSamples& read_samples,
                       CheckReport& report) {
    ProbeReference reference = probe_reference(comm, shape, network, reduction, read_samples, report.seed);
    const std::vector<Tile> tiles = tiles_of(assign_tiles(shape.panels, make_grid(comm.size())), comm.rank());
    EntrySums sums = shape.precision == Precision::float32
                         ? read_entries<float>(path, shape, tiles, report.seed)
                         : read_entries<double>(path, shape, tiles, report.seed);
    mpi::maximum(comm, sums.largest);
    mpi::maximum(comm, sums.asymmetry);
    report.symmetry_error = 0;
    auto component = report.components.begin();
    bool components_stored = false;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        report.symmetry_error = worse(report.symmetry_error, ratio(sums.asymmetry[m], sums.largest[m]));
        Index worst_row = -1;
        const double error =
            probe_error(comm, sums.products[m], sums.sizes[m], reference.products[m], worst_row);
        if (shape.matrices[m].is_component()) {
            (component++)->probe_error = error;
            components_stored = true;
        } else if (shape.matrices[m].kind == MatrixKind::conjugate_kernel) {
            report.conjugate_error =
                std::isnan(report.conjugate_error) ? error : worse(report.conjugate_error, error);
        } else {
            report.total.probe_error = error;
            report.worst_probe_row = worst_row;
        }
    }
    const double sum_difference = mpi::maximum(comm, sums.sum_difference);
    if (components_stored) report.sum_of_components_error = ratio(sum_difference, sums.largest.back());
}

}  // namespace tangram
