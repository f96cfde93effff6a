#include "tangram/product/drift.hpp"

#include <limits>
#include <utility>

namespace tangram {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double ratio(double above, double below) {
    return below > 0 ? above / below : nan;
}

/// 1 - cosine of the plain Gram: 0 of a kernel with itself.
Matrix<double> distances(const GroupMeasures& group, const std::vector<double>& norms) {
    const Index K = group.gram.rows();
    Matrix<double> distance(K, K);
    for (Index s = 0; s < K; ++s) {
        for (Index t = 0; t < K; ++t) {
            const double cosine =
                norms[at(s)] > 0 ? ratio(group.gram(s, t) / norms[at(s)], norms[at(t)]) : nan;
            distance(s, t) = s == t ? 0 * cosine : 1 - cosine;  // NaN stays
        }
    }
    return distance;
}

}  // namespace

void follow(std::vector<Index> places, Measuring& measuring) {
    for (std::size_t t = 1; t < places.size(); ++t) measuring.differences.emplace_back(places[0], places[t]);
    for (std::size_t t = 1; t < places.size(); ++t)
        measuring.differences.emplace_back(places[t - 1], places[t]);
    measuring.groups.push_back(std::move(places));
}

std::vector<KernelDrift> kernel_drifts(const MeasureSums& sums) {
    const Measuring& m = sums.measuring();
    const std::vector<KernelMeasures> kernels = kernel_measures(sums);
    const std::vector<double> differences = difference_norms(sums);
    std::vector<KernelDrift> drifts;
    auto difference = differences.begin();
    for (std::size_t g = 0; g < m.groups.size(); ++g) {
        KernelDrift drift;
        for (const Index place : m.groups[g]) {
            const KernelMeasures& kernel = kernels[at(place)];
            drift.trace.push_back(kernel.trace);
            drift.frobenius.push_back(kernel.frobenius);
            drift.alignment.push_back(kernel.alignment);
            drift.centred_alignment.push_back(kernel.centred_alignment);
            drift.centred_is_zero.push_back(kernel.centred_is_zero);
        }
        const std::size_t K = m.groups[g].size();
        drift.change_from_first = drift.change_from_previous = {0};
        for (std::size_t t = 1; t < K; ++t)
            drift.change_from_first.push_back(ratio(*difference++, drift.frobenius[0]));
        for (std::size_t t = 1; t < K; ++t)
            drift.change_from_previous.push_back(ratio(*difference++, drift.frobenius[t - 1]));
        drift.group = group_measures(sums, g);
        drift.distance = distances(drift.group, drift.frobenius);
        drifts.push_back(std::move(drift));
    }
    return drifts;
}

}  // namespace tangram
