#pragma once
// The checks of measures (product/measures.hpp): all that can be said of entries that only came by.
//
//   explicit   the kernels of a few samples with themselves, tensor by tensor, against J_ref J_ref^T; J_ref against central differences;
//              of test samples, of which no matrix holds that, nothing
//   probe      K v, summed as tiles came by, against J (J^T v), v a fixed random +-1 vector, tensor by tensor: an entry that was wrong, or
//              never came, shows as in a stored matrix (checks/product_check.hpp)

#include "tangram/checks/product_check.hpp"
#include "tangram/product/measure_sums.hpp"

namespace tangram {

/// Collective. `file.shape`: what was measured; `sums`: merged, on root. Fills the report of a run that stores no matrix.
void check_measures(const ProductFile& file, const CheckInputs& inputs, const MeasureSums& sums,
                    CheckReport& report);

/// Collective. The probe alone, beside the checks of stored matrices: report.measures_error.
void probe_measures(const ProductFile& file, const MeasureSums& sums, CheckReport& report);

}  // namespace tangram
