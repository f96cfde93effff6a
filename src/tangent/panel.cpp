#include "tangram/tangent/panel.hpp"

namespace tangram {

namespace {

/// Rows whose starts lie a multiple of 2 KiB apart fall on few sets of the cache: 16 bytes of padding spread
/// them, four rows to a line, and add less than 1 % to what travels.
Index padded(Index cols, Index value_bytes) {
    const bool aliases = cols * value_bytes % 2048 == 0;
    return aliases ? cols + 16 / value_bytes : cols;
}

PanelSlot append(PanelLayout& layout, Index rows, Index cols, Index value_bytes) {
    const PanelSlot slot{layout.size, rows, cols, padded(cols, value_bytes)};
    const Index line = 64 / value_bytes;
    layout.size += (slot.rows * slot.ld + line - 1) / line * line;
    return slot;
}

}  // namespace

PanelLayout lay_out_panel(const Network& network, const Reduction& reduction, Index samples,
                          Index value_bytes) {
    PanelLayout layout;
    layout.samples = samples;
    layout.rows_per_sample = reduction.rows_per_sample();
    const Index columns_per_unit = reduction.is_full() ? 1 : reduction.sensitivities();
    for (const Layer& layer : network.layers) {
        layout.activations.push_back(append(layout, samples, layer.fan_in(), value_bytes));
    }
    for (const Layer& layer : network.layers) {
        const bool constant = &layer == &network.layers.back() && layer.is_linear();
        layout.sensitivities.push_back(constant ? PanelSlot{}
                                                : append(layout, samples * layout.rows_per_sample,
                                                         columns_per_unit * layer.fan_out(), value_bytes));
    }
    const Index granule = block_granule / value_bytes;
    layout.size = (layout.size + granule - 1) / granule * granule;
    return layout;
}

double constant_gram(const Network& network, const Reduction& reduction) {
    const double scale = network.layers.back().output_scale;
    const bool one_output = reduction.is_full() || reduction.kind == ReductionKind::logit;
    return scale * scale * (one_output ? 1.0 : static_cast<double>(reduction.outputs));
}

}  // namespace tangram
