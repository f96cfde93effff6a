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
