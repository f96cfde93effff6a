#include "perturbed_forward.hpp"

#include "dot.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

double bias(const Layer& layer, Index unit) {
    return layer.has_bias() ? layer.bias_scale * layer.bias[at(unit)] : 0;
}

Vector activated(const Layer& layer, const Vector& z) {
    Vector x(z.size());
    for (std::size_t j = 0; j < z.size(); ++j) {
        x[j] = layer.output_scale * reference_activation(layer.activation, z[j]).value;
    }
    return x;
}

/// Both ends through one layer's affine map: one sweep over W.
Ends preactivations(const Layer& layer, const Ends& x) {
    Ends z{Vector(at(layer.fan_out())), Vector(at(layer.fan_out()))};
    for (Index j = 0; j < layer.fan_out(); ++j) {
        const double* w = layer.weight.view().row(j);
        z.plus[at(j)] = layer.weight_scale * dot(w, x.plus.data(), layer.fan_in()) + bias(layer, j);
        z.minus[at(j)] = layer.weight_scale * dot(w, x.minus.data(), layer.fan_in()) + bias(layer, j);
    }
    return z;
}

/// Where phi is not smooth: its derivative jumps, or elu's second one, or softplus itself in the ninth digit.
std::optional<double> break_point(const Activation& activation) {
    if (has_kink(activation) || activation.kind == ActivationKind::elu) return 0.0;
    if (activation.kind == ActivationKind::softplus) return 20 / activation.parameter;
    return std::nullopt;
}

bool crosses(const Layer& layer, const Vector& middle, const Ends& z) {
    const std::optional<double> point = break_point(layer.activation);
    if (!point) return false;
    for (std::size_t j = 0; j < middle.size(); ++j) {
        if (z.plus[j] == middle[j] && z.minus[j] == middle[j]) continue;  // what stands still crosses nothing
        const double lowest = std::min({z.plus[j], middle[j], z.minus[j]});
        const double highest = std::max({z.plus[j], middle[j], z.minus[j]});
        if (lowest <= *point && *point <= highest) return true;
    }
    return false;
}

double curvature(const Vector& middle, const Ends& x) {
    double bent = 0;
    double moved = 0;
    for (std::size_t j = 0; j < middle.size(); ++j) {
        bent = std::max(bent, std::abs((x.plus[j] - middle[j]) + (x.minus[j] - middle[j])));
        moved = std::max(moved, std::abs(x.plus[j] - x.minus[j]));
    }
    return bent > 0 ? bent / moved : 0;
}

/// Moves z up at one end and down at the other by the rounding that it may have suffered, signs at random.
void jitter(const Vector& magnitude, std::uint64_t stream, Ends& z) {
    for (std::size_t j = 0; j < magnitude.size(); ++j) {
        const double move = rounding_unit * magnitude[j] * random_sign(stream, j);
        z.plus[j] += move;
        z.minus[j] -= move;
    }
}

}  // namespace

double largest_entry(const Vector& v) {
    double largest = 0;
    for (const double entry : v) largest = std::max(largest, std::abs(entry));
    return largest;
}

Middle forward(const Network& network, Vector x) {
    Middle middle;
    for (const Layer& layer : network.layers) {
        Vector z(at(layer.fan_out()));
        Vector magnitude(z.size());
        for (Index j = 0; j < layer.fan_out(); ++j) {
            const double* w = layer.weight.view().row(j);
            double sum = 0;
            for (Index k = 0; k < layer.fan_in(); ++k) sum += std::abs(w[k] * x[at(k)]);
            z[at(j)] = layer.weight_scale * dot(w, x.data(), layer.fan_in()) + bias(layer, j);
            magnitude[at(j)] = std::abs(layer.weight_scale) * sum + std::abs(bias(layer, j));
        }
        middle.activations.push_back(std::move(x));
        x = activated(layer, z);
        middle.preactivations.push_back(std::move(z));
        middle.magnitudes.push_back(std::move(magnitude));
    }
    middle.activations.push_back(std::move(x));
    return middle;
}

std::optional<double> propagate(const Network& network, const Middle& middle, Index layer, Ends& ends) {
    double largest_curvature = 0;
    for (Index l = layer; l < network.depth(); ++l) {
        const Layer& here = network.layers[at(l)];
        if (l > layer) ends = preactivations(here, ends);
        if (crosses(here, middle.preactivations[at(l)], ends)) return std::nullopt;
        ends = {activated(here, ends.plus), activated(here, ends.minus)};
        largest_curvature = std::max(largest_curvature, curvature(middle.activations[at(l + 1)], ends));
    }
    return largest_curvature;
}

double rounding_of_outputs(const Network& network, const Middle& middle, Index layer, std::uint64_t seed) {
    constexpr int trials = 4;     // of which the largest counts,
    constexpr double margin = 8;  // with a margin, because so few may all be lucky
    double largest = std::max(underflow, rounding_unit * largest_entry(middle.activations.back()));
    for (int trial = 0; trial < trials; ++trial) {
        Ends ends{middle.preactivations[at(layer)], middle.preactivations[at(layer)]};
        for (Index l = layer; l < network.depth(); ++l) {
            const Layer& here = network.layers[at(l)];
            if (l > layer) ends = preactivations(here, ends);
            // z_l of the first layer is not summed again at the ends of a step: it loses its own last bit
            // only
            const Vector& magnitude = l > layer ? middle.magnitudes[at(l)] : middle.preactivations[at(l)];
            jitter(magnitude, splitmix64(seed ^ at(trial * network.depth() + l)), ends);
            ends = {activated(here, ends.plus), activated(here, ends.minus)};
        }
        for (std::size_t r = 0; r < ends.plus.size(); ++r) {
            largest = std::max(largest, std::abs(ends.plus[r] - ends.minus[r]) / 2);
        }
    }
    return margin * largest;
}

}  // namespace tangram
