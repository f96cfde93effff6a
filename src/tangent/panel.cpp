#include "tangram/tangent/panel.hpp"

#include "tangram/tangent/forms.hpp"

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
    layout.values.resize(network.values.size());
    layout.sensitivities.resize(network.values.size());
    layout.constants.resize(network.values.size());
    const Index columns_per_unit = reduction.is_full() ? 1 : reduction.sensitivities();
    const std::vector<Step> steps = steps_of(network, reduction);
    for (const Step& step : steps) {
        if (!holds_input(network, step)) continue;
        const Index x = facts_of(step.form).needs_input ? step.x : *step.weighted;
        PanelSlot& slot = layout.values[at(x)];
        if (!slot.stored()) slot = append(layout, samples, network.values[at(x)].size, value_bytes);
    }
    for (const Step& step : steps) {
        PanelSlot& slot = layout.sensitivities[at(step.s)];
        if (const auto c = constant_sensitivity(network, reduction, step.s)) {
            layout.constants[at(step.s)] = *c;
            continue;
        }
        if (slot.stored()) continue;
        slot = append(layout, samples * layout.rows_per_sample,
                      columns_per_unit * network.values[at(step.s)].size, value_bytes);
    }
    const Index granule = block_granule / value_bytes;
    layout.size = (layout.size + granule - 1) / granule * granule;
    return layout;
}

}  // namespace tangram
