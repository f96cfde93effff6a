#include "tangram/output/check_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

void add_if_computed(std::vector<Verdict>& all, const std::string& what, double value, double limit) {
    if (!std::isnan(value)) all.push_back({what, false, value, limit, false});
}

std::string short_verdict(bool ok) {
    return ok ? "ok" : "FAILED";
}

/// A number to the digits that matter, a dash where it was not computed.
std::string number(double value, const char* format) {
    return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value);
}

bool component_passed(const ComponentCheck& check, double tolerance) {
    // Written so that a NaN in the kernel itself fails.
    return check.relative_error <= tolerance && check.normalized_error <= tolerance &&
           check.probe_error <= tolerance;
}

void add_component(std::vector<Verdict>& all, const ComponentCheck& check, double tolerance) {
    all.push_back({"relative error of " + check.name, true, check.relative_error, tolerance, false});
    all.push_back({"normalized error of " + check.name, true, check.normalized_error, tolerance, false});
    all.push_back({"probe error of " + check.name, true, check.probe_error, tolerance, false});
}

std::string component_table(const CheckReport& report) {
    std::size_t width = 9;
    for (const ComponentCheck& check : report.components) width = std::max(width, check.name.size());
    std::string table = fmt::format("{:<{}}  {:>14}  {:>10}  {:>11}  {}\n", "component", width,
                                    "relative error", "scale", "probe error", "verdict");
    const auto line = [&](const ComponentCheck& check, const std::string& name) {
        table += fmt::format("{:<{}}  {:>14}  {:>10}  {:>11}  {}\n", name, width,
                             number(check.relative_error, "{:.1e}"), number(check.scale, "{:.7f}"),
                             number(check.probe_error, "{:.1e}"),
                             short_verdict(component_passed(check, report.tolerance)));
    };
    for (const ComponentCheck& check : report.components) line(check, check.name);
    line(report.total, "total");
    return table;
}

}  // namespace

double default_tolerance(Precision precision) {
    return precision == Precision::float32 ? 1e-5 : 1e-10;
}

std::vector<Verdict> verdicts(const CheckReport& report) {
    std::vector<Verdict> all;
    // First, because it says most of what it finds: the other checks see the same entry as an error among many.
    if (!std::isnan(report.smallest_diagonal)) {
        const bool negative = report.smallest_diagonal < 0;
        all.push_back({negative ? "the diagonal of " + report.smallest_diagonal_place : "smallest diagonal",
                       false, report.smallest_diagonal, 0.0, true});
    }
    if (report.run) {
        for (const ComponentCheck& component : report.components)
            add_component(all, component, report.tolerance);
        add_component(all, report.total, report.tolerance);
    }
    add_if_computed(all, "symmetry error", report.symmetry_error, 0.0);
    add_if_computed(all, "sum of components", report.sum_of_components_error, report.tolerance);
    add_if_computed(all, "trace of J J^T", report.trace_error, report.tolerance);
    add_if_computed(all, "conjugate kernels", report.conjugate_error, report.tolerance);
    add_if_computed(all, "finite differences", report.finite_difference_error,
                    report.finite_difference_tolerance);
    if (!std::isnan(report.smallest_eigenvalue)) {
        all.push_back(
            {"smallest eigenvalue", false, report.smallest_eigenvalue, report.eigenvalue_floor, true});
    }
    add_if_computed(all, "expected outputs", report.outputs_error, report.outputs_tolerance);
    return all;
}

bool passed(const CheckReport& report) {
    const auto all = verdicts(report);
    return std::all_of(all.begin(), all.end(), [](const Verdict& verdict) { return verdict.passed(); });
}

std::string first_failure(const CheckReport& report) {
    for (const Verdict& verdict : verdicts(report)) {
        if (verdict.passed()) continue;
        if (std::isnan(verdict.value))
            return "all check samples lie at a kink, so that nothing could be compared";
        std::string text =
            fmt::format("{} is {:.3g}, limit {:.3g}", verdict.what, verdict.value, verdict.limit);
        const auto underflows = [](const ComponentCheck& check) { return check.underflows; };
        if (std::any_of(report.components.begin(), report.components.end(), underflows) ||
            report.total.underflows) {
            text += "; there are entries too small for float32, which --precision float64 holds";
        }
        return text;
    }
    return "";
}

std::string to_table(const CheckReport& report) {
    std::string table =
        report.run ? component_table(report) + "\n" : "the kernel was not checked (--check-samples 0)\n";
    for (const Verdict& verdict : verdicts(report)) {
        if (verdict.of_component) continue;
        table +=
            fmt::format("{:<20}  {:>9.2e}  {} {:>8.1e}  {}\n", verdict.what, verdict.value,
                        verdict.from_below ? ">=" : "<=", verdict.limit, short_verdict(verdict.passed()));
    }
    if (!std::isnan(report.accuracy)) table += fmt::format("{:<20}  {:>9.4f}\n", "accuracy", report.accuracy);
    if (!report.run) return table;
    table += fmt::format("{:<20}  {:>9.1e}  times rounding, amplified by the network\n", "conditioning",
                         report.amplification);
    table += fmt::format(
        "left out              {} samples at a kink; finite differences: {} of {} pairs of tensor and sample "
        "undecided, {} steps across a kink\n",
        report.samples_near_kink, report.pairs_undecided, report.pairs_decided + report.pairs_undecided,
        report.steps_rejected);
    return table;
}

}  // namespace tangram
