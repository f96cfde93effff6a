#include "tangram/file/kernel_rows.hpp"

#include <algorithm>

namespace tangram {

void read_row(const TileFile& file, const Shape& shape, std::size_t m, Index row, std::vector<double>& out) {
    const Index n = shape.columns(shape.matrices[m]);
    const Index side = shape.tile_columns(shape.matrices[m]);
    out.resize(at(n));
    for (Index first = 0; first < n; first += side) {
        const Index width = std::min(side, n - first);
        file.read_entries(m, row, first, {out.data() + first, 1, width, width});
    }
}

void RowReader::read(Index row, std::vector<double>& out) {
    if (!shape_.lower) return read_row(file_, shape_, m_, row, out);
    constexpr Index at_once = 64;
    const Index n = shape_.rows(shape_.matrices[m_]), side = shape_.tile_rows(shape_.matrices[m_]);
    if (first_ < 0 || row < first_ || row >= first_ + band_.rows()) {
        first_ = row / side * side + row % side / at_once * at_once;  // within one row of tiles
        band_ = Matrix<double>(std::min({at_once, n - first_, row / side * side + side - first_}), n);
        for (Index column = 0; column < n; column += side)
            file_.read_entries(m_, first_, column,
                               band_.view().block(0, column, band_.rows(), std::min(side, n - column)));
    }
    out.assign(band_.view().row(row - first_), band_.view().row(row - first_) + n);
}

void read_column(const TileFile& file, const Shape& shape, std::size_t m, Index column,
                 std::vector<double>& out) {
    const Index n = shape.rows(shape.matrices[m]);
    const Index side = shape.tile_rows(shape.matrices[m]);
    out.resize(at(n));
    for (Index first = 0; first < n; first += side) {
        const Index height = std::min(side, n - first);
        file.read_entries(m, first, column, {out.data() + first, height, 1, 1});
    }
}

}  // namespace tangram
