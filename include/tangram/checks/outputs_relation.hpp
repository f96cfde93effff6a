#pragma once
// Why the user's outputs are not ours: what turns ours f (n, C) into theirs g, output by output,
//
//   g = f + b (the kernel is the same)   g = a f   g = a f + b   g = softmax(f)   g_i = f_p(i), samples in another order
//
// or which activation would have given theirs.

#include "tangram/network/network.hpp"
#include "tangram/support/matrix.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

struct OutputsRelation {
    std::vector<std::string> lines;     ///< in words; none where nothing was found
    std::optional<double> factor{};     ///< all of theirs are so many times ours
    bool differs_by_constants = false;  ///< every output of theirs is ours plus a number of its own
    double error_beyond = 0;            ///< max |g - f - b| / max |g|
};

/// `ours`, `theirs`: (n, C), all finite, of the same samples. Two numbers agree if they differ by no more than `tolerance`
/// times the largest of theirs.
OutputsRelation relate_outputs(ConstMatrixView<double> ours, ConstMatrixView<double> theirs,
                               double tolerance);

/// The activation, of the hidden layers or of the output, with which the network would give `theirs` (n, C) for the samples
/// X (n, d_0): a line that says so, "" if none would. Costs a forward pass for each activation there is.
std::string fitting_activation(const Network& network, ConstMatrixView<double> X,
                               ConstMatrixView<double> theirs, double tolerance);

/// What factor on the outputs means for the kernel, and which option says it.
std::string factor_option(const Network& network, double factor);

}  // namespace tangram
