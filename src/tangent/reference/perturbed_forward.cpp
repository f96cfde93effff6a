#include "perturbed_forward.hpp"

#include "paths.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

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
    Operands in = operands_of(motion.network, node, motion.middle);
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const auto value = at(node.inputs[k]);
        in.inputs[k] =
            motion.moves[value] ? walk[value].view() : repeated(motion.middle.value(node.inputs[k]), 2);
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
    Matrix<double> y = twice(motion.middle.value(node.output));
    if (inputs_move(motion, node)) forward(node, operands_at_ends(motion, node, walk), y.view());
    return y;
}

/// rate += dy/dh at the operands' points.
void add_rates(const Motion& motion, const Node& node, const Operands& in, MatrixView<double> rate) {
    for (std::size_t t = 0; t < node.tensors.size(); ++t) {
        const Direction& u = motion.u[at(node.tensors[t])];
        if (u.length != 0) add_rate(node, in, t, u, rate);
    }
}

bool uses_moved(const Motion& motion, const Node& node) {
    return std::any_of(node.tensors.begin(), node.tensors.end(),
                       [&](Index tensor) { return motion.u[at(tensor)].length != 0; });
}

/// y +- h dy/dh, for a node that uses a tensor that moves.
void move(const Motion& motion, std::size_t k, double h, const Walk& walk, Matrix<double>& y) {
    const Node& node = motion.network.nodes[k];
    Matrix<double> rate(2, y.cols());
    if (inputs_move(motion, node)) {
        add_rates(motion, node, operands_at_ends(motion, node, walk), rate.view());
    } else {
        rate = twice(motion.rates[k]);
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

/// E f at both ends.
Matrix<double> followed_of(const Motion& motion, const Matrix<double>& outputs) {
    Matrix<double> followed(2, motion.middle.rows());
    for (Index end = 0; end < 2; ++end) {
        const Vector rows = followed_outputs(motion.middle, {outputs.view().row(end), at(outputs.cols())});
        std::copy(rows.begin(), rows.end(), followed.view().row(end));
    }
    return followed;
}

/// max over r of the root of the sum over entries j of (S_rj size_j)^2; what is infinite, as a mask may be, is so exactly.
double carried_on(const Matrix<double>& S, const Vector& sizes) {
    double most = 0;
    for (Index r = 0; r < S.rows(); ++r) {
        double largest = 0;  // is divided by, so that squares neither overflow nor vanish
        const auto part = [&](std::size_t j) {
            return std::isfinite(sizes[j]) ? S(r, static_cast<Index>(j)) * sizes[j] : 0.0;
        };
        for (std::size_t j = 0; j < sizes.size(); ++j) largest = std::max(largest, std::abs(part(j)));
        if (!(largest > 0)) continue;
        double sum = 0;
        for (std::size_t j = 0; j < sizes.size(); ++j) {
            const double ratio = part(j) / largest;
            sum += ratio * ratio;
        }
        most = std::max(most, largest * std::sqrt(sum));
    }
    return most;
}

/// How often the way to both ends is to be quartered, at least once, before it crosses no kink of the node.
int quarters_to_a_kink(const Node& node, const Operands& middle, const Operands& ends) {
    constexpr int most = 24;  // no step is that much smaller than another
    std::vector<Matrix<double>> nearer;
    Operands in = ends;
    for (std::size_t k = 0; k < ends.inputs.size(); ++k) {
        nearer.emplace_back(ends.inputs[k].rows, ends.inputs[k].cols);
        in.inputs[k] = nearer[k].view();
    }
    double share = 1;
    for (int quarters = 1; quarters < most; ++quarters) {
        share /= 4;
        for (std::size_t k = 0; k < nearer.size(); ++k) {
            for (Index end = 0; end < nearer[k].rows(); ++end) {
                for (Index j = 0; j < nearer[k].cols(); ++j) {
                    const double x = middle.inputs[k](0, j);
                    nearer[k](end, j) = x + share * (ends.inputs[k](end, j) - x);
                }
            }
        }
        if (!crosses_kink(node, middle, in)) return quarters;
    }
    return most;
}

/// What rounds where the node is computed at the ends of a step, in units of rounding.
Vector rounded_sizes(const Motion& motion, const Node& node) {
    // what is not summed again at the ends of a step loses its own last bit only
    if (!inputs_move(motion, node)) return motion.middle.value(node.output);
    return magnitudes(node, operands_of(motion.network, node, motion.middle));
}

}  // namespace

double largest_entry(std::span<const double> v) {
    double largest = 0;
    for (const double entry : v) largest = std::max(largest, std::abs(entry));
    return largest;
}

Motion motion_of(const Network& network, const SampleGradient& middle, std::vector<Direction> u) {
    Motion motion{network, middle, std::move(u), {}, {}};
    motion.moves = between_some_tensors_and_output(
        network, [&](Index tensor) { return motion.u[at(tensor)].length != 0; });
    motion.rates.resize(network.nodes.size());
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const Node& node = network.nodes[k];
        if (!uses_moved(motion, node) || !motion.moves[at(node.output)] || inputs_move(motion, node))
            continue;
        Vector& rate = motion.rates[k];
        rate.resize(at(network.values[at(node.output)].size));
        const auto size = static_cast<Index>(rate.size());
        add_rates(motion, node, operands_of(network, node, middle), {rate.data(), 1, size, size});
    }
    return motion;
}

Step take_step(const Motion& motion, double h) {
    const Network& network = motion.network;
    if (!motion.moves[at(network.output)])
        return {Ends{followed_of(motion, twice(motion.middle.value(network.output)))}};
    Walk walk(network.values.size());
    double largest_curvature = 0;
    for (std::size_t k = 0; k < network.nodes.size(); ++k) {
        const Node& node = network.nodes[k];
        const auto output = at(node.output);
        if (!motion.moves[output]) continue;
        const Operands middle = operands_of(network, node, motion.middle);
        const Operands ends = operands_at_ends(motion, node, walk);
        if (crosses_kink(node, middle, ends)) return {std::nullopt, quarters_to_a_kink(node, middle, ends)};
        walk[output] = passed_on(motion, node, walk);
        if (uses_moved(motion, node)) move(motion, k, h, walk, walk[output]);
        largest_curvature =
            std::max(largest_curvature, curvature(motion.middle.value(node.output), walk[output]));
    }
    return {Ends{followed_of(motion, walk[at(network.output)]), largest_curvature}};
}

double rounding_of_outputs(const Motion& motion) {
    constexpr double margin = 12;  // over the expected size, since it must hold for every row and step
    double sum = largest_entry(followed_outputs(motion.middle, motion.middle.outputs));
    for (const Node& node : motion.network.nodes) {
        const Matrix<double>& S = motion.middle.sensitivities[at(node.output)];
        if (!motion.moves[at(node.output)] || S.rows() == 0) continue;
        sum = std::hypot(sum, carried_on(S, rounded_sizes(motion, node)));
    }
    return margin * std::max(underflow, rounding_unit * sum);
}

}  // namespace tangram::reference
