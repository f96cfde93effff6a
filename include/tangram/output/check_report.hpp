#pragma once
// What the checks of a kernel found, as it is stored in /checks and printed. Quantities that were not
// computed are NaN.

#include "tangram/output/schema.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace tangram {

inline constexpr double not_computed = std::numeric_limits<double>::quiet_NaN();

/// The largest error that a kernel of this precision may show: its rounding, with two orders of magnitude to
/// spare.
double default_tolerance(Precision precision);

/// One component against the explicit Jacobian; for J^T J, the rows of one tensor's parameters.
struct ComponentCheck {
    std::string name;
    double relative_error = not_computed;    ///< max |K - K_ref| / max |K_ref|
    double normalized_error = not_computed;  ///< max |K - K_ref|_ij / sqrt(K_ref_ii K_ref_jj)
    double scale = not_computed;             ///< least-squares s in K = s K_ref; 1 where both are zero
    double probe_error = not_computed;       ///< max_i |K v - J J^T v|_i / (|K| |v|)_i over all samples
    bool underflows = false;  ///< its entries are too small for the precision that they are stored in
};

struct CheckReport {
    bool run = false;  ///< whether the kernel was checked; the user's own outputs are compared in any case
    double tolerance = 0;
    bool tolerance_is_given = false;  ///< by the user: then it is kept
    double amplification = 1;         ///< of rounding, by the network (tangent/conditioning.hpp)
    std::uint64_t seed = 0;
    std::vector<ComponentCheck> components;         ///< those that are stored
    ComponentCheck total;                           ///< the kernel itself
    double symmetry_error = not_computed;           ///< max |K - K^T| / max |K| over all matrices
    double sum_of_components_error = not_computed;  ///< max |K - sum of components| / max |K|
    double trace_error = not_computed;  ///< of J^T J: |trace(J^T J) - trace(J J^T)| / trace(J J^T)
    double finite_difference_error = not_computed;
    double finite_difference_tolerance = 0;
    double smallest_eigenvalue = not_computed;  ///< of the kernel on the check samples
    double eigenvalue_floor = 0;                ///< it may not lie below this
    double smallest_diagonal = not_computed;    ///< of all matrices
    std::string smallest_diagonal_place;        ///< "/components/fc1.weight, sample 12"
    double conjugate_error = not_computed;      ///< probe of the conjugate kernels against X (X^T v)
    double outputs_error = not_computed;  ///< against the user's own outputs: max |f - f_user| / max |f_user|
    double outputs_tolerance = 0;
    double accuracy = not_computed;
    std::int64_t samples_near_kink =
        0;  ///< check samples left out because the two paths see a kink from different sides
    std::int64_t steps_rejected = 0;    ///< finite-difference steps that crossed a kink
    std::int64_t pairs_decided = 0;     ///< pairs of tensor and sample that finite differences could judge
    std::int64_t pairs_undecided = 0;   ///< and those where rounding or curvature hides the slope
    Index worst_probe_row = -1;         ///< kernel row with the largest probe error of the kernel
    std::vector<std::int64_t> samples;  ///< the check samples
    Matrix<double> jacobian_ntk, layerwise_ntk;  ///< the kernel on them: by J J^T, and as stored
};

/// One thing that was checked: `value` must not exceed `limit`, or, for an eigenvalue, not fall below it.
struct Verdict {
    std::string what;
    bool of_component = false;  ///< one of the component table's columns, or a check of its own
    double value = 0;
    double limit = 0;
    bool from_below = false;
    [[nodiscard]] bool passed() const { return from_below ? value >= limit : value <= limit; }
};

/// Every quantity that was computed, against its tolerance.
std::vector<Verdict> verdicts(const CheckReport& report);
bool passed(const CheckReport& report);
/// The first failed verdict in words, "" if there is none.
std::string first_failure(const CheckReport& report);

/// For people: component, relative error, scale, probe error, verdict; then the other checks.
std::string to_table(const CheckReport& report);

}  // namespace tangram
