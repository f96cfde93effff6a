#include "tangram/tangent/jacobian_rows.hpp"

#include "tangram/tangent/forms.hpp"

#include <algorithm>
#include <type_traits>

namespace tangram {

namespace {

template <class T>
auto fill_of(const Step& step) {
    const JacobianRoutines& form = jacobian_routines_of(step.form);
    if constexpr (std::is_same_v<T, float>)
        return form.fill_narrow;
    else
        return form.fill;
}

}  // namespace

std::vector<ParameterRun> runs_of_parameters(const std::vector<ParameterBlock>& blocks,
                                             const std::vector<Step>& steps, Index first, Index count) {
    std::vector<ParameterRun> runs;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        for (std::size_t which = 0; which < steps[k].tensors.size(); ++which) {
            const ParameterBlock& block = blocks[at(steps[k].tensors[which].tensor)];
            const Index begin = std::max(block.first, first);
            const Index end = std::min(block.end(), first + count);
            if (begin < end) runs.push_back({k, which, {begin - block.first, end - begin}, begin - first});
        }
    }
    return runs;
}

template <class T>
void fill_jacobian_rows(const FeatureView& features, const std::vector<Step>& steps, Index first,
                        const std::vector<ParameterRun>& runs, double* s, MatrixView<T> J) {
    const Index R = features.reduction.sensitivities();
    for (Index row = 0; row < J.rows; ++row) {
        const Index i = first + row / R;
        const Step* step = nullptr;  // whose sensitivities `s` has
        for (const ParameterRun& run : runs) {
            if (&steps[run.step] != step) {
                step = &steps[run.step];
                features.copy_sensitivity(*step, i, row % R, s);
            }
            fill_of<T> (*step)(features, *step, run.which, i, s, run.entries, J.row(row) + run.column);
        }
    }
}

void add_squared_jacobian(const FeatureView& features, const std::vector<Step>& steps,
                          const std::vector<ParameterBlock>& blocks, std::vector<double>& diagonal) {
    for (const Step& step : steps) {
        for (std::size_t which = 0; which < step.tensors.size(); ++which) {
            const ParameterBlock& block = blocks[at(step.tensors[which].tensor)];
            jacobian_routines_of(step.form).add_squares(features, step, which, diagonal.data() + block.first);
        }
    }
}

template void fill_jacobian_rows(const FeatureView&, const std::vector<Step>&, Index,
                                 const std::vector<ParameterRun>&, double*, MatrixView<float>);
template void fill_jacobian_rows(const FeatureView&, const std::vector<Step>&, Index,
                                 const std::vector<ParameterRun>&, double*, MatrixView<double>);

}  // namespace tangram
