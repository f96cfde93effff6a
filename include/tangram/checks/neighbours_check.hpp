#pragma once
// The check of neighbours where no matrix is stored: those of a few rows against J_ref J_ref^T.

#include "tangram/checks/product_check.hpp"
#include "tangram/product/neighbours.hpp"

namespace tangram {

/// Collective. `neighbours`: merged, on root. report.neighbours_error.
void check_neighbours(const ProductFile& file, const CheckInputs& inputs, const Neighbours& neighbours,
                      CheckReport& report);

}  // namespace tangram
