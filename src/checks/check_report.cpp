#include "tangram/checks/check_report.hpp"

#include "tangram/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

Matrix<double> copy_of(const Matrix<double>& matrix) {
    Matrix<double> copy(matrix.rows(), matrix.cols());
    std::copy_n(matrix.data(), matrix.size(), copy.data());
    return copy;
}

void add_if_computed(std::vector<Verdict>& all, const std::string& what, double value, double limit) {
    if (!std::isnan(value)) all.push_back({what, false, value, limit, false});
}

void add_if_compared(std::vector<Verdict>& all, const std::string& what, const OutputsFound& outputs) {
    if (!std::isnan(outputs.error))
        all.push_back({what, false, outputs.error, outputs.tolerance, false, outputs.relation});
}

std::string short_verdict(bool ok) {
    return ok ? "ok" : "FAILED";
}

/// A number to the digits that matter, a dash where it was not computed.
std::string number(double value, const char* format) {
    return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value);
}

/// What check.passed() is made of, each by its name.
void add_component(std::vector<Verdict>& all, const CheckReport& report, const ComponentCheck& check,
                   double tolerance) {
    if (report.entries_are_compared) {
        all.push_back({"relative error of " + check.name, true, check.relative_error, tolerance, false});
        all.push_back({"normalized error of " + check.name, true, check.normalized_error, tolerance, false});
    }
    all.push_back({"probe error of " + check.name, true, check.probe_error, tolerance, false});
}

std::string with_remark(const std::string& verdict, const std::string& remark) {
    return remark.empty() ? verdict : fmt::format("{}, {}", verdict, remark);
}

std::string component_table(const CheckReport& report) {
    std::size_t width = 9;
    for (const ComponentCheck& check : report.components)
        width = std::max(width, printable(check.name).size());
    std::string table = fmt::format("{:<{}}  {:>14}  {:>10}  {:>11}  {}\n", "component", width,
                                    "relative error", "scale", "probe error", "verdict");
    const auto line = [&](const ComponentCheck& check, const std::string& name, double tolerance) {
        const bool ok =
            report.entries_are_compared ? check.passed(tolerance) : check.probe_error <= tolerance;
        table += fmt::format("{:<{}}  {:>14}  {:>10}  {:>11}  {}\n", name, width,
                             number(check.relative_error, "{:.1e}"), number(check.scale, "{:.7f}"),
                             number(check.probe_error, "{:.1e}"),
                             with_remark(short_verdict(ok), remark_of(report, check)));
    };
    for (const ComponentCheck& check : report.components)
        line(check, printable(check.name), report.tolerance);
    line(report.total, "total", report.total_tolerance);
    return table;
}

}  // namespace

double default_tolerance(Precision precision) {
    return precision == Precision::float32 ? 1e-5 : 1e-10;
}

double tolerance_of_total(double tolerance, Precision precision, Index tensors) {
    return std::max(tolerance, static_cast<double>(tensors) * rounding_unit(precision));
}

bool outputs_compared(const CheckReport& report) {
    return report.outputs.tolerance > 0 || report.test_outputs.tolerance > 0;
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
            add_component(all, report, component, report.tolerance);
        add_component(all, report, report.total, report.total_tolerance);
    }
    add_if_computed(all, "symmetry error", report.symmetry_error, 0.0);
    add_if_computed(all, "diagonal of test samples", report.diagonal_error, report.tolerance);
    add_if_computed(all, "sum of components", report.sum_of_components_error, report.total_tolerance);
    add_if_computed(all, "neighbours", report.neighbours_error, report.total_tolerance);
    add_if_computed(all, "probe of measures", report.measures_error, report.total_tolerance);
    add_if_computed(all, "trace of J J^T", report.trace_error, report.tolerance);
    add_if_computed(all, "conjugate kernels", report.conjugate_error, report.tolerance);
    add_if_computed(all, "finite differences", report.finite_difference_error,
                    report.finite_difference_tolerance);
    if (!std::isnan(report.smallest_eigenvalue)) {
        all.push_back(
            {"smallest eigenvalue", false, report.smallest_eigenvalue, report.eigenvalue_floor, true});
    }
    add_if_compared(all, "expected outputs", report.outputs);
    add_if_compared(all, "expected test outputs", report.test_outputs);
    return all;
}

bool passed(const CheckReport& report) {
    const auto all = verdicts(report);
    return std::all_of(all.begin(), all.end(), [](const Verdict& verdict) { return verdict.passed(); });
}

std::string remark_of(const CheckReport& report, const ComponentCheck& check) {
    if (check.zero_within_rounding) return "zero within rounding";
    return check.underflows ? "underflows " + to_string(report.precision) : "";
}

