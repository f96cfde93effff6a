#include "tangram/run/kernel_measures.hpp"

#include "tangram/run/kernel_drift.hpp"
#include "tangram/run/measured_targets.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

using Values = MeasureRecord::Values;

const std::string name_axis = std::string(measures_group) + "/name";
const std::string class_axis = std::string(measures_group) + "/class";

/// One number a kernel.
Values numbers(const std::vector<KernelMeasures>& all, const std::string& name,
               double KernelMeasures::*member, const std::string& meaning) {
    Values values{name, {}, {static_cast<Index>(all.size())}, {name_axis}, meaning};
    for (const KernelMeasures& one : all) values.values.push_back(one.*member);
    return values;
}

/// (k, ..): as many a kernel.
Values tables(const std::vector<KernelMeasures>& all, const std::string& name,
              std::vector<double> KernelMeasures::*member, std::vector<Index> shape,
              std::vector<std::string> axes, const std::string& meaning) {
    shape.insert(shape.begin(), static_cast<Index>(all.size()));
    axes.insert(axes.begin(), name_axis);
    Values values{name, {}, std::move(shape), std::move(axes), meaning};
    for (const KernelMeasures& one : all)
        values.values.insert(values.values.end(), (one.*member).begin(), (one.*member).end());
    return values;
}

Values square(const Matrix<double>& matrix, const std::string& name, const std::string& meaning) {
    return {name,
            std::vector<double>(matrix.data(), matrix.data() + matrix.size()),
            {matrix.rows(), matrix.cols()},
            {name_axis, name_axis},
            meaning};
}

/// Of all kernels; `cka`: with the first, where there are Grams.
std::string table_of(const std::vector<KernelMeasures>& all, bool has_targets, bool symmetric,
                     const std::vector<double>& cka) {
    std::size_t width = 8;
    for (const KernelMeasures& one : all) width = std::max(width, one.name.size());
    std::string text = fmt::format("{:<{}}", "measures", width);
    const auto head = [&](bool there, const char* name) {
        if (there) text += fmt::format("  {:>11}", name);
    };
    head(symmetric, "trace");
    head(symmetric, "% of trace");
    head(true, "frobenius");
    head(true, "mean");
    head(true, "largest");
    head(has_targets, "alignment");
    head(has_targets && symmetric, "centred");
    head(!cka.empty(), "CKA to ntk");
    text += "\n";
    for (std::size_t k = 0; k < all.size(); ++k) {
        const KernelMeasures& one = all[k];
        text += fmt::format("{:<{}}", one.name, width);
        const auto cell = [&](bool there, double value, const char* format) {
            if (there) text += table_cell(value, format);
        };
        const bool is_targets = has_targets && k + 1 == all.size();
        const double share = is_targets ? std::nan("") : 100 * one.trace / all[0].trace;
        cell(symmetric, one.trace, "{:.4e}");
        cell(symmetric, share, "{:.2f}");
        cell(true, one.frobenius, "{:.4e}");
        cell(true, one.mean, "{:.4e}");
        cell(true, one.largest, "{:.4e}");
        cell(has_targets, one.alignment, "{:.4f}");
        cell(has_targets && symmetric, one.centred_alignment, "{:.4f}");
        cell(!cka.empty(), cka.empty() ? 0 : cka[k], "{:.4f}");
        text += "\n";
    }
    std::vector<std::string> constant;
    for (const KernelMeasures& one : all) {
        if (one.centred_is_zero) constant.push_back(one.name);
    }
    if (has_targets || !cka.empty()) text += remark_on_constant(constant);
    return text;
}

}  // namespace

std::string table_cell(double value, const char* format) {
    return fmt::format("  {:>11}", std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value));
}

std::string remark_on_constant(const std::vector<std::string>& kernels) {
    if (kernels.empty()) return "";
    return fmt::format(
        "constant    the centred norm of {} is zero within rounding: what is divided by it is left out (NaN)\n",
        name_some(kernels));
}

std::optional<Measuring> choose_measuring(const KernelOptions& options, const Inputs& inputs,
                                          const Shape& made, std::uint64_t seed) {
    const std::optional<std::string> level = measure_level(options);
    if (!level) return std::nullopt;
    if (options.drift) return drift_measuring(inputs, made, seed);
    Measuring measuring = make_measuring(made, seed);
    add_targets_and_classes(inputs, measuring);
    if (*level == "gram") {
        std::vector<Index> all;
        for (Index place = 0; place < measuring.measured(); ++place) all.push_back(place);
        measuring.groups.push_back(std::move(all));
    }
    return measuring;
}

