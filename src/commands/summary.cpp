#include "tangram/commands/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tangram {

namespace {

std::string human_bytes(double bytes) {
    if (bytes < 1e6) return fmt::format("{:.1f} kB", bytes / 1e3);
    return bytes < 1e9 ? fmt::format("{:.1f} MB", bytes / 1e6) : fmt::format("{:.2f} GB", bytes / 1e9);
}

/// The longest that any rank spent in a phase.
double longest(const Timing& timing, Phase phase) {
    const auto ranks = static_cast<std::ptrdiff_t>(timing.ranks);
    const auto first = timing.seconds.begin() + static_cast<std::ptrdiff_t>(phase) * ranks;
    return *std::max_element(first, first + ranks);
}

std::string phases(const Timing& timing) {
    std::string text;
    for (std::size_t k = 0; k < phase_names.size(); ++k) {
        text += fmt::format("{}{} {:.2f}", k == 0 ? "" : ", ", phase_names[k],
                            longest(timing, static_cast<Phase>(k)));
    }
    return text + " s";
}

}  // namespace

std::string describe_plan(const KernelShape& shape, const Grid& grid, int ranks, int threads) {
    const Index panels = shape.panels.count();
    return fmt::format(
        "{} samples in {} panel{} of {}, {} tile{} of {} matri{}, {} to disk; {} rank{} as {} x {}, {} "
        "thread{} each",
        shape.panels.samples, panels, panels == 1 ? "" : "s", shape.panels.panel_size,
        panels * (panels + 1) / 2, panels == 1 ? "" : "s", shape.matrices.size(),
        shape.matrices.size() == 1 ? "x" : "ces", human_bytes(static_cast<double>(shape.matrix_bytes())),
        ranks, ranks == 1 ? "" : "s", grid.rows, grid.cols, threads, threads == 1 ? "" : "s");
}

std::string summary(const KernelMetadata& d, const std::string& path, Index file_bytes) {
    const double assembly = longest(d.timing, Phase::assemble);
    std::string reduction = to_string(d.reduction.kind);
    if (d.reduction.logit >= 0) reduction += fmt::format(" {}", d.reduction.logit);
    std::string text;
    text += fmt::format("kernel      {0} x {0}, {1} of {2} outputs, {3}, {4} parameterization\n",
                        d.shape.rows(d.shape.matrices.back()), reduction, d.network.outputs(),
                        to_string(d.shape.precision), d.parameterization);
    text += fmt::format("network     {} layers, {} parameters\n", d.network.depth(), d.network.parameters());
    text +=
        fmt::format("tiles       {:.2f} s, {:.1f} GF/s on {} x {} threads\n", assembly,
                    assembly > 0 ? d.timing.flops / assembly / 1e9 : 0.0, d.timing.ranks, d.timing.threads);
    text += fmt::format("phases      {}\n", phases(d.timing));
    text += fmt::format("\n{}\n", to_table(d.checks));
    text += fmt::format("checks      {}\n", !d.checks.run      ? "not run"
                                            : passed(d.checks) ? "passed"
                                                               : "FAILED");
    text += fmt::format("file        {} ({})\n", path, human_bytes(static_cast<double>(file_bytes)));
    return text;
}

}  // namespace tangram
