#include "tangram/output/spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

Spectrum describe_spectrum(std::vector<double> eigenvalues, double trace, Precision precision) {
    Spectrum s;
    s.eigenvalues = std::move(eigenvalues);
    s.trace = trace;
    const double largest = s.eigenvalues.back();
    const double smallest = s.eigenvalues.front();
    const auto n = static_cast<double>(s.eigenvalues.size());
    double sum = 0;
    double squares = 0;
    double positive = 0;
    for (const double value : s.eigenvalues) {
        sum += value;
        squares += value * value;
        positive += std::max(value, 0.0);
    }
    const double size = std::max(std::abs(largest), std::abs(smallest));
    s.trace_error =
        size > 0 ? std::abs(sum - trace) / (n * std::numeric_limits<double>::epsilon() * size) : 0;
    s.condition_number = smallest > 0 ? largest / smallest : std::numeric_limits<double>::infinity();
    s.effective_rank = squares > 0 ? sum * sum / squares : 0;
    double entropy = 0;
    for (const double value : s.eigenvalues) {
        if (value > 0) entropy -= value / positive * std::log(value / positive);
    }
    s.entropy_rank = positive > 0 ? std::exp(entropy) : 0;
    s.largest_stable_step = largest > 0 ? 2 / largest : std::numeric_limits<double>::infinity();
    s.noise_floor = n * rounding_unit(precision) * std::max(largest, 0.0);
    s.below_noise_floor = std::count_if(s.eigenvalues.begin(), s.eigenvalues.end(),
                                        [&](double value) { return value < s.noise_floor; });
    return s;
}

std::string to_table(const std::vector<Spectrum>& spectra) {
    std::size_t width = 8;
    for (const Spectrum& s : spectra) width = std::max(width, s.name.size());
    std::string table = fmt::format(
        "{:<{}}  {:>6}  {:>11}  {:>11}  {:>10}  {:>8}  {:>8}  {:>9}  {:>11}  {:>8}\n", "matrix", width, "n",
        "largest", "smallest", "condition", "eff.rank", "entropy", "step", "noise floor", "below it");
    bool any_marked = false;
    for (const Spectrum& s : spectra) {
        const bool marked = s.below_noise_floor > 0;
        any_marked = any_marked || marked;
        table += fmt::format(
            "{:<{}}  {:>6}  {:>11.4e}  {:>11.4e}{:1} {:>9.2e}{:1} {:>8.2f}  {:>8.2f}  {:>9.2e}  {:>11.2e}  "
            "{:>8}\n",
            s.name, width, s.eigenvalues.size(), s.eigenvalues.back(), s.eigenvalues.front(),
            marked ? "*" : "", s.condition_number, marked ? "*" : "", s.effective_rank, s.entropy_rank,
            s.largest_stable_step, s.noise_floor, s.below_noise_floor);
    }
    if (any_marked) table += "* below the noise floor n eps lambda_max: made of rounding\n";
    return table;
}

}  // namespace tangram
