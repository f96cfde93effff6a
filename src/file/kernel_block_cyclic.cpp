#include "tangram/file/kernel_block_cyclic.hpp"

#include "tangram/file/kernel_rows.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

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
    for (double& entry : sum) {
        entry = std::ldexp(entry * terms.scale, -terms.exponent);
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
    for (Index i = 0; i < rows; ++i) {
        read_sum_row(readers, kernel, sum, layout.rows.global(i), one, row);
        for (Index j = 0; j < cols; ++j) local.data()[i + j * rows] = row[at(layout.cols.global(j))];
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
