#include "tangram/run/summary.hpp"

#include "tangram/checks/check_budget.hpp"
#include "tangram/network/operations.hpp"
#include "tangram/run/kernel_measures.hpp"
#include "tangram/support/progress.hpp"
#include "tangram/tangent/features_work.hpp"

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

std::string count_of(Index count, const std::string& one, const std::string& many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

/// "300 samples", "20 test samples x 300 samples".
std::string extent_of(const Axes& axes) {
    const auto units = [](const Axis& axis) {
        return fmt::format("{} {}s", axis.extent, name_of(axis.unit));
    };
    return axes.symmetric ? units(axes.row) : units(axes.row) + " x " + units(axes.column);
}

/// What the verdicts of the table leave to be said.
std::string remarks(const Run& run, const CheckReport& checks) {
    std::string text;
    if (const Index count = count_zero(checks); count > 0)
        text = fmt::format("zero        {} of {} components are zero within rounding\n", count,
                           checks.components.size());
    const Index count = count_underflowing(checks);
    if (count == 0 && !checks.total.underflows) return text;
    const bool narrow = run.shape.precision == Precision::float32;
    return text +
           fmt::format(
               "underflow   {} of {} components{} hold entries too small for {}, stored as zeros or with fewer\n"
               "            digits: {}\n",
               count, checks.components.size(), checks.total.underflows ? " and the total" : "",
               to_string(run.shape.precision),
               narrow ? "give --precision float64 if they matter to you"
                      : "scale the samples or the weights up if they matter to you");
}

/// Where the outputs are probabilities, which kernel that is; most of what is written of kernels is of the logits.
std::string of_probabilities(const Run& run) {
    if (run.problem.network.gradients_are_given) return "";
    const std::string by = run.inputs.output_operator;
    if (by != "sigmoid" && by != "softmax" && by != "log_softmax") return "";
    return fmt::format(
        "output      the {} at the end belongs to the network: this is the kernel of {}; that of\n"
        "            the logits: --output-activation identity\n",
        by, by == "log_softmax" ? "the probabilities' logarithms" : "the probabilities");
}

/// What the checks say and what they cannot say: whether the network is the one that the user means.
std::string proven(const Run& run, const CheckReport& checks) {
    if (!passed(checks)) return "";
    if (checks.run && run.inputs.models > 1)
        return "proven      the kernels are right for the networks as read above; whether these are yours was not checked\n";
    if (checks.run && !checks.not_made.empty()) {
        return fmt::format(
            "proven      the kernel is right for the gradients as read; whether they are those of your network was\n            not checked: that needs a network\n");
    }
    const char* kernel = checks.run ? "the kernel is right for the network as read above"
                                    : "nothing: the kernel was not checked (--check-samples 0)";
    if (outputs_compared(checks))
        return fmt::format("proven      {}, whose outputs are those that you gave\n", kernel);
    return fmt::format(
        "proven      {}; whether that network is yours was not checked: its\n            outputs were compared with no others: give your program's with --expect-outputs FILE[:DATASET]\n",
        kernel);
}

}  // namespace

std::string describe_plan(const Run& run) {
    const Shape& shape = run.shape;
    const Axes& axes = shape.axes;
    const Grid grid = make_grid(run.ranks, axes);
    const std::string panels = axes.symmetric
                                   ? count_of(axes.row.panels(), "panel", "panels")
                                   : fmt::format("{} x {} panels", axes.row.panels(), axes.column.panels());
    return fmt::format("{}, {}, in {} of {}, {} of {}, {} to disk; {} as {} x {}, {} each", extent_of(axes),
                       describe(run.problem.reduction), panels, axes.column.panel_size,
                       count_of(axes.tiles(), "tile", "tiles"),
                       count_of(static_cast<Index>(run.made.matrices.size()), "matrix", "matrices"),
                       human_bytes(static_cast<double>(run.file_bytes)), count_of(run.ranks, "rank", "ranks"),
                       grid.rows, grid.cols, count_of(run.threads, "thread", "threads"));
}

