#include "tangram/tangent/feature_view.hpp"

#include <algorithm>

namespace tangram {

void FeatureView::copy_sensitivity(const Step& step, Index i, Index r, double* s) const {
    if (layout.sensitivities[at(step.s)].stored()) {
        const auto S = sensitivity_view(layout, step.s, block, samples);
        const double* const row = S.row(i * layout.rows_per_sample);
        // For full each r has a row of its own, which may be padded.
        std::copy_n(layout.rows_per_sample > 1 ? row + r * S.ld : row + r * width(step), width(step), s);
        return;
    }
    const double c = layout.constants[at(step.s)];
    for (Index j = 0; j < width(step); ++j) s[j] = c * reduction.weight(0, r, j);
}

}  // namespace tangram
