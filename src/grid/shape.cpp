#include "tangram/grid/shape.hpp"

#include "tangram/support/error.hpp"

#include <algorithm>

namespace tangram {

bool Shape::has_components() const {
    return std::any_of(matrices.begin(), matrices.end(),
                       [](const StoredMatrix& matrix) { return matrix.is_component(); });
}

void require_tiles_fit(const Shape& shape) {
    const Index rows = shape.tile_rows(shape.total());
    const Index columns = shape.tile_columns(shape.total());
    if (std::max(rows, columns) <= largest_panel_rows) return;
    fail(ExitCode::usage, "--tile {} makes tiles of {} x {} kernel entries: give at most {}",
         shape.axes.column.panel_size, rows, columns,
         std::max<Index>(1, largest_panel_rows / shape.total().rows_each));
}

}  // namespace tangram
