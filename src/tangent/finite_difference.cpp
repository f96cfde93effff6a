#include "tangram/tangent/finite_difference.hpp"

#include "dot.hpp"
#include "perturbed_forward.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

constexpr double tolerance = finite_difference_tolerance;
constexpr int ladder_steps = 24;                  // h from 1/4 to 4^-24 of the preactivations' size
constexpr double largest_noise = 10 * tolerance;  // a step noisier than this is not used
constexpr double no_accident = 1e-2 * tolerance;  // an agreement this close needs no smaller step
// D has found the derivative, right or wrong as J may be, where the way to the outputs is straight, and D no
// longer changes. (Either may seem so by accident: an odd function is straight, a step too large for a
// bounded one finds nothing, twice.)
constexpr double straight = 3e-3;
constexpr double steady = 1e-3;

/// u: entry by entry, in the tensor's row-major order.
struct Direction {
    std::uint64_t stream = 0;
    double length = 0;  ///< of an entry: 1 / sqrt(n)
    double operator()(Index entry) const {
        return length * random_sign(stream, static_cast<std::uint64_t>(entry));
    }
};

Direction direction_of(const Network& network, ParameterTensor tensor, Index sample, std::uint64_t seed) {
    const Layer& layer = network.layers[at(tensor.layer)];
    const Index entries = tensor.is_bias ? layer.fan_out() : layer.weight.size();
    const auto tensor_number = static_cast<std::uint64_t>(2 * tensor.layer + (tensor.is_bias ? 1 : 0));
    const std::uint64_t tensor_stream = splitmix64(seed ^ splitmix64(tensor_number));
    return {splitmix64(tensor_stream + static_cast<std::uint64_t>(sample)),
            1 / std::sqrt(static_cast<double>(entries))};
}

/// dz_l / dh along u: a U x_{l-1}, or b u for a bias.
Vector preactivation_rate(const Layer& layer, bool is_bias, const Vector& x, const Direction& u) {
    Vector rate(at(layer.fan_out()));
    Vector row(x.size());
    for (Index j = 0; j < layer.fan_out(); ++j) {
        if (is_bias) {
            rate[at(j)] = layer.bias_scale * u(j);
            continue;
        }
        for (Index k = 0; k < layer.fan_in(); ++k) row[at(k)] = u(j * layer.fan_in() + k);
        rate[at(j)] = layer.weight_scale * dot(row.data(), x.data(), layer.fan_in());
    }
    return rate;
}

struct DirectionalDerivative {
    Vector Ju;         ///< (C)
    double scale = 0;  ///< max_r |J_r| / sqrt(n)
};

/// J contracted with u, a few units of the tensor at a time.
DirectionalDerivative contract(const Network& network, ParameterTensor tensor, const SampleGradient& sample,
                               const Direction& u) {
    const Layer& layer = network.layers[at(tensor.layer)];
    const Reduction every_output{ReductionKind::full, -1, network.outputs()};
    const Index fan_in = tensor.is_bias ? 1 : layer.fan_in();
    const Index units_per_block = std::max<Index>(1, (Index{1} << 15) / (network.outputs() * fan_in));
    Vector Ju(at(network.outputs()), 0.0);
    Vector squares(Ju.size(), 0.0);
    for (Index first = 0; first < layer.fan_out(); first += units_per_block) {
        const Index units = std::min(units_per_block, layer.fan_out() - first);
        const Matrix<double> J = jacobian_block(network, every_output, tensor, {&sample, 1}, first, units);
        Vector part(at(J.cols()));
        for (Index k = 0; k < J.cols(); ++k) part[at(k)] = u(first * fan_in + k);
        for (Index r = 0; r < J.rows(); ++r) {
            Ju[at(r)] += dot(J.view().row(r), part.data(), J.cols());
            squares[at(r)] += dot(J.view().row(r), J.view().row(r), J.cols());
        }
    }
    return {Ju, std::sqrt(largest_entry(squares)) * u.length};
}

/// A step of the ladder that crossed no kink.
struct Difference {
    Vector D;
    double curvature = 0;
};

std::optional<Difference> central_difference(const Network& network, const Middle& middle, Index layer,
                                             const Vector& rate, double h) {
    Ends ends{middle.preactivations[at(layer)], middle.preactivations[at(layer)]};
    for (std::size_t j = 0; j < rate.size(); ++j) {
        ends.plus[j] += h * rate[j];
        ends.minus[j] -= h * rate[j];
    }
    const std::optional<double> curvature = propagate(network, middle, layer, ends);
    if (!curvature) return std::nullopt;
    Difference step{Vector(ends.plus.size()), *curvature};
    for (std::size_t r = 0; r < step.D.size(); ++r) step.D[r] = (ends.plus[r] - ends.minus[r]) / (2 * h);
    return step;
}

