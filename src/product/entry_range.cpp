#include "tangram/product/entry_range.hpp"

#include "tangram/tangent/forms.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace tangram {

namespace {

/// The largest product that is accepted: rounding, which differs with the order of a sum, must not lift it over T.
template <class T>
constexpr double largest = 0.999 * static_cast<double>(std::numeric_limits<T>::max());

/// Where a number arises, for messages.
struct Place {
    const Network& network;
    const Step& step;
    Index sample;
};

/// Written so that a NaN is refused.
template <class T>
void require_in_range(double value, const char* quantity, const Place& place) {
    if (value <= largest<T>) return;
    constexpr bool narrow = std::is_same_v<T, float>;
    throw WrongNumberError(
        {fmt::format("the {} layer {} is {:.3g}, beyond {}", quantity,
                     place.network.nodes[at(place.step.node)].name, value, narrow ? "float32" : "float64"),
         describe(place.network.tensors[at(place.step.tensors.front().tensor)]), place.sample,
         narrow ? "use --precision float64, or smaller samples or weights"
                : "use smaller samples or weights, or --data-scale"});
}

/// What a step needs of sample i of the panel at `block`.
template <class T>
OwnFeatures<T> features_of(const PreparedStep& prepared, const PanelLayout& layout, Index i, Index samples,
                           T* block) {
    OwnFeatures<T> own{prepared, {}, {}};
    const Step& step = prepared.step;
    if (facts_of(step.form).needs_input) own.X = value_view(layout, step.x, block, samples).row_block(i, 1);
    if (!prepared.constant) {
        own.S = sensitivity_view(layout, step.s, block, samples)
                    .row_block(i * layout.rows_per_sample, layout.rows_per_sample);
    }
    return own;
}

}  // namespace

template <class T>
void require_entries_in_range(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                              Index samples, Index first_sample, T* block) {
    const std::vector<PreparedStep> steps = prepare_steps(network, reduction);
    std::vector<NamedNumber> numbers;
    for (Index i = 0; i < samples; ++i) {
        double total = 0;
        for (const PreparedStep& prepared : steps) {
            const Place place{network, prepared.step, first_sample + i};
            numbers.clear();
            tile_routines_of<T>(prepared.step.form)
                .own_numbers(features_of(prepared, layout, i, samples, block), numbers);
            for (const NamedNumber& number : numbers)
                require_in_range<T>(number.value, number.quantity, place);
            total += numbers.back().value;
            // For `full` the largest rows of the steps need not be those of one output, and the sum says nothing.
            if (!reduction.is_full()) require_in_range<T>(total, "diagonal kernel entry summed up to", place);
        }
    }
}

template <class T>
std::vector<Matrix<double>> diagonal_blocks(const Network& network, const Reduction& reduction,
                                            const PanelLayout& layout, Index samples, T* block) {
    const Index R = layout.rows_per_sample;
    std::vector<Matrix<double>> diagonals(network.tensors.size());
    for (Matrix<double>& diagonal : diagonals) diagonal = Matrix<double>(samples, R * R);
    for (const PreparedStep& prepared : prepare_steps(network, reduction)) {
        const TileRoutines<T>& form = tile_routines_of<T>(prepared.step.form);
        for (Index i = 0; i < samples; ++i) {
            const OwnFeatures<T> own = features_of(prepared, layout, i, samples, block);
            for (std::size_t which = 0; which < prepared.step.tensors.size(); ++which) {
                double* const entries = diagonals[at(prepared.step.tensors[which].tensor)].view().row(i);
                form.add_own_block(own, which, MatrixView<double>{entries, R, R, R});
            }
        }
    }
    return diagonals;
}

template void require_entries_in_range(const Network&, const Reduction&, const PanelLayout&, Index, Index,
                                       float*);
template void require_entries_in_range(const Network&, const Reduction&, const PanelLayout&, Index, Index,
                                       double*);
template std::vector<Matrix<double>> diagonal_blocks(const Network&, const Reduction&, const PanelLayout&,
                                                     Index, float*);
template std::vector<Matrix<double>> diagonal_blocks(const Network&, const Reduction&, const PanelLayout&,
                                                     Index, double*);

}  // namespace tangram
