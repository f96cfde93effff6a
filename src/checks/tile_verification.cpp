#include "tile_verification.hpp"

#include "block_measures.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/threads.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tangram {

namespace {

/// The first entry of a block that `is_bad`, {-1, -1} if there is none.
template <class T, class IsBad>
std::array<Index, 2> first_entry(ConstMatrixView<T> block, IsBad is_bad) {
    for (Index i = 0; i < block.rows; ++i) {
        for (Index j = 0; j < block.cols; ++j) {
            if (is_bad(block(i, j))) return {i, j};
        }
    }
    return {-1, -1};
}

/// Whether all entries are numbers. A NaN or an infinity times 0 is NaN, and stays one in a sum.
template <class T>
bool is_finite(ConstMatrixView<T> block) {
    T watch = 0;
    for (Index i = 0; i < block.rows; ++i) {
        const T* row = block.row(i);
#pragma omp simd reduction(+ : watch)
        for (Index j = 0; j < block.cols; ++j) watch += row[j] * T{0};
    }
    return watch == T{0};
}

/// As an error names a tile: (file:dataset, rows a:b, columns c:d).
std::string name_tile(const KernelFile& kernel, std::size_t matrix, const Tile& tile) {
    const Shape& shape = kernel.shape;
    const Index R = shape.matrices[matrix].rows_each;
    const auto range = [&](const Axis& axis, Index panel) {
        const Index begin = axis.begin(panel);
        return fmt::format("{}:{}", begin * R, (begin + axis.size(panel)) * R);
    };
    return fmt::format("({}:{}, rows {}, columns {})", kernel.path, shape.matrices[matrix].path,
                       range(shape.axes.row, tile.row), range(shape.axes.column, tile.column));
}

void record(const TileReading& r, std::size_t matrix, const Tile& tile, const std::string& what,
            const std::string& more, Findings& findings) {
    ++findings.bad_tiles;
    ++findings.matrices[matrix].bad_tiles;
    const Axes& axes = r.kernel.shape.axes;
    const Index place = static_cast<Index>(matrix) * axes.stored_tiles() + axes.stored_index(tile);
    if (place >= findings.first.place) return;
    findings.first = {place, fmt::format("{} {}: {}", what, name_tile(r.kernel, matrix, tile), more)};
}

/// Looks at the tile on its own. Returns whether it is good.
template <class T>
bool verify_tile(const TileReading& r, std::size_t m, const Tile& tile, ConstMatrixView<T> block,
                 Findings& findings) {
    const Axes& axes = r.kernel.shape.axes;
    ++findings.tiles;
    findings.bytes += block.rows * block.cols * static_cast<Index>(sizeof(T));
    const std::uint64_t found = checksum(block);
    const std::uint64_t wanted = r.checksums[m][at(axes.stored_index(tile))];
    if (found != wanted) {
        ++findings.matrices[m].changed_tiles;
        record(r, m, tile, "a tile is not as it was written",
               fmt::format("its checksum is {:016x}, not {:016x}", found, wanted), findings);
        return false;
    }
    if (!is_finite(block)) {
        const auto [i, j] = first_entry(block, [](T value) { return !std::isfinite(value); });
        record(r, m, tile, "a tile holds a value that is no number",
               fmt::format("{} in its row {}, column {}", block(i, j), i, j), findings);
        return false;
    }
    if (!axes.is_diagonal(tile)) return true;
    for (Index i = 0; i < block.rows; ++i) {
        if (block(i, i) >= 0) continue;
        record(r, m, tile, "a matrix has a negative diagonal",
               fmt::format("{} in row {} of the tile", block(i, i), i), findings);
        return false;
    }
    MatrixVerification& matrix = findings.matrices[m];
    matrix.largest_on_diagonal = worse(matrix.largest_on_diagonal, largest_on_diagonal(block));
    return true;
}

template <class T>
bool verify_symmetry(const TileReading& r, std::size_t m, const Tile& tile, ConstMatrixView<T> block,
                     ConstMatrixView<T> mirror, Findings& findings) {
    const TileAsymmetry found = asymmetry(block, mirror);
    if (found.entries == 0) return true;
    MatrixVerification& matrix = findings.matrices[m];
    matrix.unlike_entries += found.entries;
    matrix.symmetry_error = worse(matrix.symmetry_error, found.largest);  // made relative when all is known
    record(r, m, tile, "a matrix is not symmetric",
           fmt::format("{} entries of the tile differ from their mirror images, by {:.3g} at most",
                       found.entries, found.largest),
           findings);
    return false;
}

/// One thread's memory: two tiles, and on one the sum of the components and of their absolute values.
template <class T>
struct Workspace {
    Workspace(Index values, bool has_sum)
        : tile(values), mirror(values), sum(has_sum ? values : 0), size(has_sum ? values : 0) {}
    AlignedBuffer<T> tile, mirror;
    AlignedBuffer<double> sum, size;
};

template <class T>
void add_sizes(ConstMatrixView<T> block, double* sizes) {
    for (Index i = 0; i < block.rows; ++i, sizes += block.cols) {
        const T* row = block.row(i);
#pragma omp simd
        for (Index j = 0; j < block.cols; ++j) sizes[j] += std::abs(static_cast<double>(row[j]));
    }
}

/// The kernel's tile against the sum of the components on it.
template <class T>
void verify_sum(const TileReading& r, const Tile& tile, ConstMatrixView<T> block, const Workspace<T>& memory,
                Findings& findings) {
    const Shape& shape = r.kernel.shape;
    // Products below this lose digits that no relative bound knows of.
    const double floor = smallest_normal(shape.precision) / rounding_unit(shape.precision);
    double worst = 0;
    for (Index i = 0; i < block.rows; ++i) {
        const double* sum = memory.sum.data() + i * block.cols;
        const double* size = memory.size.data() + i * block.cols;
        for (Index j = 0; j < block.cols; ++j) {
            const double difference = std::abs(static_cast<double>(block(i, j)) - sum[j]);
            worst = std::max(worst, difference / std::max(size[j], floor));
        }
    }
    findings.sum_error = std::max(findings.sum_error, worst);
    if (worst <= r.sum_limit) return;
    record(r, shape.matrices.size() - 1, tile, "the kernel is not the sum of its components",
           fmt::format("an entry of the tile is off by {:.3g} of them, and rounding explains {:.1g}", worst,
                       r.sum_limit),
           findings);
}

/// Tile (I, J) and its mirror (J, I) of every matrix.
template <class T>
void verify_pair(const TileReading& r, const Tile& tile, Workspace<T>& memory, Findings& findings) {
    const Shape& shape = r.kernel.shape;
    const std::size_t last = shape.matrices.size() - 1;
    bool sum_is_known = r.has_sum;
    std::fill_n(memory.sum.data(), memory.sum.size(), 0.0);
    std::fill_n(memory.size.data(), memory.size.size(), 0.0);
    for (std::size_t m = 0; m <= last; ++m) {
        const ConstMatrixView<T> block = r.file.read(m, tile, memory.tile.data());
        bool good = verify_tile(r, m, tile, block, findings);
        ConstMatrixView<T> mirror = block;
        if (shape.stores_mirror(tile)) {
            const Tile other = mirror_of(tile);
            mirror = r.file.read(m, other, memory.mirror.data());
            good = verify_tile(r, m, other, mirror, findings) && good;
        }
        if (shape.axes.symmetric && shape.stores(mirror_of(tile)))
            good = good && verify_symmetry(r, m, tile, block, mirror, findings);
        if (!shape.matrices[m].is_component() && m != last) continue;
        sum_is_known = sum_is_known && good;  // a tile at fault says nothing of the sum
        if (!sum_is_known) continue;
        if (m == last) {
            verify_sum(r, tile, block, memory, findings);
        } else {
            add_block(block, memory.sum.data());
            add_sizes(block, memory.size.data());
        }
    }
}

void merge_matrix(MatrixVerification& to, const MatrixVerification& from) {
    to.changed_tiles += from.changed_tiles;
    to.unlike_entries += from.unlike_entries;
    to.bad_tiles += from.bad_tiles;
    to.symmetry_error = worse(to.symmetry_error, from.symmetry_error);
    to.largest_on_diagonal = worse(to.largest_on_diagonal, from.largest_on_diagonal);
}

void merge(Findings& total, const Findings& part) {
    for (std::size_t m = 0; m < total.matrices.size(); ++m) merge_matrix(total.matrices[m], part.matrices[m]);
    total.sum_error = std::max(total.sum_error, part.sum_error);
    total.tiles += part.tiles;
    total.bytes += part.bytes;
    total.bad_tiles += part.bad_tiles;
    if (part.first.place < total.first.place) total.first = part.first;
}

Findings nothing_found(const Shape& shape) {
    Findings findings;
    findings.matrices.resize(shape.matrices.size());
    return findings;
}

template <class T>
Findings verify_pairs_of(const TileReading& r, const std::vector<Tile>& tiles, int threads) {
    const Shape& shape = r.kernel.shape;
    const Index values = std::max(shape.tile_entries(), page_aligned_from / static_cast<Index>(sizeof(T)));
    std::vector<Findings> findings(at(threads), nothing_found(shape));
    on_threads(threads, [&](int thread) {
        Workspace<T> memory(values, r.has_sum);
        for (std::size_t k = at(thread); k < tiles.size(); k += at(threads))
            verify_pair(r, tiles[k], memory, findings[at(thread)]);
    });
    for (std::size_t t = 1; t < findings.size(); ++t) merge(findings[0], findings[t]);
    return std::move(findings[0]);
}

}  // namespace

Findings verify_pairs(const TileReading& reading, const std::vector<Tile>& tiles, int threads) {
    return with_precision(reading.kernel.shape.precision, [&](auto number) {
        return verify_pairs_of<decltype(number)>(reading, tiles, threads);
    });
}

}  // namespace tangram
