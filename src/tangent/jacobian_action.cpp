#include "tangram/tangent/jacobian_action.hpp"

namespace tangram {

void add_transposed_action(const FeatureView& features, const Step& step, Index first,
                           ConstMatrixView<double> y, const StepParameters& out) {
    jacobian_routines_of(step.form).transposed_action(features, step, first, y, out);
}

void add_action(const FeatureView& features, const Step& step, Index first, const StepParameters& u,
                std::vector<Matrix<double>>& y) {
    jacobian_routines_of(step.form).action(features, step, first, u, y);
}

double squared_size(const FeatureView& features, const Step& step) {
    return jacobian_routines_of(step.form).squared_size(features, step);
}

}  // namespace tangram
