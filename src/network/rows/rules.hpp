#pragma once
// The rules of E, one file each; the table is in ../reduction.cpp.

#include "tangram/network/reduction.hpp"

namespace tangram::rows {

extern const RowRule selected, single, summed, combined, given;
extern const RowRule cross_entropy, mse, margin, sqrt_hessian;
extern const RowRule joined, joined_by_sample;

inline Index one_row(const Reduction& /*reduction*/) {
    return 1;
}

}  // namespace tangram::rows
