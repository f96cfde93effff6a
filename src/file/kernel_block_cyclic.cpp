#include "tangram/file/kernel_block_cyclic.hpp"

#include "tangram/file/kernel_rows.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

constexpr Index rows_at_once = 64;

/// One for each matrix of the sum.
std::vector<RowReader> readers_of(const TileFile& file, const KernelFile& kernel, const KernelSum& terms) {
    std::vector<RowReader> readers;
    for (const std::size_t m : terms.matrices) readers.emplace_back(file, kernel.shape, m);
    return readers;
}

/// Row `row` of the sum, whole, into `sum`; `one` is scratch.
void read_sum_row(std::vector<RowReader>& readers, const KernelFile& kernel, const KernelSum& terms,
                  Index row, std::vector<double>& one, std::vector<double>& sum) {
    for (std::size_t k = 0; k < terms.matrices.size(); ++k) {
        const std::size_t m = terms.matrices[k];
        readers[k].read(row, k == 0 ? sum : one);
        const std::vector<double>& read = k == 0 ? sum : one;
        for (std::size_t j = 0; j < read.size(); ++j) {
            if (std::isfinite(read[j])) continue;
            fail(ExitCode::bad_input,
                 "{} at row {}, column {} ({}:{}): 'tangram verify' finds what is wrong with the file",
                 std::isnan(read[j]) ? "a NaN" : "an infinity", row, j, kernel.path,
                 kernel.shape.matrices[m].path);
        }
        if (k == 0) continue;
        for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += one[j];
    }
    if (terms.scale == 1 && terms.exponent == 0 && terms.matrices.size() == 1) return;
    // In two steps: 2^-exponent alone may be no number.
    const double first = std::ldexp(1.0, -terms.exponent / 2);
    const double second = std::ldexp(1.0, -terms.exponent - -terms.exponent / 2);
    for (double& entry : sum) {
        entry = entry * terms.scale * first * second;
        if (std::isfinite(entry)) continue;
        fail(ExitCode::bad_input,
             "an entry of row {} times {} is too large for float64 ({}): scale the kernel down", row,
             terms.scale, kernel.path);
    }
}

}  // namespace

void read_block_cyclic(const TileFile& file, const KernelFile& kernel, const KernelSum& sum,
                       const BlockCyclic& layout, AlignedBuffer<double>& local) {
    const Index rows = layout.rows.local_extent();
    const Index cols = layout.cols.local_extent();
    local = AlignedBuffer<double>(std::max<Index>(1, rows * cols));
    std::vector<RowReader> readers = readers_of(file, kernel, sum);
    std::vector<double> row, one;
    // Some rows at a time, so that columns of the local array are written in runs.
    Matrix<double> band(std::min(rows, rows_at_once), layout.cols.extent);
    for (Index first = 0; first < rows; first += band.rows()) {
        const Index height = std::min(band.rows(), rows - first);
        for (Index k = 0; k < height; ++k) {
            read_sum_row(readers, kernel, sum, layout.rows.global(first + k), one, row);
            std::copy_n(row.data(), band.cols(), band.view().row(k));
        }
        for (Index j = 0; j < cols; ++j) {
            const Index column = layout.cols.global(j);
            for (Index k = 0; k < height; ++k) local.data()[first + k + j * rows] = band(k, column);
        }
    }
}

void read_kernel_rows(const TileFile& file, const KernelFile& kernel, const KernelSum& sum, Index first,
                      MatrixView<double> out) {
    std::vector<RowReader> readers = readers_of(file, kernel, sum);
    std::vector<double> row, one;
    for (Index i = 0; i < out.rows; ++i) {
        read_sum_row(readers, kernel, sum, first + i, one, row);
        std::copy_n(row.data(), out.cols, out.row(i));
    }
}

}  // namespace tangram
