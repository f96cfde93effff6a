// y_j = the largest x_from of its window: NaN if one is, and -infinity of no entries.
//
//   pull_back   D_x_e += D_y_j of the largest e; of several, the first has it, or each an equal share

#include "kinds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram::reference {

namespace {

std::span<const Index> window(const Largest& largest, Index j) {
    const Windows& windows = *largest.windows;
    const Index begin = windows.begin[at(j)];
    return {windows.from.data() + begin, at(windows.begin[at(j) + 1] - begin)};
}

/// NaN, once met, stays.
double largest_of(std::span<const Index> from, ConstMatrixView<double> x, Index point) {
    double most = -std::numeric_limits<double>::infinity();
    for (const Index e : from) most = std::isnan(most) || x(point, e) <= most ? most : x(point, e);
    return most;
}

/// The entries whose derivative it is.
std::vector<Index> winners(const Largest& largest, Index j, ConstMatrixView<double> x, Index point) {
    const double most = largest_of(window(largest, j), x, point);
    std::vector<Index> entries;
    for (const Index e : window(largest, j)) {
        if (x(point, e) == most || (std::isnan(most) && std::isnan(x(point, e)))) entries.push_back(e);
        if (!largest.shares_ties && !entries.empty()) break;
    }
    return entries;
}

}  // namespace

void forward(const Largest& largest, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j) y(point, j) = largest_of(window(largest, j), in.inputs[0], point);
    }
}

void pull_back(const Largest& largest, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    const MatrixView<double> D = D_x[0];
    if (D.rows == 0) return;
    for (Index j = 0; j < D_y.cols; ++j) {
        const std::vector<Index> entries = winners(largest, j, in.inputs[0], 0);
        for (const Index e : entries) {
            for (Index r = 0; r < D.rows; ++r) D(r, e) += D_y(r, j) / static_cast<double>(entries.size());
        }
    }
}

bool crosses_kink(const Largest& largest, const Operands& middle, const Operands& ends) {
    for (Index j = 0; j < largest.windows->outputs(); ++j) {
        const std::vector<Index> here = winners(largest, j, middle.inputs[0], 0);
        for (Index end = 0; end < 2; ++end) {
            if (winners(largest, j, ends.inputs[0], end) != here) return true;
        }
    }
    return false;
}

bool branches_differ(const Largest& largest, const Operands& here, const Operands& there) {
    for (Index j = 0; j < largest.windows->outputs(); ++j) {
        if (winners(largest, j, here.inputs[0], 0) != winners(largest, j, there.inputs[0], 0)) return true;
    }
    return false;
}

void add_inherited(const Largest& largest, const Operands&, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    for (std::size_t j = 0; j < y.size(); ++j) {
        double most = 0;  // no matter which is the largest
        for (const Index e : window(largest, static_cast<Index>(j))) most = std::max(most, x[0][at(e)]);
        y[j] += most;
    }
}

}  // namespace tangram::reference
