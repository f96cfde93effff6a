#include "tangram/compare/compared_files.hpp"

#include "tangram/file/kernel_rows.hpp"

namespace tangram {

void ComparedFiles::read_ours(Index row, std::vector<double>& out) const {
    read_row(file, kernel.shape, kernel.shape.total_index(), row, out);
}

void ComparedFiles::read_theirs(Index row, std::vector<double>& out) const {
    const Index n = columns();
    out.resize(at(n));
    other.read(row, 0, {out.data(), 1, n, n});
}

}  // namespace tangram
