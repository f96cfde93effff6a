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

/// tr f(A) of all vectors.
template <class F>
Estimate trace_of(const std::vector<Quadrature>& quadratures, F f) {
    std::vector<double> samples;
    for (const Quadrature& one : quadratures)
        samples.push_back(one.of([&](double node) { return f(std::max(node, 0.0)); }));
    return interval_of(samples);
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
    found.squared_norm = trace_of(found.quadratures, [](double lambda) { return lambda * lambda; });
    for (const double ridge : request.ridges) {
        found.ridges.push_back(
            {ridge, trace_of(found.quadratures, [&](double lambda) { return lambda / (lambda + ridge); }),
             trace_of(found.quadratures, [&](double lambda) { return std::log(lambda + ridge); })});
    }
    return found;
}

}  // namespace tangram
