#pragma once
// What the checks of a kernel found, as it is stored in /checks and printed. Quantities that were not
// computed are NaN.

#include "tangram/file/metadata.hpp"
#include "tangram/product/comparison.hpp"
#include "tangram/support/matrix.hpp"
#include "tangram/support/precision.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace tangram {

/// The largest error that a kernel of this precision may show: its rounding, with two orders of magnitude to
/// spare.
double default_tolerance(Precision precision);

/// That of a total which is summed from so many tensors in this precision, where `tolerance` is that of one of them. A sum of n
/// terms is off by (n - 1) / 2 units of rounding times the sum of their sizes, and by Cauchy and Schwarz the sizes of the
/// components' entries add up to no more than the largest entry of the total; each component brings as much of its own.
///
///   max(tolerance, n eps)     in float32 above 1e-5 from 84 tensors on
double tolerance_of_total(double tolerance, Precision precision, Index tensors);

/// What the network's outputs for one set of samples are to the user's own and to the labels.
struct OutputsFound {
    double error = not_computed;          ///< against the user's own outputs: max |f - f_user| / max |f_user|
    double tolerance = 0;                 ///< 0 where they were not given
    std::vector<std::string> relation{};  ///< in words: what the user's outputs are to ours, if not equal
    double accuracy = not_computed;
};

struct CheckReport {
    bool run = false;  ///< whether the kernel was checked; the user's own outputs are compared in any case
    double tolerance = 0;
    Precision precision = Precision::float64;  ///< of the file
    double total_tolerance = 0;                ///< of the total; a given tolerance is kept there too
    bool tolerance_is_given = false;           ///< by the user: then it is kept
    double amplification = 1;  ///< of rounding, by the network (tangent/reference/conditioning.hpp)
    std::uint64_t seed = 0;
    std::vector<std::string>
        not_made{};  ///< checks that need a network, where gradients are given without one
    std::vector<ComponentCheck> components;  ///< those that are stored
    ComponentCheck total;                    ///< the kernel itself
    double symmetry_error = not_computed;    ///< max |K - K^T| / max |K| over all matrices; of square ones
    double diagonal_error = not_computed;    ///< of the kernels of test samples with themselves
    double sum_of_components_error = not_computed;  ///< max |K - sum of components| / max |K|
    double measures_error =
        not_computed;  ///< probe of what was measured beside stored matrices: K v against J (J^T v)
    double neighbours_error = not_computed;  ///< of a few rows' neighbours, where no matrix holds them
    bool entries_are_compared = true;        ///< with explicit Jacobians; else there is the probe alone
    double trace_error = not_computed;       ///< of J^T J: |trace(J^T J) - trace(J J^T)| / trace(J J^T)
    double finite_difference_error = not_computed;
    double finite_difference_tolerance = 0;
    double smallest_eigenvalue = not_computed;  ///< of the kernel on the check samples
    double eigenvalue_floor = 0;                ///< it may not lie below this
    double smallest_diagonal = not_computed;    ///< of all matrices
    std::string smallest_diagonal_place;        ///< "/components/fc1.weight, sample 12"
    double conjugate_error = not_computed;      ///< probe of the conjugate kernels against X (X^T v)
    OutputsFound outputs;
    OutputsFound test_outputs;
    std::int64_t samples_near_kink =
        0;  ///< check samples left out because the two paths see a kink from different sides
    std::int64_t steps_rejected = 0;    ///< finite-difference steps that crossed a kink
    std::int64_t pairs_decided = 0;     ///< pairs of tensor and sample that finite differences could judge
    std::int64_t pairs_undecided = 0;   ///< and those where rounding or curvature hides the slope
    Index worst_probe_row = -1;         ///< kernel row with the largest probe error of the kernel
    std::vector<std::int64_t> samples;  ///< the check samples
    std::vector<std::int64_t> test_samples;      ///< and those of the rows, where these are others
    Matrix<double> jacobian_ntk, layerwise_ntk;  ///< the kernel on them: by J J^T, and as stored
    std::vector<double> entry_sizes;             ///< by matrix, of rectangular ones (product/comparison.hpp)
};

/// One thing that was checked: `value` must not exceed `limit`, or, for an eigenvalue, not fall below it.
struct Verdict {
    std::string what;
    bool of_component = false;  ///< one of the component table's columns, or a check of its own
    double value = 0;
    double limit = 0;
    bool from_below = false;
    std::vector<std::string> relation{};  ///< of outputs: what they are to ours, in words
    [[nodiscard]] bool passed() const { return from_below ? value >= limit : value <= limit; }
};

/// Whether the user's program had a say in what the network's outputs are.
bool outputs_compared(const CheckReport& report);

/// Every quantity that was computed, against its tolerance.
std::vector<Verdict> verdicts(const CheckReport& report);
bool passed(const CheckReport& report);
/// The first failed verdict in words, "" if there is none.
std::string first_failure(const CheckReport& report);

/// What a component's verdict does not say: "underflows float32", or "".
std::string remark_of(const CheckReport& report, const ComponentCheck& check);

/// How many components have a remark of underflow.
Index count_underflowing(const CheckReport& report);
/// And how many are zero but for rounding.
Index count_zero(const CheckReport& report);

/// As it is stored in /checks.
CheckRecord record_of(const CheckReport& report);

/// For people: component, relative error, scale, probe error, verdict; then the other checks.
std::string to_table(const CheckReport& report);

}  // namespace tangram