std::string first_failure(const CheckReport& report) {
    for (const Verdict& verdict : verdicts(report)) {
        if (verdict.passed()) continue;
        if (std::isnan(verdict.value))
            return "all check samples lie at a kink, so that nothing could be compared";
        std::string text =
            fmt::format("{} is {:.3g}, limit {:.3g}", verdict.what, verdict.value, verdict.limit);
        // Said last, and so read: the table above has them too.
        if (!verdict.relation.empty()) return fmt::format("{}: {}", text, fmt::join(verdict.relation, "; "));
        const auto loses = [](const ComponentCheck& check) { return check.too_small || check.underflows; };
        if (report.precision == Precision::float32 &&
            (std::any_of(report.components.begin(), report.components.end(), loses) || loses(report.total))) {
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
    for (const OutputsFound* outputs : {&report.outputs, &report.test_outputs}) {
        for (const std::string& line : outputs->relation) table += fmt::format("{:<20}  {}\n", "", line);
    }
    const auto add_accuracy = [&](const char* name, double accuracy) {
        if (!std::isnan(accuracy)) table += fmt::format("{:<20}  {:>9.4f}\n", name, accuracy);
    };
    add_accuracy("accuracy", report.outputs.accuracy);
    add_accuracy("test accuracy", report.test_outputs.accuracy);
    if (!report.run) return table;
    if (!report.not_made.empty()) {
        return table +
               fmt::format("compared              {} check samples; not made, without a network: {}\n",
                           report.samples.size() + report.test_samples.size(),
                           fmt::join(report.not_made, ", "));
    }
    table += fmt::format("{:<20}  {:>9.1e}  times rounding, amplified by the network\n", "conditioning",
                         report.amplification);
    table += fmt::format(
        "compared              {} check samples, {} left out at a kink; finite differences: {} of {} directions undecided, {} steps across a kink\n",
        report.samples.size() + report.test_samples.size(), report.samples_near_kink, report.pairs_undecided,
        report.pairs_decided + report.pairs_undecided, report.steps_rejected);
    return table;
}

Index count_underflowing(const CheckReport& report) {
    return std::count_if(report.components.begin(), report.components.end(),
                         [](const ComponentCheck& check) { return check.underflows; });
}

Index count_zero(const CheckReport& report) {
    return std::count_if(report.components.begin(), report.components.end(),
                         [](const ComponentCheck& check) { return check.zero_within_rounding; });
}

CheckRecord record_of(const CheckReport& report) {
    CheckRecord record;
    record.passed = passed(report);
    record.run = report.run;
    const auto add = [&](const char* name, auto value) { record.attributes.push_back({name, value}); };
    const auto add_if_there = [&](const char* name, double value) {
        if (!std::isnan(value)) add(name, value);
    };
    add("passed", Index{verdicts(report).empty() ? -1 : record.passed ? 1 : 0});
    add("tolerance", report.tolerance);
    if (report.run) add("tolerance_of_total", report.total_tolerance);
    add("seed", static_cast<Index>(report.seed));
    add("symmetry_error", report.symmetry_error);
    add("sum_of_components_error", report.sum_of_components_error);
    add("total_relative_error", report.total.relative_error);
    add("total_scale", report.total.scale);
    add("finite_difference_error", report.finite_difference_error);
    add("finite_difference_steps_rejected", Index{report.steps_rejected});
    add("finite_difference_decided", Index{report.pairs_decided});
    add("finite_difference_undecided", Index{report.pairs_undecided});
    add("smallest_eigenvalue", report.smallest_eigenvalue);
    add("smallest_diagonal", report.smallest_diagonal);
    add("probe_error", report.total.probe_error);
    add("probe_worst_row", report.worst_probe_row);
    add("conjugate_kernel_error", report.conjugate_error);
    add("check_samples", static_cast<Index>(report.samples.size()));
    add("samples_near_kink", Index{report.samples_near_kink});
    add_if_there("neighbours_error", report.neighbours_error);
    add_if_there("measures_error", report.measures_error);
    add_if_there("trace_error", report.trace_error);
    add_if_there("diagonal_error", report.diagonal_error);
    add_if_there("outputs_error", report.outputs.error);
    add_if_there("test_outputs_error", report.test_outputs.error);
    add("outputs_compared", Index{outputs_compared(report) ? 1 : 0});
    add_if_there("accuracy", report.outputs.accuracy);
    add_if_there("test_accuracy", report.test_outputs.accuracy);
    add("first_failure", first_failure(report));
    add("conditioning", report.amplification);
    if (!report.not_made.empty()) add("not_made", report.not_made);
    for (const ComponentCheck& c : report.components) {
        record.components.push_back(
            {c.name, c.relative_error, c.normalized_error, c.scale, c.probe_error, remark_of(report, c)});
    }
    add("underflowing_components", count_underflowing(report));
    add("zero_components", count_zero(report));
    record.samples = report.samples;
    record.test_samples = report.test_samples;
    record.jacobian_ntk = copy_of(report.jacobian_ntk);
    record.layerwise_ntk = copy_of(report.layerwise_ntk);
    return record;
}

}  // namespace tangram
