// Outputs as they are: e_o of each that counts, of one, or the sum of all that count.

#include "rules.hpp"

#include <algorithm>

namespace tangram::rows {

namespace {

Index how_many(const Reduction& reduction) {
    return reduction.outputs_that_count();
}

double is_chosen(const Reduction& reduction, Index /*sample*/, Index r, Index output) {
    return output == reduction.output(r) ? 1.0 : 0.0;
}

double is_the_one(const Reduction& reduction, Index /*sample*/, Index /*r*/, Index output) {
    return output == reduction.logit ? 1.0 : 0.0;
}

double is_among(const Reduction& reduction, Index /*sample*/, Index /*r*/, Index output) {
    const std::vector<Index>& chosen = reduction.chosen;
    const bool counts = chosen.empty() || std::find(chosen.begin(), chosen.end(), output) != chosen.end();
    return counts ? 1.0 : 0.0;
}

}  // namespace

const RowRule selected{.name = "outputs", .count = how_many, .weight = is_chosen};
const RowRule single{.name = "logit", .count = one_row, .weight = is_the_one};
const RowRule summed{.name = "sum", .count = one_row, .weight = is_among};

}  // namespace tangram::rows