std::string plan_table(const Run& run, double rate, double wide_rate) {
    const Problem& problem = run.problem;
    const auto samples =
        static_cast<double>(problem.samples.count + (problem.test ? problem.test->count : 0));
    const double tile_operations = run.product.operations(problem, run.shape);
    const double feature_operations =
        2 * samples * operations_of_features(problem.network, problem.reduction);
    const double features = feature_operations / wide_rate * run.memory.feature_rounds;
    const double tiles = tile_operations / rate;
    // The probe of a chain makes the features anew, and as much again; that of a graph has them from the run.
    const double check_operations = is_dense_chain(problem.network)
                                        ? 2 * feature_operations
                                        : operations_of_checks(problem, run.check_samples);
    const double checks = run.check_samples == 0 ? 0 : check_operations / wide_rate;
    const auto bytes = [](Index count) { return human_bytes(static_cast<double>(count)); };
    std::string text =
        fmt::format("plan        {}\n\nmemory of the rank with the most\n", describe_plan(run));
    const auto line = [&](const std::string& what, Index count, const std::string& note) {
        text += fmt::format("  {:<24} {:>10}{}{}\n", what, bytes(count), note.empty() ? "" : "   ", note);
    };
    line("program and network", run.memory.base, "");
    for (const PlanLine& part : run.memory.lines) line(part.what, part.bytes, part.note);
    line("peak", run.memory.peak(), fmt::format("of {} that there are for it", bytes(run.memory.budget)));
    text += fmt::format("\ndisk        {} in {}\n", bytes(run.file_bytes), run.paths.directory);
    if (run.product.space == "samples") {
        text += fmt::format(
            "exchange    {} received by a rank; the busiest rank has {:.3f} of the mean work in tiles\n",
            bytes(run.memory.received), imbalance(run.shape.axes, run.ranks));
    }
    text += fmt::format(
        "operations  {:.3e} in tiles, {:.3e} in features{}\n", tile_operations, feature_operations,
        run.measuring ? fmt::format(", {:.3e} in measures", measure_operations(*run.measuring)) : "");
    text += fmt::format("gemm        {:.1f} GF/s now, {:.1f} in float64\n", rate / 1e9, wide_rate / 1e9);
    text += fmt::format("time        at least {}: features {}, tiles {}, checks {}\n",
                        duration_in_words(features + tiles + checks), duration_in_words(features),
                        duration_in_words(tiles), duration_in_words(checks));
    return text;
}

std::string summary(const Run& run, const CheckReport& report, const Timing& timing, const std::string& path,
                    Index file_bytes, const std::string& measures) {
    const double assembly = longest(timing, Phase::assemble);
    const StoredMatrix& total = run.shape.total();
    std::string text;
    const Network& network = run.problem.network;
    const Index models = run.inputs.models;
    text += fmt::format(
        "{:<11} {} x {}, {}, {}{}\n", run.product.title, run.shape.rows(total), run.shape.columns(total),
        describe(run.problem.reduction), to_string(run.shape.precision),
        network.gradients_are_given ? "" : ", " + run.inputs.parameterization + " parameterization");
    text += network.gradients_are_given
                ? fmt::format("factors     {} tensors, {} parameters, {} a sample\n", network.tensors.size(),
                              network.parameters(), count_of(network.outputs(), "row", "rows"))
                : fmt::format("network     {}{} layers, {} parameters\n",
                              models == 1 ? "" : fmt::format("{} models of ", models),
                              layers_of(network).size() / at(models), network.parameters() / models);
    text += fmt::format("tiles       {:.2f} s, {:.1f} GF/s on {} x {} threads\n", assembly,
                        assembly > 0 ? timing.flops / assembly / 1e9 : 0.0, timing.ranks, timing.threads);
    text += fmt::format("phases      {}\n", phases(timing));
    if (!measures.empty()) text += fmt::format("\n{}", measures);
    text += fmt::format("\n{}\n", to_table(report));
    text += fmt::format("checks      {}\n", !report.run ? "not run" : passed(report) ? "passed" : "FAILED");
    text += fmt::format("file        {} ({})\n", path, human_bytes(static_cast<double>(file_bytes)));
    text += remarks(run, report);
    text += of_probabilities(run);
    text += proven(run, report);
    return text;
}

}  // namespace tangram
