#pragma once
// How the C network outputs of two samples become one kernel entry, or C x C of them.
//
//   trace   sum_r  J_{i r} . J_{j r}          R = C    torch.func's "trace"
//   mean    trace / C                         R = C    neural-tangents' default
//   sum     (sum_r J_{i r}) . (sum_r J_{j r}) R = 1
//   logit   J_{i k} . J_{j k}                 R = 1    one output k
//   full    J_{i r} . J_{j s}                 R = C    (N C) x (N C), row index i C + r
//
// R is how many sensitivities S_{l,r} each sample carries.

#include "tangram/support/matrix.hpp"

#include <string>

namespace tangram {

enum class ReductionKind { trace, mean, sum, full, logit };

struct Reduction {
    ReductionKind kind = ReductionKind::trace;
    Index logit = -1;   ///< the output k of `logit`
    Index outputs = 1;  ///< C

    /// R: sensitivities a sample carries.
    [[nodiscard]] Index sensitivities() const;
    /// Kernel rows of one sample: C for full, 1 otherwise.
    [[nodiscard]] Index rows_per_sample() const;
    /// The factor on every kernel entry: 1/C for mean, 1 otherwise.
    [[nodiscard]] double factor() const;
    [[nodiscard]] bool is_full() const { return kind == ReductionKind::full; }
    /// The weight of output `output` in sensitivity r: entry (r, output) of E, (R, C).
    [[nodiscard]] double selects(Index r, Index output) const;
};

/// Throws Error(usage) on an unknown name.
ReductionKind parse_reduction(const std::string& name);
/// trace, mean, sum, full; `logit` for a single output.
std::string to_string(ReductionKind kind);

}  // namespace tangram
