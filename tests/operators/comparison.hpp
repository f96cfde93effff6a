#pragma once
// A network's outputs and J on both paths: the features (tangent/features.hpp), batched over two samples, and the plain reference
// (tangent/reference/).

#include "case.hpp"

namespace tangram::test {

inline constexpr double jacobian_tolerance = 1e-10;

/// How far things are from one another; infinite where something is not a number.
struct Differences {
    double batched = 0;    ///< outputs from the expected ones, of the largest of these, or of 1
    double reference = 0;  ///< the same
    double between =
        0;  ///< J of the features from the reference's, of its largest entry; or the second sample's outputs
    double finite =
        0;  ///< the reference's J from differences of its forward pass (tangent/reference/finite_difference.hpp)
    Index undecided = 0;   ///< parameter tensors, each at both samples, of which these cannot tell
    bool constant = true;  ///< no network so far: there is no J
};

void keep_worst(Differences& worst, const Differences& one);

/// max |a - b| / max(1, max |b|); equal infinities and NaNs do not differ.
double difference(std::span<const double> a, std::span<const double> b);

Differences compare(CaseNetwork made, std::span<const double> expected);

}  // namespace tangram::test
