#include "tangram/kernel/entry_range.hpp"

#include "tangram/kernel/layer_scales.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace tangram {

namespace {

/// The largest product that is accepted: rounding, which differs with the order of a sum, must not lift it over T.
template <class T>
constexpr double largest = 0.999 * static_cast<double>(std::numeric_limits<T>::max());

template <class T>
double squared_norm(const T* values, Index count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = 0; j < count; ++j) sum += static_cast<double>(values[j]) * static_cast<double>(values[j]);
    return sum;
}

/// Written so that a NaN is refused.
template <class T>
void require_in_range(double value, const char* quantity, const Layer& layer, Index sample) {
    if (value <= largest<T>) return;
    constexpr bool narrow = std::is_same_v<T, float>;
    throw WrongNumberError({fmt::format("the {} layer {} is {:.3g}, beyond {}", quantity, layer.name, value,
                                        narrow ? "float32" : "float64"),
                            fmt::format("{}, ({}, {})", layer.weight_name, layer.fan_out(), layer.fan_in()),
                            sample,
                            narrow ? "use --precision float64, or smaller samples or weights"
                                   : "use smaller samples or weights, or --data-scale"});
}

/// One layer's part of a sample's kernel entry with itself, H standing for the largest of the sample's rows.
struct LayerProducts {
    double G = 0;
    double H = 0;
    bool constant_H = false;  ///< then the tiles multiply it with the scale first
};

/// K_ii of one layer, every product on the way to it in range, in the order in which the tiles multiply.
template <class T>
double diagonal_entry(const Layer& layer, const Reduction& reduction, const LayerProducts& products,
                      Index sample) {
    const auto& [G, H, constant_H] = products;
    const LayerScales scales = scales_of(layer, reduction);
    const double scaled = scales.weight * (constant_H ? std::max(G, H) : G);
    require_in_range<T>(std::max(scales.weight, scales.bias), "squared scale of", layer, sample);
    require_in_range<T>(G, "squared norm of the input of", layer, sample);
    require_in_range<T>(H, "squared norm of the sensitivity at", layer, sample);
    require_in_range<T>(scaled, "scaled Gram product of", layer, sample);
    const double entry = scales.weight * G * H + scales.bias * H;
    require_in_range<T>(entry, "diagonal kernel entry of", layer, sample);
    return entry;
}

template <class T>
LayerProducts products_of(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                          Index l, Index i, Index samples, T* block) {
    const auto X = activation_view(layout, l, block, samples);
    LayerProducts products{squared_norm(X.row(i), X.cols)};
    if (!layout.sensitivities[static_cast<std::size_t>(l)].stored()) {
        products.H = constant_gram(network, reduction);
        products.constant_H = true;
        return products;
    }
    const auto S = sensitivity_view(layout, l, block, samples);
    for (Index r = 0; r < layout.rows_per_sample; ++r)
        products.H = std::max(products.H, squared_norm(S.row(i * layout.rows_per_sample + r), S.cols));
    return products;
}

template <class T>
void require_entries_in_range_of(const Network& network, const Reduction& reduction,
                                 const PanelLayout& layout, Index samples, Index first_sample, T* block) {
    for (Index i = 0; i < samples; ++i) {
        double total = 0;
        for (Index l = 0; l < network.depth(); ++l) {
            const Layer& layer = network.layers[static_cast<std::size_t>(l)];
            total += diagonal_entry<T>(layer, reduction,
                                       products_of(network, reduction, layout, l, i, samples, block),
                                       first_sample + i);
            // For `full` the largest rows of the layers need not be those of one output, and the sum says nothing.
            if (!reduction.is_full())
                require_in_range<T>(total, "diagonal kernel entry summed up to", layer, first_sample + i);
        }
    }
}

}  // namespace

void require_entries_in_range(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                              Index samples, Index first_sample, float* block) {
    require_entries_in_range_of(network, reduction, layout, samples, first_sample, block);
}

void require_entries_in_range(const Network& network, const Reduction& reduction, const PanelLayout& layout,
                              Index samples, Index first_sample, double* block) {
    require_entries_in_range_of(network, reduction, layout, samples, first_sample, block);
}

}  // namespace tangram
