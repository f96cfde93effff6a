#include "step_products.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// Samples [first, first + n) of a panel as a panel of their own.
FeatureView some_of(const FeatureView& view, const PanelLayout& shifted, Index n) {
    return {view.network, view.reduction, shifted, view.block, n};
}

PanelLayout shifted(const PanelLayout& layout, Index first) {
    PanelLayout moved = layout;
    for (PanelSlot& slot : moved.values) slot.offset += first * slot.ld;
    for (PanelSlot& slot : moved.sensitivities) slot.offset += first * layout.rows_per_sample * slot.ld;
    return moved;
}

/// Calls visit(view, first) for parts of a panel of so few samples that a sensitivity of each takes no more than 32 MiB.
template <class Visit>
void for_each_part(const FeatureView& view, const Step& step, Visit visit) {
    constexpr Index most_values = Index{1} << 22;
    const Index most = std::clamp<Index>(most_values / std::max<Index>(view.width(step), 1), 1, view.samples);
    if (most == view.samples) return visit(view, Index{0});
    for (Index first = 0; first < view.samples; first += most) {
        const PanelLayout moved = shifted(view.layout, first);
        visit(some_of(view, moved, std::min(most, view.samples - first)), first);
    }
}

}  // namespace

void add_transposed(const FeatureView& view, ConstMatrixView<double> y, StepProducts& to) {
    for_each_part(view, to.step, [&](const FeatureView& part, Index first) {
        add_transposed_action(part, to.step, to.round, y.row_block(first, part.samples), to.V.pointers());
    });
}

std::vector<Matrix<double>> action_of(const FeatureView& view, Index rows_each, StepProducts& of) {
    std::vector<Matrix<double>> y(of.step.tensors.size());
    for (Matrix<double>& one : y) one = Matrix<double>(view.samples, rows_each);
    for_each_part(view, of.step, [&](const FeatureView& part, Index first) {
        std::vector<Matrix<double>> some(y.size());
        for (Matrix<double>& one : some) one = Matrix<double>(part.samples, rows_each);
        add_action(part, of.step, of.round, of.V.pointers(), some);
        for (std::size_t k = 0; k < y.size(); ++k)
            std::copy_n(some[k].data(), some[k].size(), y[k].view().row(first));
    });
    return y;
}

}  // namespace tangram
