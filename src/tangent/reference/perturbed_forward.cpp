#include "perturbed_forward.hpp"

#include "paths.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::reference {

namespace {

/// [value]: at both ends, (2, size), theta + h u first; no rows where it stands still.
using Walk = std::vector<Matrix<double>>;

bool inputs_move(const Motion& motion, const Node& node) {
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](Index input) { return motion.moves[at(input)]; });
}

/// What a node reads at both ends.
Operands operands_at_ends(const Motion& motion, const Node& node, const Walk& walk) {
    Operands in = operands_of(motion.network, node, motion.middle.values);
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const auto value = at(node.inputs[k]);
        in.inputs[k] = motion.moves[value] ? walk[value].view() : repeated(motion.middle.values[value], 2);
    }
    return in;
}

Matrix<double> twice(const Vector& v) {
    Matrix<double> both(2, static_cast<Index>(v.size()));
    for (Index end = 0; end < 2; ++end) std::copy(v.begin(), v.end(), both.view().row(end));
    return both;
}

/// A node's output at both ends for the tensors as they are: the middle's own, not summed again, where its inputs
/// stand still.
Matrix<double> passed_on(const Motion& motion, const Node& node, const Walk& walk) {
    Matrix<double> y = twice(motion.middle.values[at(node.output)]);
    if (inputs_move(motion, node)) forward(node, operands_at_ends(motion, node, walk), y.view());
    return y;
}

/// rate += dy/dh at the operands' points.
void add_rates(const Motion& motion, const Node& node, const Operands& in, MatrixView<double> rate) {
    for (std::size_t t = 0; t < node.tensors.size(); ++t) {
        if (node.tensors[t] == motion.tensor) add_rate(node, in, t, motion.u, rate);
    }
}

/// y +- h dy/dh, for a node that uses the tensor.
void move(const Motion& motion, const Use& use, double h, const Walk& walk, Matrix<double>& y) {
    const Node& node = motion.network.nodes[at(use.node)];
    Matrix<double> rate(2, y.cols());
    if (inputs_move(motion, node)) {
        add_rates(motion, node, operands_at_ends(motion, node, walk), rate.view());
    } else {
        rate = twice(motion.rates[at(use.node)]);
    }
    for (Index j = 0; j < y.cols(); ++j) {
        y(0, j) += h * rate(0, j);
        y(1, j) -= h * rate(1, j);
    }
}

double curvature(const Vector& middle, const Matrix<double>& x) {
    double bent = 0;
    double moved = 0;
    for (Index j = 0; j < x.cols(); ++j) {
        bent = std::max(bent, std::abs((x(0, j) - middle[at(j)]) + (x(1, j) - middle[at(j)])));
        moved = std::max(moved, std::abs(x(0, j) - x(1, j)));
    }
    return bent > 0 ? bent / moved : 0;
}

/// Moves y up at one end and down at the other by the rounding that it may have suffered, signs at random. What is infinite,
/// as a mask may be, suffers none.
void jitter(const Vector& magnitude, std::uint64_t stream, Matrix<double>& y) {
    for (std::size_t j = 0; j < magnitude.size(); ++j) {
        if (!std::isfinite(magnitude[j])) continue;
        const double shift = rounding_unit * magnitude[j] * random_sign(stream, j);
        y(0, static_cast<Index>(j)) += shift;
        y(1, static_cast<Index>(j)) -= shift;
    }
}

/// The outputs at both ends if nothing but rounding moves them.
Matrix<double> jittered_outputs(const Motion& motion, std::uint64_t stream) {
    Walk walk(motion.network.values.size());
    for (std::size_t k = 0; k < motion.network.nodes.size(); ++k) {
        const Node& node = motion.network.nodes[k];
        const auto output = at(node.output);
        if (!motion.moves[output]) continue;
        walk[output] = passed_on(motion, node, walk);
        // what is not summed again at the ends of a step loses its own last bit only
        const bool summed_again = inputs_move(motion, node);
        jitter(summed_again ? motion.middle.magnitudes[k] : motion.middle.values[output],
               splitmix64(stream + k), walk[output]);
    }
    return std::move(walk[at(motion.network.output)]);
}

}  // namespace

