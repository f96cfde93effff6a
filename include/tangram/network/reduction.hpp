#pragma once
// Which rows of the Jacobian a sample has, U_i = E_i J_i with J_i (C, P) of its C outputs and E_i (R, C), and how the rows of
// two samples become one kernel entry, or R x R of them.
//
//   trace    sum_r  U_{i r} . U_{j r}                       torch.func's "trace"
//   mean     trace / R                                      neural-tangents' default
//   full     U_{i r} . U_{j s}                              (N R) x (N R), row index i R + r
//   others   the one row of a sample, or what trace does
//
//   E                                                       R
//   outputs chosen, in their order (all)       e_o          how many      trace, mean, full
//   random combinations                    +-1/sqrt(K)      K             trace, full
//   sqrt-hessian           sqrt(p_r) (e_r - p)^T            C             trace, full; U^T U = J^T (diag(p) - p p^T) J
//   sum of the outputs chosen                    1          1             sum
//   logit                                      e_k          1             logit
//   loss             gradient of the sample's loss          1             loss
//   margin          gradient of log p_c / (1 - p_c)         1             margin
//   given            by the caller, sample by sample     given            rows
//   joined     (E_1, .., E_K) of K networks side by side    R             as each of them (network/joined.hpp)
//
// with p the softmax of the sample's outputs and c its class. One rule of E is one file in network/rows/, and one line of the
// table in reduction.cpp. What depends on a sample's own outputs is computed between the forward and the backward sweep.

#include "tangram/network/targets.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tangram {

enum class ReductionKind { trace, mean, sum, full, logit, rows, loss, margin };

/// Of one sample, of its outputs y:
///   cross_entropy   -sum_o t_o log p_o, p = softmax(y)     mse   sum_o (y_o - t_o)^2 / C
enum class Loss { cross_entropy, mse };

enum class RowWeights { none, sqrt_hessian };

/// More rows than this a sample are refused where the user's options ask for them.
inline constexpr Index most_rows_of_sample = 4096;

struct RowRule;

struct Reduction {
    ReductionKind kind = ReductionKind::trace;
    Index logit = -1;   ///< the output k of `logit`
    Index outputs = 1;  ///< C
    /// E of `rows`, (N R, C), row i R + r; shared, because a reduction is copied freely.
    std::shared_ptr<const Matrix<double>> by_sample{};
    Index rows_of_sample = 1;     ///< R of `rows`
    std::vector<Index> chosen{};  ///< the outputs that count; empty for all
    /// E (K, C) of combinations of outputs, the same for all samples.
    std::shared_ptr<const Matrix<double>> combinations{};
    std::uint64_t seed = 0;  ///< that they were made from
    RowWeights weights = RowWeights::none;
    Loss loss = Loss::cross_entropy;           ///< of `loss`
    std::shared_ptr<const Targets> targets{};  ///< of the set of samples that this is of; for loss and margin
    /// Of outputs of several networks side by side: that of each of them. Then of the fields above only `kind` and `outputs` count.
    std::shared_ptr<const Reduction> joined{};

    /// R: sensitivities a sample carries.
    [[nodiscard]] Index sensitivities() const;
    /// Kernel rows of one sample: R for full, 1 otherwise.
    [[nodiscard]] Index rows_per_sample() const;
    /// The factor on every kernel entry: 1/R for mean, 1 otherwise.
    [[nodiscard]] double factor() const;
    [[nodiscard]] bool is_full() const { return kind == ReductionKind::full; }
    /// Output number `place` of those that count.
    [[nodiscard]] Index output(Index place) const { return chosen.empty() ? place : chosen[at(place)]; }
    [[nodiscard]] Index outputs_that_count() const;

    /// Of one network, where several are side by side.
    [[nodiscard]] const Reduction& of_one() const { return joined ? *joined : *this; }
    [[nodiscard]] const RowRule& rule() const;
    /// E is the unit matrix.
    [[nodiscard]] bool is_every_output() const;
    /// E is the same for all samples.
    [[nodiscard]] bool is_constant() const;
    /// E depends on what the network gives for the sample, and so on the parameters.
    [[nodiscard]] bool needs_outputs() const;
    /// Entry (r, output) of E, or of E_i. Not where it needs the sample's outputs.
    [[nodiscard]] double weight(Index sample, Index r, Index output) const;
    /// E (R, C) of a sample whose outputs are y (C).
    void fill_rows(Index sample, const double* y, MatrixView<double> E) const;
};

/// How the rows E of a sample are made.
struct RowRule {
    const char* name = "";
    bool by_sample = false;  ///< E depends on the sample
    Index (*count)(const Reduction&);
    /// One of the two: an entry of E, or, where that needs the sample's outputs y (C), all of E (R, C).
    double (*weight)(const Reduction&, Index sample, Index r, Index output) = nullptr;
    void (*fill)(const Reduction&, Index sample, const double* y, MatrixView<double> E) = nullptr;
};

/// E (K, C) of K random combinations of C outputs, +-1/sqrt(K): E[E^T E] = I, so that `trace` of them is, over seeds, the trace
/// of all outputs on average. The sign of (seed, k, c) is the highest bit of
///
///   h(h(h(seed) + k) + c)      1: +, 0: -      h(x) = splitmix64(x), support/random.hpp; 64-bit sums that wrap around
inline constexpr const char* signs_in_words =
    "E[k, c] = s / sqrt(K), s = +1 where the highest bit of h(h(h(seed) + k) + c) is 1, -1 where it is 0; h = splitmix64";
Matrix<double> random_combinations(Index K, Index outputs, std::uint64_t seed);

/// The same rows for samples[0], samples[1], .. of the set alone, numbered from 0.
Reduction of_some_samples(const Reduction& reduction, std::span<const std::int64_t> samples);

/// Throws Error(usage) on an unknown name, or one that is not the user's to give.
ReductionKind parse_reduction(const std::string& name);
Loss parse_loss(const std::string& name);
/// trace, mean, sum, full, loss, margin; `logit` for a single output.
std::string to_string(ReductionKind kind);
/// "cross-entropy", "mse"
std::string to_string(Loss loss);
/// For people: "trace of 10 outputs", "trace of outputs 0, 3 of 10", "cross-entropy loss of 10 outputs".
std::string describe(const Reduction& reduction);

}  // namespace tangram
