#include "tangram/commands/summary.hpp"

#include "tangram/support/progress.hpp"

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

/// Passes over all samples of the rank that plans.
Index gram_passes(const PlannedRun& run, const MemoryPlan& memory) {
    const Index tiles = static_cast<Index>(run.distribution.tiles.size());
    const Index at_once = Index{memory.gram.threads} * memory.gram.tiles_a_thread;
    return (tiles + at_once - 1) / at_once;
}

std::string how_features_are_held(const PlannedRun& run, const MemoryPlan& memory) {
    if (run.shape.space() == Space::samples) {
        return memory.residency.holds_everything()
                   ? "all at once"
                   : fmt::format("in {} slices, {} of them resident", memory.residency.slices,
                                 memory.residency.resident);
    }
    const Panels batches = sample_batches(run.shape.samples, run.reduction);
    return memory.gram.batches >= batches.count()
               ? "of all samples, on every rank"
               : fmt::format("of {} samples at once, again in each of {} passes",
                             memory.gram.batches * batches.panel_size, gram_passes(run, memory));
}

/// How often the features are computed on every rank, in units of once on one.
double feature_rounds(const PlannedRun& run, const MemoryPlan& memory, int ranks) {
    if (run.shape.space() == Space::samples) return 1;
    const bool held = memory.gram.batches >= sample_batches(run.shape.samples, run.reduction).count();
    return 1 + static_cast<double>(ranks) * static_cast<double>(held ? 1 : gram_passes(run, memory));
}

}  // namespace

std::string describe_plan(const KernelShape& shape, const Grid& grid, int ranks, int threads) {
    const Index panels = shape.panels.count();
    return fmt::format(
        "{} {} in {} panel{} of {}, {} tile{} of {} matri{}, {} to disk; {} rank{} as {} x {}, {} "
        "thread{} each",
        shape.panels.samples, shape.space() == Space::samples ? "samples" : "parameters", panels,
        panels == 1 ? "" : "s", shape.panels.panel_size, panels * (panels + 1) / 2, panels == 1 ? "" : "s",
        shape.matrices.size(), shape.matrices.size() == 1 ? "x" : "ces",
        human_bytes(static_cast<double>(shape.matrix_bytes())), ranks, ranks == 1 ? "" : "s", grid.rows,
        grid.cols, threads, threads == 1 ? "" : "s");
}

std::string plan_table(const PlannedRun& run, const MemoryPlan& memory, int ranks, const OutputPaths& paths,
                       double rate, double wide_rate) {
    const auto N = static_cast<double>(run.shape.samples);
    const double tile_operations_count = operations_of(run.network, run.reduction, run.shape);
    // A multiplication by every weight forward, one a sensitivity backward; the checks do it again, and as much
    // for the probe.
    const double feature_operations = 2 * N * static_cast<double>(run.network.parameters()) *
                                      (1 + static_cast<double>(run.reduction.sensitivities()));
    const double features = feature_operations / wide_rate * feature_rounds(run, memory, ranks);
    const double tiles = tile_operations_count / rate;
    const double checks = run.check_samples == 0 ? 0 : 2 * feature_operations / wide_rate;
    const auto bytes = [](Index count) { return human_bytes(static_cast<double>(count)); };
    std::string text;
    text +=
        fmt::format("plan        {}\n", describe_plan(run.shape, run.distribution.grid, ranks, run.threads));
    text += fmt::format("\nmemory of the rank with the most\n");
    text += fmt::format("  program and network      {:>10}\n", bytes(memory.base));
    text += fmt::format("  samples and outputs      {:>10}\n", bytes(memory.samples));
    text += fmt::format("  its own features         {:>10}\n", bytes(memory.own_features));
    text += fmt::format("  scratch of the features  {:>10}\n", bytes(memory.scratch));
    text += fmt::format("  features for its tiles   {:>10}   {}\n", bytes(memory.held_features),
                        how_features_are_held(run, memory));
    text += fmt::format("  tiles under way          {:>10}\n", bytes(memory.tiles));
    text += fmt::format("  checks                   {:>10}{}\n", bytes(memory.checks),
                        memory.keep_probe_features ? "" : "   features computed again for each layer");
    text += fmt::format("  peak                     {:>10}   of {} that there are for it\n",
                        bytes(memory.peak()), bytes(memory.budget));
    text += fmt::format("\ndisk        {} in {}\n", bytes(run.shape.matrix_bytes()), paths.directory);
    text += fmt::format("operations  {:.3e} in tiles, {:.3e} in features\n", tile_operations_count,
                        feature_operations);
    text += fmt::format("gemm        {:.1f} GF/s now, {:.1f} in float64\n", rate / 1e9, wide_rate / 1e9);
    text += fmt::format("time        at least {}: features {}, tiles {}, checks {}\n",
                        duration_in_words(features + tiles + checks), duration_in_words(features),
                        duration_in_words(tiles), duration_in_words(checks));
    return text;
}

std::string summary(const KernelMetadata& d, const std::string& path, Index file_bytes) {
    const double assembly = longest(d.timing, Phase::assemble);
    std::string reduction = to_string(d.reduction.kind);
    if (d.reduction.logit >= 0) reduction += fmt::format(" {}", d.reduction.logit);
    std::string text;
    const char* what = d.shape.space() == Space::samples ? "kernel" : "J^T J";
    text += fmt::format("{0:<11} {1} x {1}, {2} of {3} outputs, {4}, {5} parameterization\n", what,
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
