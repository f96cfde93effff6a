// Networks side by side, outputs (f_1, .., f_K): row r of E has row r of every network in its columns.

#include "rules.hpp"

namespace tangram::rows {

namespace {

Index rows_of_one(const Reduction& reduction) {
    return reduction.joined->sensitivities();
}

double entry(const Reduction& reduction, Index sample, Index r, Index output) {
    return reduction.joined->weight(sample, r, output % reduction.joined->outputs);
}

void fill(const Reduction& reduction, Index sample, const double* y, MatrixView<double> E) {
    const Index C = reduction.joined->outputs;
    for (Index first = 0; first < E.cols; first += C)
        reduction.joined->fill_rows(sample, y + first, E.block(0, first, E.rows, C));
}

}  // namespace

const RowRule joined{.name = "joined", .count = rows_of_one, .weight = entry};
const RowRule joined_by_sample{.name = "joined", .by_sample = true, .count = rows_of_one, .fill = fill};

}  // namespace tangram::rows