MeasuresFound describe_measures(const MeasureSums& sums, const Inputs& inputs, const KernelOptions& options) {
    const Measuring& m = sums.measuring();
    const bool symmetric = m.shape.axes.symmetric, has_targets = m.targets.has_value();
    const std::vector<KernelMeasures> all = kernel_measures(sums);
    const Index rows = m.shape.rows(m.shape.total());
    MeasuresFound found;
    MeasureRecord& record = found.record;
    record.scales.push_back({"name", m.names});
    record.attributes = {{"level", *measure_level(options)},
                         {"zero_centred_norm", zero_centred_norm(m.shape.precision)}};
    if (has_targets) {
        record.attributes.push_back({"targets", std::string(inputs.samples.targets ? "numbers" : "labels")});
        record.attributes.push_back({"target_columns", m.targets->columns.cols()});
    }
    std::vector<Values>& values = record.values;
    if (symmetric) values.push_back(numbers(all, "trace", &KernelMeasures::trace, "sum of the diagonal"));
    values.push_back(numbers(all, "frobenius", &KernelMeasures::frobenius, "Frobenius norm"));
    values.push_back(numbers(all, "mean", &KernelMeasures::mean, "mean of all entries"));
    values.push_back(numbers(all, "largest", &KernelMeasures::largest, "largest magnitude of an entry"));
    if (has_targets)
        values.push_back(numbers(all, "alignment", &KernelMeasures::alignment, "kernel-target alignment"));
    if (has_targets && symmetric)
        values.push_back(numbers(all, "centred_alignment", &KernelMeasures::centred_alignment,
                                 "kernel-target alignment, both centred over samples"));
    values.push_back(tables(all, "row_sums", &KernelMeasures::row_sums, {rows}, {"/row"}, "sum of each row"));
    if (symmetric)
        values.push_back(
            tables(all, "diagonal", &KernelMeasures::diagonal, {rows}, {"/row"}, "each row with itself"));
    if (m.classes.of_columns > 1) {
        record.scales.push_back({"class", names_of_classes(inputs)});
        values.push_back(tables(all, "class_means", &KernelMeasures::class_means,
                                {m.classes.of_rows, m.classes.of_columns}, {class_axis, class_axis},
                                "mean over pairs of two samples of these classes"));
    }
    std::vector<double> cka;
    if (!m.groups.empty()) {
        const GroupMeasures group = group_measures(sums, 0);
        values.push_back(square(group.gram, "gram", "Frobenius products of the kernels"));
        if (symmetric) {
            values.push_back(
                square(group.centred_gram, "centred_gram", "the same of kernels centred over samples"));
            values.push_back(square(group.debiased_gram, "debiased_gram", "unbiased HSIC"));
            values.push_back(square(group.cka, "cka", "centred kernel alignment"));
            for (Index a = 0; a < m.measured(); ++a) cka.push_back(group.cka(0, a));
        }
    }
    found.table = table_of(all, has_targets, symmetric, cka);
    return found;
}

Index measures_file_bytes(const Measuring& m, const Inputs& inputs, const KernelOptions& options) {
    if (options.drift) return drift_file_bytes(static_cast<Index>(m.groups.size()), inputs.models);
    constexpr Index number = 8, of_a_dataset = 2600, datasets = 14;
    const Index rows = m.shape.rows(m.shape.total());
    return m.measured() * number * (2 * rows + m.classes.of_rows * m.classes.of_columns + 8) +
           4 * m.measured() * m.measured() * number + datasets * of_a_dataset + m.measured() * 64;
}

double measure_operations(const Measuring& m) {
    constexpr double of_entry = 12;  // sums of a row and a column, with signs, of magnitudes; squares
    const auto rows = static_cast<double>(m.shape.rows(m.shape.total()));
    const double entries =
        rows * static_cast<double>(m.shape.columns(m.shape.total())) * (m.shape.axes.symmetric ? 0.5 : 1);
    const double of_targets = m.targets ? 2 + 2 * static_cast<double>(m.targets->columns.cols()) : 0;
    return entries * (static_cast<double>(m.measured()) * (of_entry + of_targets) +
                      2 * static_cast<double>(m.gram_entries()));
}

std::string measures_identity(const Measuring& m, const std::string& level) {
    std::string text = level;
    if (m.targets)
        text += fmt::format(", targets xxh3 {:016x} {:016x} {}", checksum(m.targets->rows.view()),
                            checksum(m.targets->columns.view()), m.targets->exponent);
    if (m.classes.of_columns > 1) {
        const auto digest = [](const std::vector<Index>& numbers) {
            return checksum(std::string_view(reinterpret_cast<const char*>(numbers.data()),
                                             numbers.size() * sizeof(Index)));
        };
        text += fmt::format(", {} classes xxh3 {:016x} {:016x}", m.classes.of_columns, digest(m.classes.rows),
                            digest(m.classes.columns));
    }
    return text;
}

}  // namespace tangram