double largest_entry(std::span<const double> v) {
    double largest = 0;
    for (const double entry : v) largest = std::max(largest, std::abs(entry));
    return largest;
}

Middle middle_pass(const Network& network, const Vector& x) {
    Middle middle;
    for (const Value& value : network.values) middle.values.emplace_back(at(value.size));
    middle.values[at(network.input)] = x;
    for (const Node& node : network.nodes) {
        const Operands in = operands_of(network, node, middle.values);
        Vector& y = middle.values[at(node.output)];
        const auto size = static_cast<Index>(y.size());
        forward(node, in, {y.data(), 1, size, size});
        middle.magnitudes.push_back(magnitudes(node, in));
    }
    return middle;
}

Motion motion_of(const Network& network, const Middle& middle, Index tensor, const Direction& u) {
    Motion motion{network, middle, tensor, u, between_tensor_and_output(network, tensor), {}};
    motion.rates.resize(network.nodes.size());
    for (const Use& use : uses_of(network, tensor)) {
        const Node& node = network.nodes[at(use.node)];
        if (!motion.moves[at(node.output)] || inputs_move(motion, node)) continue;
        Vector& rate = motion.rates[at(use.node)];
        if (!rate.empty()) continue;  // used twice by one node
        rate.resize(at(network.values[at(node.output)].size));
        const auto size = static_cast<Index>(rate.size());
        add_rates(motion, node, operands_of(network, node, middle.values), {rate.data(), 1, size, size});
    }
    return motion;
}

std::optional<Ends> take_step(const Motion& motion, double h) {
    const Network& network = motion.network;
    if (!motion.moves[at(network.output)]) return Ends{twice(motion.middle.values[at(network.output)])};
    const std::vector<Use> uses = uses_of(network, motion.tensor);
    Walk walk(network.values.size());
    double largest_curvature = 0;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const Node& node = network.nodes[k];
        const auto output = at(node.output);
        if (!motion.moves[output]) continue;
        if (crosses_kink(node, operands_of(network, node, motion.middle.values),
                         operands_at_ends(motion, node, walk)))
            return std::nullopt;
        walk[output] = passed_on(motion, node, walk);
        const auto use =
            std::find_if(uses.begin(), uses.end(), [&](const Use& here) { return at(here.node) == k; });
        if (use != uses.end()) move(motion, *use, h, walk, walk[output]);
        largest_curvature =
            std::max(largest_curvature, curvature(motion.middle.values[output], walk[output]));
    }
    return Ends{std::move(walk[at(network.output)]), largest_curvature};
}

double rounding_of_outputs(const Motion& motion, std::uint64_t seed, const OfOutputs& F) {
    constexpr int trials = 4;     // of which the largest counts,
    constexpr double margin = 8;  // with a margin, because so few may all be lucky
    const Vector& outputs = motion.middle.values[at(motion.network.output)];
    const auto values = [&](std::span<const double> y) { return F ? F(y) : Vector(y.begin(), y.end()); };
    double largest = std::max(underflow, rounding_unit * largest_entry(values(outputs)));
    if (!motion.moves[at(motion.network.output)]) return margin * largest;
    for (int trial = 0; trial < trials; ++trial) {
        const Matrix<double> ends = jittered_outputs(motion, splitmix64(seed ^ at(trial)));
        const Vector up = values({ends.view().row(0), at(ends.cols())});
        const Vector down = values({ends.view().row(1), at(ends.cols())});
        for (std::size_t r = 0; r < up.size(); ++r)
            largest = std::max(largest, std::abs(up[r] - down[r]) / 2);
    }
    return margin * largest;
}

}  // namespace tangram::reference
