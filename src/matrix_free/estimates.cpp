#include "tangram/matrix_free/estimates.hpp"

#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

/// Student's t with so many degrees of freedom that 95 % lie within: exact for 1 and 2, otherwise the expansion 26.7.5 of Abramowitz
/// and Stegun, "Handbook of Mathematical Functions", off by less than 1e-3 from 3 on.
double student_95(Index freedom) {
    if (freedom == 1) return 12.706204736;
    if (freedom == 2) return 4.302652730;
    constexpr double z = 1.959963985;
    const auto n = static_cast<double>(freedom);
    const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n) +
           (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * n * n * n * n);
}

/// z_k^T f(A) z_k of all vectors.
template <class F>
std::vector<double> samples_of(const std::vector<Quadrature>& quadratures, F f) {
    std::vector<double> samples;
    for (const Quadrature& one : quadratures)
        samples.push_back(one.of([&](double node) { return f(std::max(node, 0.0)); }));
    return samples;
}

double mean_of(const std::vector<double>& samples) {
    double sum = 0;
    for (const double sample : samples) sum += sample;
    return sum / static_cast<double>(samples.size());
}

/// Mean of y at the mean of x that is known, and its interval, by the line through the samples. The error takes each residual as it would
/// be without its own sample (HC3: MacKinnon and White, J. Econometrics 29, 1985): those far out pull the line to themselves.
Estimate regressed(const std::vector<double>& y, const std::vector<double>& x, double mean_of_x) {
    const double part = 1 / static_cast<double>(x.size()), middle_x = mean_of(x), middle_y = mean_of(y);
    double xx = 0, xy = 0, squares = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
        xx += (x[k] - middle_x) * (x[k] - middle_x);
        xy += (x[k] - middle_x) * (y[k] - middle_y);
    }
    const double slope = xy / xx, off = mean_of_x - middle_x;
    for (std::size_t k = 0; k < x.size(); ++k) {
        const double from_middle = x[k] - middle_x, leverage = part + from_middle * from_middle / xx;
        const double residual = (y[k] - middle_y - slope * from_middle) / std::max(1 - leverage, part);
        const double weight = part + off * from_middle / xx;
        squares += weight * weight * residual * residual;
    }
    return {middle_y + slope * off, student_95(static_cast<Index>(x.size()) - 2) * std::sqrt(squares)};
}

}  // namespace

Estimate interval_of(const std::vector<double>& samples) {
    const auto M = static_cast<double>(samples.size());
    Estimate found;
    for (const double sample : samples) found.mean += sample / M;
    double squares = 0;
    for (const double sample : samples) squares += (sample - found.mean) * (sample - found.mean);
    found.half_width = samples.size() > 1 ? student_95(static_cast<Index>(samples.size()) - 1) *
                                                std::sqrt(squares / (M - 1) / M)
                                          : std::numeric_limits<double>::quiet_NaN();
    return found;
}

Estimate interval_of_skewed(const std::vector<double>& y, const std::vector<double>& x,
                            std::optional<double> mean_of_x) {
    constexpr std::size_t least = 4;
    constexpr double rounding = 64 * std::numeric_limits<double>::epsilon();
    const double spread = x.empty() ? 0 : *std::ranges::max_element(x) - *std::ranges::min_element(x);
    const bool says_more = mean_of_x && x.size() >= least && spread > rounding * *mean_of_x;
    Estimate found = says_more ? regressed(y, x, *mean_of_x) : interval_of(y);
    if (!(found.mean > 0)) return interval_of(y);
    found.half_width = found.mean * std::max(std::expm1(found.half_width / found.mean), rounding);
    return found;
}

Estimates estimate(const mpi::Communicator& comm, const DistributedOperator& A,
                   const EstimateRequest& request, const std::function<void(Index done)>& after_vector) {
    Estimates found;
    found.vectors = request.vectors;
    std::vector<double> z(at(A.local));
    for (Index k = 0; k < request.vectors; ++k) {
        const std::uint64_t stream = splitmix64(splitmix64(request.seed) + static_cast<std::uint64_t>(k));
        for (Index i = 0; i < A.local; ++i)
            z[at(i)] = random_sign(stream, static_cast<std::uint64_t>(request.first + i));
        found.quadratures.push_back(lanczos_quadrature(comm, A, z, request.steps));
        found.steps = std::max(found.steps, static_cast<Index>(found.quadratures.back().nodes.size()));
        if (after_vector) after_vector(k + 1);
    }
    const std::vector<double> traces = samples_of(found.quadratures, [](double lambda) { return lambda; });
    const std::vector<double> squares =
        samples_of(found.quadratures, [](double lambda) { return lambda * lambda; });
    found.squared_norm = interval_of_skewed(squares, traces, request.trace);
    for (const double ridge : request.ridges) {
        found.ridges.push_back(
            {ridge,
             interval_of(
                 samples_of(found.quadratures, [&](double lambda) { return lambda / (lambda + ridge); })),
             interval_of(
                 samples_of(found.quadratures, [&](double lambda) { return std::log(lambda + ridge); }))});
    }
    return found;
}

}  // namespace tangram
