#include "tangram/spectrum/spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

double entropy_rank_of(const std::vector<double>& values) {
    double positive = 0;
    for (const double value : values) positive += std::max(value, 0.0);
    double entropy = 0;
    for (const double value : values) {
        const double p = value / positive;
        if (p > 0) entropy -= p * std::log(p);
    }
    return positive > 0 ? std::exp(entropy) : 0;
}

std::string or_dash(double value) {
    return std::isnan(value) ? "-" : fmt::format("{:.2e}", value);
}

}  // namespace

Spectrum describe_spectrum(std::vector<double> scaled, const MatrixFacts& facts, Precision precision,
                           bool decides_step) {
    Spectrum s;
    const double largest = scaled.back();
    const double smallest = scaled.front();
    const double n = static_cast<double>(scaled.size());
    double sum = 0;
    double squares = 0;
    for (const double value : scaled) {
        sum += value;
        squares += value * value;
    }
    s.condition_number = smallest > 0 ? largest / smallest : std::numeric_limits<double>::infinity();
    s.effective_rank = squares > 0 ? sum * sum / squares : 0;
    s.entropy_rank = entropy_rank_of(scaled);
    s.stable_rank = largest > 0 ? facts.trace / largest : 0;
    const double noise = rounding_unit(precision) * facts.norm;
    s.below_noise_floor =
        std::count_if(scaled.begin(), scaled.end(), [&](double value) { return value < noise; });

    const auto unscaled = [&](double value) { return std::ldexp(value, facts.exponent); };
    s.trace = unscaled(facts.trace);
    s.storage_noise = unscaled(noise);
    s.noise_floor_worst_case = unscaled(n * rounding_unit(precision) * std::max(largest, 0.0));
    const double step =
        largest > 0 ? std::ldexp(2 / largest, -facts.exponent) : std::numeric_limits<double>::infinity();
    s.largest_stable_step = decides_step ? step : std::numeric_limits<double>::quiet_NaN();
    s.eigenvalues = std::move(scaled);
    for (double& value : s.eigenvalues) value = unscaled(value);
    return s;
}

std::string to_table(const std::vector<Spectrum>& spectra) {
    std::size_t width = 8;
    for (const Spectrum& s : spectra) width = std::max(width, s.name.size());
    std::string table =
        fmt::format("{:<{}}  {:>6}  {:>11}  {:>11}  {:>10}  {:>8}  {:>8}  {:>8}  {:>9}  {:>11}  {:>8}\n",
                    "matrix", width, "n", "largest", "smallest", "condition", "eff.rank", "entropy", "stable",
                    "step", "noise", "below it");
    bool any_marked = false;
    bool any_without_step = false;
    for (const Spectrum& s : spectra) {
        const bool marked = s.below_noise_floor > 0;
        any_marked = any_marked || marked;
        any_without_step = any_without_step || std::isnan(s.largest_stable_step);
        table += fmt::format(
            "{:<{}}  {:>6}  {:>11.4e}  {:>11.4e}{:1} {:>9.2e}{:1} {:>8.2f}  {:>8.2f}  {:>8.2f}  {:>9}  {:>11.2e}  {:>8}\n",
            s.name, width, s.eigenvalues.size(), s.eigenvalues.back(), s.eigenvalues.front(),
            marked ? "*" : "", s.condition_number, marked ? "*" : "", s.effective_rank, s.entropy_rank,
            s.stable_rank, or_dash(s.largest_stable_step), s.storage_noise, s.below_noise_floor);
    }
    if (any_marked) table += "* below the noise of storage, eps |K|_F: made of rounding\n";
    if (any_without_step)
        table += "- no stable step: that takes the kernel of --reduction full, or of one output\n";
    return table;
}

std::string to_target_table(const std::vector<Spectrum>& spectra) {
    std::size_t width = 8;
    for (const Spectrum& s : spectra) width = std::max(width, s.name.size());
    const auto range = [](std::vector<std::int64_t> counts) {
        const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
        return *least == *most ? fmt::format("{}", *least) : fmt::format("{} to {}", *least, *most);
    };
    std::string table =
        fmt::format("{:<{}}  {:>9}  {:>9}  {:>16}  {:>16}  {:>11}\n", "targets on", width, "alignment",
                    "centred", "vectors for 90 %", "vectors for 99 %", "best GCV at");
    for (const Spectrum& s : spectra) {
        if (!s.targets) continue;
        const TargetFacts& t = *s.targets;
        const auto best = std::min_element(t.gcv.begin(), t.gcv.end(), [](double a, double b) {
            return a < b || (std::isnan(b) && !std::isnan(a));
        });
        table += fmt::format(
            "{:<{}}  {:>9.4f}  {:>9.4f}  {:>16}  {:>16}  {:>11}\n", s.name, width, t.alignment,
            t.centred_alignment, range(t.needed_for_90), range(t.needed_for_99),
            t.gcv.empty() ? "-"
                          : fmt::format("{:.3e}", t.ridges[static_cast<std::size_t>(best - t.gcv.begin())]));
    }
    return table;
}

}  // namespace tangram
