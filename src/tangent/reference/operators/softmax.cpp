// x = c p  or  c log p,  p_j = 1 / sum_k exp(z_k - z_j),  over each run of n entries
//
//   dx_j/dz_k = c p_j (delta_jk - p_k)   or   c (delta_jk - p_k)

#include "kinds.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::reference {

namespace {

Index run_length(const Softmax& softmax, Index size) {
    return softmax.length == 0 ? size : softmax.length;
}

using Run = std::span<const double>;

/// p_j as a sum of its own: an entry that is far below the largest, or -infinity, comes out as 1 / infinity = 0.
double probability(Run z, std::size_t j) {
    double sum = 0;
    for (const double z_k : z) sum += z_k == z[j] ? 1 : std::exp(z_k - z[j]);
    return 1 / sum;
}

std::size_t top_of(Run z) {
    return at(std::max_element(z.begin(), z.end()) - z.begin());
}

void forward(const Softmax& softmax, Run z, double* x) {
    const std::size_t top = top_of(z);
    const double log_top = std::log(probability(z, top));
    for (std::size_t j = 0; j < z.size(); ++j) {
        // log p_j also where p_j itself is too small for a double
        const double p = softmax.logarithm ? z[j] - z[top] + log_top : probability(z, j);
        x[j] = softmax.scale * p;
    }
}

/// Calls visit(j, k, dx_j/dz_k) for all pairs of each run at the first point.
template <class Visit>
void for_each_slope(const Softmax& softmax, ConstMatrixView<double> z, Visit visit) {
    const Index n = run_length(softmax, z.cols);
    Vector p(at(n));
    for (Index first = 0; first < z.cols; first += n) {
        for (Index j = 0; j < n; ++j) p[at(j)] = probability({z.data + first, at(n)}, at(j));
        for (Index j = 0; j < n; ++j) {
            const double factor = softmax.scale * (softmax.logarithm ? 1 : p[at(j)]);
            for (Index k = 0; k < n; ++k) visit(first + j, first + k, factor * ((j == k ? 1 : 0) - p[at(k)]));
        }
    }
}

}  // namespace

void forward(const Softmax& softmax, const Operands& in, MatrixView<double> x) {
    const Index n = run_length(softmax, x.cols);
    for (Index point = 0; point < x.rows; ++point) {
        for (Index first = 0; first < x.cols; first += n)
            forward(softmax, {in.inputs[0].row(point) + first, at(n)}, x.row(point) + first);
    }
}

Vector magnitudes(const Softmax& softmax, const Operands& in) {
    const ConstMatrixView<double> z = in.inputs[0];
    const Index n = run_length(softmax, z.cols);
    Vector sizes;
    for (Index first = 0; first < z.cols; first += n) {
        const Run run{z.data + first, at(n)};
        const double top = run[top_of(run)];
        double lost = 2;  // by the sum: of each exp(z_k - top) as much as z_k - top lost
        for (std::size_t k = 0; k < run.size(); ++k) {
            const double p = probability(run, k);
            if (p > 0) lost += p * (top - run[k]);
        }
        for (std::size_t j = 0; j < run.size(); ++j) {
            const double p = softmax.logarithm ? 1 : probability(run, j);
            sizes.push_back(p > 0 ? std::abs(softmax.scale) * p * (lost + top - run[j]) : 0);
        }
    }
    return sizes;
}

void pull_back(const Softmax& softmax, const Operands& in, ConstMatrixView<double> D_x,
               std::span<const MatrixView<double>> D_z) {
    if (D_z[0].rows == 0) return;
    for_each_slope(softmax, in.inputs[0], [&](Index j, Index k, double slope) {
        for (Index r = 0; r < D_x.rows; ++r) D_z[0](r, k) += D_x(r, j) * slope;
    });
}

void pull_back_magnitudes(const Softmax& softmax, const Operands& in, ConstMatrixView<double> D_x,
                          std::span<const MatrixView<double>> D_z) {
    if (D_z[0].rows == 0) return;
    for_each_slope(softmax, in.inputs[0], [&](Index j, Index k, double slope) {
        for (Index r = 0; r < D_x.rows; ++r) D_z[0](r, k) += D_x(r, j) * std::abs(slope);
    });
}

void add_inherited(const Softmax& softmax, const Operands& in, std::span<const std::span<const double>> z,
                   std::span<double> x) {
    for_each_slope(softmax, in.inputs[0],
                   [&](Index j, Index k, double slope) { x[at(j)] += std::abs(slope) * z[0][at(k)]; });
}

}  // namespace tangram::reference
