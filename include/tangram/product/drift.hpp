#pragma once
// How one kernel changes over K models, which are measured tile by tile (product/measuring.hpp) and never held: K_1, .., K_K of one tensor,
// or the totals.
//
//   <K_s, K_t>, plain, centred and debiased, CKA(s, t)       product/measures.hpp
//   distance_st           1 - <K_s, K_t> / (|K_s| |K_t|)     (Fort et al., "Deep learning versus kernel learning", NeurIPS 2020, eq. 5)
//   change from first     |K_t - K_1| / |K_1|                from differences entry by entry: Gram entries would cancel
//   change from previous  |K_t - K_{t-1}| / |K_{t-1}|
//
// What is divided by zero is NaN.

#include "tangram/product/measures.hpp"

#include <string>
#include <vector>

namespace tangram {

/// The matrices at these places, one a model, are followed: a group, and the differences of its pairs.
void follow(std::vector<Index> places, Measuring& measuring);

struct KernelDrift {
    std::vector<double> trace, frobenius, alignment, centred_alignment;  ///< (K)
    std::vector<double> change_from_first, change_from_previous;         ///< (K), of the first model 0
    std::vector<bool> centred_is_zero;                                   ///< (K)
    GroupMeasures group;                                                 ///< (K, K)
    Matrix<double> distance;                                             ///< (K, K)
};

/// Of each group, in the order in which they were followed. On root, after the merge. `measuring` has no other groups.
std::vector<KernelDrift> kernel_drifts(const MeasureSums& sums);

}  // namespace tangram
