#pragma once
// How the C network outputs of two samples become one kernel entry, or C x C of them.
//
//   trace   sum_r  J_{i r} . J_{j r}          R = C    torch.func's "trace"
//   mean    trace / C                         R = C    neural-tangents' default
//   sum     (sum_r J_{i r}) . (sum_r J_{j r}) R = 1
//   logit   J_{i k} . J_{j k}                 R = 1    one output k
//   full    J_{i r} . J_{j s}                 R = C    (N C) x (N C), row index i C + r
//
//   rows    sum_r  U_{i r} . U_{j r}          R given  U_i = E_i J_i with rows E of each sample's own
//
// R is how many sensitivities each sample carries: S = E d(outputs)/dz with E (R, C), the same for all samples, or, for
// `rows`, (N, R, C).

#include "tangram/support/matrix.hpp"

#include <memory>
#include <string>

namespace tangram {

enum class ReductionKind { trace, mean, sum, full, logit, rows };

struct Reduction {
    ReductionKind kind = ReductionKind::trace;
    Index logit = -1;   ///< the output k of `logit`
    Index outputs = 1;  ///< C
    /// E of `rows`, (N R, C), row i R + r; shared, because a reduction is copied freely.
    std::shared_ptr<const Matrix<double>> by_sample{};
    Index rows_of_sample = 1;  ///< R of `rows`

    /// R: sensitivities a sample carries.
    [[nodiscard]] Index sensitivities() const;
    /// Kernel rows of one sample: C for full, 1 otherwise.
    [[nodiscard]] Index rows_per_sample() const;
    /// The factor on every kernel entry: 1/C for mean, 1 otherwise.
    [[nodiscard]] double factor() const;
    [[nodiscard]] bool is_full() const { return kind == ReductionKind::full; }
    /// The weight of output `output` in sensitivity r of a sample: entry (r, output) of E, or of E_i.
    [[nodiscard]] double weight(Index sample, Index r, Index output) const;
    /// E is the same for all samples.
    [[nodiscard]] bool is_constant() const { return kind != ReductionKind::rows; }
};

/// Throws Error(usage) on an unknown name.
ReductionKind parse_reduction(const std::string& name);
/// trace, mean, sum, full; `logit` for a single output.
std::string to_string(ReductionKind kind);

}  // namespace tangram
