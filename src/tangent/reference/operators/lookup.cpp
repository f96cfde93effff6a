// y_k = row id_k of the table, entry by entry; the table is input 1, or tensor 0. An id is the nearest integer, for the rounding
// that is tried on the samples moves it. Rows are counted from the end where it is negative.
//
//   pull_back   D_table[id_k] += D_y_k      gradient   J[id_k] += d_k      add_rate   y_k' += u[id_k]

#include "kinds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram::reference {

namespace {

/// The table's entry that entry j of y is; -1: there is none.
Index source_of(const Lookup& lookup, ConstMatrixView<double> ids, Index point, Index j) {
    Index row = std::lround(ids(point, j / lookup.width));
    if (row < 0) row += lookup.rows;
    return row < 0 || row >= lookup.rows ? -1 : row * lookup.width + j % lookup.width;
}

double entry_of(const Lookup& lookup, const Operands& in, Index point, Index entry) {
    if (entry < 0) return std::numeric_limits<double>::quiet_NaN();
    return in.tensors.empty() ? in.inputs[1](point, entry)
                              : in.tensors[0](entry / lookup.width, entry % lookup.width);
}

}  // namespace

void forward(const Lookup& lookup, const Operands& in, MatrixView<double> y) {
    for (Index point = 0; point < y.rows; ++point) {
        for (Index j = 0; j < y.cols; ++j)
            y(point, j) = entry_of(lookup, in, point, source_of(lookup, in.inputs[0], point, j));
    }
}

void pull_back(const Lookup& lookup, const Operands& in, ConstMatrixView<double> D_y,
               std::span<const MatrixView<double>> D_x) {
    if (D_x.size() < 2) return;
    for (Index j = 0; j < D_y.cols; ++j) {
        const Index entry = source_of(lookup, in.inputs[0], 0, j);
        for (Index r = 0; entry >= 0 && r < D_x[1].rows; ++r) D_x[1](r, entry) += D_y(r, j);
    }
}

void gradient_of_units(const Lookup& lookup, const Operands& in, std::span<const double> d, Index first_unit,
                       std::span<double> J) {
    std::fill(J.begin(), J.end(), 0.0);
    const auto end = static_cast<Index>(J.size());
    for (std::size_t j = 0; j < d.size(); ++j) {
        const Index entry =
            source_of(lookup, in.inputs[0], 0, static_cast<Index>(j)) - first_unit * lookup.width;
        if (entry >= 0 && entry < end) J[at(entry)] += d[j];
    }
}

void add_rate(const Lookup& lookup, const Operands& in, std::size_t, const Direction& u,
              MatrixView<double> rate) {
    for (Index point = 0; point < rate.rows; ++point) {
        for (Index j = 0; j < rate.cols; ++j) {
            const Index entry = source_of(lookup, in.inputs[0], point, j);
            if (entry >= 0) rate(point, j) += u(entry);
        }
    }
}

void add_inherited(const Lookup& lookup, const Operands& in, std::span<const std::span<const double>> x,
                   std::span<double> y) {
    if (x.size() < 2) return;
    for (std::size_t j = 0; j < y.size(); ++j) {
        const Index entry = source_of(lookup, in.inputs[0], 0, static_cast<Index>(j));
        if (entry >= 0) y[j] += x[1][at(entry)];
    }
}

}  // namespace tangram::reference
