#pragma once
// What sums of entries (product/measure_sums.hpp) say of kernels K, L, N samples of R rows each:
//
//   trace              sum K_ii                                        of symmetric ones
//   frobenius          |K| = sqrt(sum K_ij^2)                          mean, largest: of all entries, max |K_ij|
//   alignment          <K, T> / (|K| |T|), T = Y Y^T of the targets    (Cristianini et al., "On kernel-target alignment", NIPS 2001)
//   centred Gram       <H K H, H L H> = <K, L> - 2/N <k, l> + <s_K, s_L> / N^2,  H = 1 - 1 1^T / N over samples, x 1_R;
//                      k_is = sum_j K_i,js, s_rs = sum_i k_ir,s        of symmetric ones
//   centred alignment  of H K H and H T H                              (Cortes, Mohri and Rostamizadeh, JMLR 13, 2012)
//   CKA                the centred cosine of K and L                   (Kornblith et al., ICML 2019)
//   debiased Gram      1/(N (N - 3)) (<K', L'> + <s'_K, s'_L> / ((N - 1)(N - 2)) - 2/(N - 2) <k', l'>): the unbiased HSIC of Song et
//                      al. (JMLR 13, 2012), as Nguyen, Raghu and Kornblith (ICLR 2021) have it; K' = K without samples with themselves
//   class means        of K_ij over pairs i of class a, j of class b, i and j two samples; of reduction full the mean over outputs of K_ir,jr
//
// A centred norm of less than 1e-6 of the plain one (1e-5 of float32 entries) is zero within rounding, and what is divided by it is NaN.

#include "tangram/product/measure_sums.hpp"

#include <limits>
#include <string>
#include <vector>

namespace tangram {

/// Of one kernel.
struct KernelMeasures {
    std::string name;
    double trace = std::numeric_limits<double>::quiet_NaN();
    double frobenius = 0, mean = 0, largest = 0;
    double alignment = std::numeric_limits<double>::quiet_NaN();
    double centred_alignment =
        std::numeric_limits<double>::quiet_NaN();  ///< NaN without targets, and where a norm is zero
    bool centred_is_zero = false;
    std::vector<double> row_sums;     ///< (rows)
    std::vector<double> diagonal;     ///< (rows), of symmetric ones
    std::vector<double> class_means;  ///< (classes of rows, classes of columns)
};

/// Of the kernels of one group among themselves, (k, k).
struct GroupMeasures {
    Matrix<double> gram, centred_gram, debiased_gram, cka;
};

/// |H K H| is zero within rounding below this part of |K|.
double zero_centred_norm(Precision precision);

/// On root, after the merge.
std::vector<KernelMeasures> kernel_measures(const MeasureSums& sums);
GroupMeasures group_measures(const MeasureSums& sums, std::size_t group);
/// |K - L| of each pair whose difference was summed.
std::vector<double> difference_norms(const MeasureSums& sums);

}  // namespace tangram
