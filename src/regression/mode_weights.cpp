#include "mode_weights.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::vector<double> ridge_weights(const Modes& modes, double lambda) {
    std::vector<double> weights(modes.values.size());
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (lambda > 0) {
            weights[k] = 1 / (modes.values[k] + lambda);
        } else {
            weights[k] = modes.counts(k) ? 1 / modes.values[k] : 0;
        }
    }
    return weights;
}

std::vector<double> time_weights(const Modes& modes, double tau) {
    std::vector<double> weights(modes.values.size(), 0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (modes.counts(k)) weights[k] = -std::expm1(-modes.values[k] * tau) / modes.values[k];
    }
    return weights;
}

std::vector<double> limit_weights(const Modes& modes, std::vector<double> weights) {
    const double least = 1e-20 * std::max(modes.values.back(), std::numeric_limits<double>::min() * 1e30);
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (!modes.counts(k)) weights[k] = 1 / least;
    }
    return weights;
}

bool is_definite(const Modes& modes, double lambda) {
    const double unit = static_cast<double>(modes.values.size()) * eps;
    return modes.values.front() + lambda > unit * (std::max(modes.values.back(), 0.0) + lambda);
}

double log_determinant_of(const Modes& modes, double lambda) {
    double sum = 0;
    for (std::size_t k = 0; k < modes.values.size(); ++k) {
        if (lambda == 0 && !modes.counts(k)) return nan;
        sum += std::log(modes.values[k] + lambda);
    }
    return sum;
}

std::vector<double> times_values(const Modes& modes, std::vector<double> weights) {
    for (std::size_t k = 0; k < weights.size(); ++k)
        weights[k] = weights[k] == 0 ? 0 : weights[k] * modes.values[k];
    return weights;
}

Matrix<double> weighted(ConstMatrixView<double> q, const std::vector<double>& weights) {
    Matrix<double> product(q.rows, q.cols);
    for (Index k = 0; k < q.rows; ++k) {
        // A mode without weight has no part, even where its share is no number.
        for (Index c = 0; c < q.cols; ++c) product(k, c) = weights[at(k)] == 0 ? 0 : weights[at(k)] * q(k, c);
    }
    return product;
}

}  // namespace tangram