/// (16 D(h) - D(4h)) / 15.
Vector extrapolated(const Vector& D, const Vector& coarser) {
    Vector better(D.size());
    for (std::size_t r = 0; r < D.size(); ++r) better[r] = D[r] + (D[r] - coarser[r]) / 15;
    return better;
}

/// max |v - w|; infinite if an entry is not finite.
double distance(const Vector& v, const Vector& w) {
    double largest = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
        const double difference = std::abs(v[i] - w[i]);
        if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
        largest = std::max(largest, difference);
    }
    return largest;
}

/// The step that moves the preactivations by about their own size, or by 1 if they are smaller.
double unit_step(const Vector& z, const Vector& rate) {
    const auto n = static_cast<Index>(z.size());
    const double size = std::sqrt(dot(z.data(), z.data(), n) / static_cast<double>(n));
    const double moved = largest_entry(rate);
    return std::max(size, 1.0) / (moved > underflow ? moved : 1.0);
}

struct Comparison {
    double error = std::numeric_limits<double>::infinity();
    bool reached_derivative = false;  ///< D came so close to the derivative that a right J had to agree
    Index steps_taken = 0;
    Index steps_rejected = 0;
    [[nodiscard]] bool is_decided() const { return error <= tolerance || reached_derivative; }
};

/// Walks down the ladder for one tensor and sample.
Comparison compare(const Network& network, const Middle& middle, Index layer, const Vector& rate,
                   const DirectionalDerivative& derivative, double rounding) {
    Comparison result;
    if (!std::ranges::all_of(derivative.Ju, [](double entry) { return std::isfinite(entry); })) {
        result.reached_derivative = true;  // no difference can agree with it
        return result;
    }
    std::optional<Difference> coarser;
    double h = unit_step(middle.preactivations[at(layer)], rate);
    for (int i = 0; i < ladder_steps && result.error > no_accident; ++i) {
        h /= 4;
        const std::optional<Difference> step = central_difference(network, middle, layer, rate, h);
        ++(step ? result.steps_taken : result.steps_rejected);
        if (step) {
            const double noise = rounding / h;
            const double scale = std::max(derivative.scale, largest_entry(step->D));
            const double off = distance(step->D, derivative.Ju);
            if (off > 0 && noise > largest_noise * scale) break;  // all smaller steps are noisier
            const double allowed = scale + noise / tolerance;
            result.error = std::min(result.error, off > 0 ? off / allowed : 0);
            if (coarser) {
                const double still_off = distance(extrapolated(step->D, coarser->D), derivative.Ju);
                result.error = std::min(result.error, still_off / allowed);
                const double change = distance(step->D, coarser->D);
                const bool settled = change <= std::min(steady * largest_entry(step->D), off / 10);
                result.reached_derivative = settled && step->curvature <= straight;
            }
        }
        coarser = step;
    }
    return result;
}

}  // namespace

FiniteDifferenceResult compare_with_finite_differences(const Network& network,
                                                       std::span<const SampleGradient> samples,
                                                       std::uint64_t seed) {
    FiniteDifferenceResult result;
    for (std::size_t s = 0; s < samples.size(); ++s) {
        const Middle middle = forward(network, samples[s].activations.front());
        for (const ParameterTensor tensor : parameter_tensors(network)) {
            const Layer& layer = network.layers[at(tensor.layer)];
            const Direction u = direction_of(network, tensor, static_cast<Index>(s), seed);
            const Vector rate =
                preactivation_rate(layer, tensor.is_bias, middle.activations[at(tensor.layer)], u);
            const double rounding = rounding_of_outputs(network, middle, tensor.layer, splitmix64(u.stream));
            const DirectionalDerivative derivative = contract(network, tensor, samples[s], u);
            const Comparison found = compare(network, middle, tensor.layer, rate, derivative, rounding);
            result.steps_taken += found.steps_taken;
            result.steps_rejected += found.steps_rejected;
            ++(found.is_decided() ? result.decided : result.undecided);
            if (found.is_decided() && found.error > result.error) {
                result.error = found.error;
                result.worst = tensor;
            }
        }
    }
    return result;
}

}  // namespace tangram
