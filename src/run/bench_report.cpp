#include "tangram/run/bench_report.hpp"

#include "tangram/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace tangram {

namespace {

std::string counted(Index count, const std::string& one, const std::string& many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string counted(Index count, const std::string& one) {
    return counted(count, one, one + "s");
}

std::string heading(const BenchReport& r) {
    std::string text;
    text += fmt::format("{}\n", r.software);
    text += fmt::format("machine    {} x {} on {}, grid {} x {}\n", counted(r.ranks, "rank"),
                        counted(r.threads, "thread"), counted(r.nodes, "node"), r.grid_rows, r.grid_columns);
    text += fmt::format("BLAS       {} kernel of {}\n", r.blas_kernel, r.blas_library);
    const std::string network =
        r.model.empty() ? fmt::format("{}, tanh", fmt::join(r.widths, "-")) : printable(r.model);
    text += fmt::format("network    {}, {}\n", network, counted(r.parameters, "parameter"));
    text += fmt::format("kernel     {} samples, {}, {}, {}\n", r.samples, r.reduction, r.precision,
                        counted(r.matrices, "matrix", "matrices"));
    text += fmt::format("tiles      {} of {} x {} samples, {:.3g} operations\n",
                        r.panels * (r.panels + 1) / 2, r.tile, r.tile, r.operations);
    if (r.making_operations > 0)
        text += fmt::format("rows of J  {:.3g} of them, to make each sample's once\n", r.making_operations);
    text += fmt::format("rounds     {}\n\n", r.rounds);
    return text;
}

/// A number with four digits, or as many as it has before the point.
std::string number(double value) {
    if (value >= 1000) return fmt::format("{:.0f}", value);
    if (value >= 100) return fmt::format("{:.1f}", value);
    if (value >= 10) return fmt::format("{:.2f}", value);
    return value >= 1 ? fmt::format("{:.3f}", value) : fmt::format("{:.4g}", value);
}

std::string row(const std::string& what, const Spread& s, double unit, const std::string& unit_name) {
    return fmt::format("{:<32}{:>11}{:>11}{:>11}  {}\n", what, number(s.median / unit),
                       number(s.least / unit), number(s.most / unit), unit_name);
}

std::string row(const std::string& what, double value, const std::string& unit_name) {
    return fmt::format("{:<32}{:>11}{:>24}{}\n", what, number(value), "", unit_name);
}

/// The key and its value, with the least and most of all rounds beside it.
void add(nlohmann::ordered_json& json, const std::string& key, const Spread& s, double unit) {
    json[key] = s.median / unit;
    json[key + "_least"] = s.least / unit;
    json[key + "_most"] = s.most / unit;
}

void add_results(nlohmann::ordered_json& json, const BenchReport& r) {
    add(json, "gemm_peak_gflops", r.gemm_peak, 1e9);
    add(json, "features_samples_per_second", r.features, 1);
    add(json, "features_fraction_of_float64_peak", r.features_fraction, 1);
    add(json, "exchange_seconds", r.exchange_seconds, 1);
    json["exchange_bytes_per_rank"] = r.exchange_bytes;
    json["exchange_formula_bytes"] = r.exchange_formula_bytes;
    json["exchange_ratio"] = r.exchange_ratio();
    add(json, "assembly_gflops", r.assembly, 1e9);
    add(json, "assembly_fraction_of_peak", r.assembly_fraction, 1);
    add(json, "assembly_without_writing_gflops", r.assembly_without_writing, 1e9);
    add(json, "assembly_without_writing_fraction_of_peak", r.assembly_without_writing_fraction, 1);
    json["write_bytes"] = r.write_bytes;
    add(json, "tile_write_gbytes_per_second", r.tile_write, 1e9);
    add(json, "plain_write_gbytes_per_second", r.plain_write, 1e9);
    json["tile_write_fraction_of_plain_write"] = r.tile_write_ratio();
    json["peak_memory_bytes"] = r.peak_memory;
}

}  // namespace

Spread spread(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    return {median, values.front(), values.back()};
}

double BenchReport::exchange_ratio() const {
    return exchange_formula_bytes > 0 ? exchange_bytes / exchange_formula_bytes : 1.0;
}

std::string to_table(const BenchReport& r) {
    std::string text = heading(r);
    text += fmt::format("{:<32}{:>11}{:>11}{:>11}\n", "", "median", "least", "most");
    text += row("gemm peak", r.gemm_peak, 1e9, "GF/s");
    text += row("features", r.features, 1, "samples/s");
    text += row("  of the float64 gemm peak", r.features_fraction, 0.01, "%");
    text += row("exchange", r.exchange_seconds, 1, "s");
    text += row("  received by a rank", r.exchange_bytes / 1e6, "MB");
    text += row("  by the formula", r.exchange_formula_bytes / 1e6, "MB");
    text += row("  of the formula", r.exchange_ratio() * 100, "%");
    text += row("assembly with writing", r.assembly, 1e9, "GF/s");
    text += row("  of the gemm peak", r.assembly_fraction, 0.01, "%");
    text += row("assembly without writing", r.assembly_without_writing, 1e9, "GF/s");
    text += row("  of the gemm peak", r.assembly_without_writing_fraction, 0.01, "%");
    text += row("plain write, one rank", r.plain_write, 1e9, "GB/s");
    text += row("tile writes, all ranks", r.tile_write, 1e9, "GB/s");
    text += row("  of the plain write", r.tile_write_ratio() * 100, "%");
    text += row("bytes written by each", static_cast<double>(r.write_bytes) / 1e6, "MB");
    text += row("peak resident memory of a rank", static_cast<double>(r.peak_memory) / 1e6, "MB");
    return text;
}

std::string to_json(const BenchReport& r) {
    nlohmann::ordered_json json{{"software", r.software},
                                {"blas_library", r.blas_library},
                                {"blas_kernel", r.blas_kernel},
                                {"nodes", r.nodes},
                                {"ranks", r.ranks},
                                {"threads", r.threads},
                                {"grid_rows", r.grid_rows},
                                {"grid_columns", r.grid_columns},
                                {"widths", r.widths},
                                {"model", r.model},
                                {"parameters", r.parameters},
                                {"reduction", r.reduction},
                                {"components", r.components},
                                {"precision", r.precision},
                                {"samples", r.samples},
                                {"tile", r.tile},
                                {"panels", r.panels},
                                {"matrices", r.matrices},
                                {"operations", r.operations},
                                {"making_operations", r.making_operations},
                                {"rounds", r.rounds}};
    add_results(json, r);
    return json.dump(2) + "\n";
}

}  // namespace tangram
