#pragma once
// The operators, batched over n samples in float64: two short functions each and what else the program asks of an operator,
// next to each other in tangent/operators/, one file a family, and the one table that lists them.
//
//   forward      inputs (n, d_k) -> output (n, d), and what the pull-back wants to remember (n, kept)
//   pull_back    S = E d(outputs)/d(output), (n R, d) -> adds E d(outputs)/d(input k), (n R, d_k), to each input's
//   step         its tensors as the kernel sees them (tangent/steps.hpp)

#include "tangram/network/network.hpp"
#include "tangram/tangent/steps.hpp"

#include <optional>
#include <span>
#include <vector>

namespace tangram {

/// One application of a node to n samples; to one, if its output is shared by all.
struct ForwardPass {
    const Network& network;
    const Node& node;
    std::span<const ConstMatrixView<double>> inputs;  ///< [k]: (n, d_k); ld is 0 where all samples share one
    MatrixView<double> output;                        ///< (n, d)
    MatrixView<double> kept;                          ///< (n, kept_values())
    Index first_sample = 0;                           ///< of all, for messages
};

/// A sensitivity that a pull-back contributes to.
struct Contribution {
    MatrixView<double> S;  ///< (n R, d_k); without memory where nobody needs it
    bool adds = false;  ///< to what other consumers of the value have left there; otherwise it is the first
    [[nodiscard]] bool is_needed() const { return S.data != nullptr; }
};

/// Zero, unless it adds: for pull-backs that add entry by entry.
void begin(const Contribution& to);

struct BackwardPass {
    const Network& network;
    const Node& node;
    std::span<const ConstMatrixView<double>> inputs;  ///< as they were in the forward pass
    ConstMatrixView<double> S;                        ///< of the output, (n R, d)
    ConstMatrixView<double> kept;                     ///< (n, kept_values())
    std::span<const Contribution>
        to;  ///< [k], at least one needed; may be S's own memory where the operator works_in_place
    /// R: rows of S a sample. A shared value has one sample, and the rows of all.
    [[nodiscard]] Index rows_per_sample() const { return S.rows / kept.rows; }
};

struct OperatorRoutines {
    void (*forward)(const ForwardPass&);
    void (*pull_back)(const BackwardPass&);
    /// Values a sample that the pull-back wants to remember, for d outputs.
    Index (*kept_values)(Index d);
    /// The pull-back may write its first input's sensitivity over that of the output.
    bool works_in_place = false;
    /// Its result is looked at: an infinity in it could vanish again (tanh of infinity is 1).
    bool may_overflow = false;
    /// What its result is, for messages that go on with a layer: "activation of".
    const char* result = "";
    /// f where a sensitivity S that is the same for all samples is pulled back to f S, nothing where it depends on the
    /// sample then; nullptr: it always does.
    std::optional<double> (*constant_factor)(const Operator&) = nullptr;
    /// Its share of the kernel, but for the node's index; nullptr: it has no parameters.
    Step (*step)(const Node&) = nullptr;
    /// Where its derivative jumps, as values of its first input; nullptr: nowhere.
    std::vector<double> (*kinks)(const Operator&) = nullptr;
};

/// The table.
const OperatorRoutines& routines_of(const Operator& op);

namespace operators {
extern const OperatorRoutines dense_routines, activate_routines, add_routines, mul_routines, power_routines,
    softmax_routines, parameter_routines, constant_routines, apply_routines, arrange_routines,
    combine_routines, largest_routines, matmul_routines, convolve_routines, standardize_routines,
    lookup_routines, compare_routines, choose_routines, stored_routines;
}

}  // namespace tangram
