// Combinations of the outputs, the same for all samples: random signs, or any other rows.

#include "rules.hpp"
#include "tangram/support/random.hpp"

#include <cmath>

namespace tangram {

namespace rows {

namespace {

Index how_many(const Reduction& reduction) {
    return reduction.combinations->rows();
}

double entry(const Reduction& reduction, Index /*sample*/, Index r, Index output) {
    return (*reduction.combinations)(r, output);
}

}  // namespace

const RowRule combined{.name = "combinations", .count = how_many, .weight = entry};

}  // namespace rows

Matrix<double> random_combinations(Index K, Index outputs, std::uint64_t seed) {
    Matrix<double> E(K, outputs);
    const double size = 1 / std::sqrt(static_cast<double>(K));
    for (Index k = 0; k < K; ++k) {
        const std::uint64_t stream = splitmix64(splitmix64(seed) + static_cast<std::uint64_t>(k));
        for (Index c = 0; c < outputs; ++c)
            E(k, c) = size * random_sign(stream, static_cast<std::uint64_t>(c));
    }
    return E;
}

}  // namespace tangram
