#include "tangram/tangent/reference/finite_difference.hpp"

#include "dot.hpp"
#include "paths.hpp"
#include "perturbed_forward.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace tangram {

using namespace reference;

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

Direction direction_of(const ParameterTensor& theta, Index tensor, Index sample, std::uint64_t seed) {
    const std::uint64_t tensor_stream = splitmix64(seed ^ splitmix64(static_cast<std::uint64_t>(tensor)));
    return {splitmix64(tensor_stream + static_cast<std::uint64_t>(sample)),
            1 / std::sqrt(static_cast<double>(theta.size()))};
}

struct DirectionalDerivative {
    Vector Ju;         ///< (R)
    double scale = 0;  ///< max_r |J_r| / sqrt(n); of several tensors the root of the sum of its squares
};

/// Whether the tensor comes in as a value that depends on no sample.
bool is_shared(const Network& network, Index tensor) {
    const std::vector<Use> uses = uses_of(network, tensor);
    return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
        return network.values[at(network.nodes[at(use.node)].output)].shared;
    });
}

/// J contracted with u, a few units of the tensor at a time, or all where its rows are made anew for that.
DirectionalDerivative contract(const Network& network, Index tensor, const SampleGradient& sample,
                               const Direction& u) {
    const ParameterTensor& theta = network.tensors[at(tensor)];
    const Reduction every_output{ReductionKind::full, -1, sample.rows()};
    const Index units_per_block =
        is_shared(network, tensor)
            ? theta.units()
            : std::max<Index>(1, (Index{1} << 15) / (sample.rows() * theta.unit_size()));
    Vector Ju(at(sample.rows()), 0.0);
    Vector squares(Ju.size(), 0.0);
    for (Index first = 0; first < theta.units(); first += units_per_block) {
        const Index units = std::min(units_per_block, theta.units() - first);
        const Matrix<double> J = jacobian_block(network, every_output, tensor, {&sample, 1}, first, units);
        Vector part(at(J.cols()));
        for (Index k = 0; k < J.cols(); ++k) part[at(k)] = u(first * theta.unit_size() + k);
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

/// How far from linear functions of the outputs went, as Ends::curvature has it for values.
double curvature(const Vector& middle, ConstMatrixView<double> ends) {
    double bent = 0;
    double moved = 0;
    for (Index r = 0; r < ends.cols; ++r) {
        bent = std::max(bent, std::abs((ends(0, r) - middle[at(r)]) + (ends(1, r) - middle[at(r)])));
        moved = std::max(moved, std::abs(ends(0, r) - ends(1, r)));
    }
    return bent > 0 ? bent / moved : 0;
}

Difference central_difference(const Motion& motion, double h, const Ends& ends) {
    Difference step{Vector(at(ends.outputs.cols())), ends.curvature};
    for (Index r = 0; r < ends.outputs.cols(); ++r)
        step.D[at(r)] = (ends.outputs(0, r) - ends.outputs(1, r)) / (2 * h);
    const SampleGradient& middle = motion.middle;
    if (middle.of_outputs != nullptr)
        step.curvature = std::max(step.curvature,
                                  curvature(followed_outputs(middle, middle.outputs), ends.outputs.view()));
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

/// The step that moves the outputs of the nodes that use the tensor by about their own size, or by 1 if they are
/// smaller.
double unit_step(const Motion& motion) {
    double shortest = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < motion.rates.size(); ++k) {
        if (motion.rates[k].empty()) continue;
        const Vector& y = motion.middle.value(motion.network.nodes[k].output);
        const auto n = static_cast<Index>(y.size());
        const double size = std::sqrt(dot(y.data(), y.data(), n) / static_cast<double>(n));
        const double moved = largest_entry(motion.rates[k]);
        shortest = std::min(shortest, std::max(size, 1.0) / (moved > underflow ? moved : 1.0));
    }
    return std::isfinite(shortest) ? shortest : 1;
}

struct Comparison {
    double error = std::numeric_limits<double>::infinity();
    bool reached_derivative = false;  ///< D came so close to the derivative that a right J had to agree
    Index steps_taken = 0;
    Index steps_rejected = 0;
    [[nodiscard]] bool is_decided() const { return error <= tolerance || reached_derivative; }
};

/// Walks down the ladder for one direction and sample.
Comparison compare(const Motion& motion, const DirectionalDerivative& derivative) {
    Comparison result;
    std::optional<double> rounding;  // asked for where it matters: it costs some passes
    if (!std::ranges::all_of(derivative.Ju, [](double entry) { return std::isfinite(entry); })) {
        result.reached_derivative = true;  // no difference can agree with it
        return result;
    }
    std::optional<Difference> coarser;
    double h = unit_step(motion);
    int quarters = 1;
    for (int i = quarters; i <= ladder_steps && result.error > no_accident; i += quarters) {
        h = std::ldexp(h, -2 * quarters);
        const Step taken = take_step(motion, h);
        quarters = taken.quarters;
        ++(taken.ends ? result.steps_taken : result.steps_rejected);
        std::optional<Difference> step;
        if (taken.ends) {
            step = central_difference(motion, h, *taken.ends);
            const double scale = std::max(derivative.scale, largest_entry(step->D));
            const double off = distance(step->D, derivative.Ju);
            if (!rounding && off <= no_accident * scale) {  // as right as with the noise allowed for
                result.error = std::min(result.error, off > 0 ? off / scale : 0);
                break;
            }
            if (!rounding) rounding = rounding_of_outputs(motion);
            const double noise = *rounding / h;
            if (off > 0 && noise > largest_noise * scale) break;  // all smaller steps are noisier
            const double allowed = scale + noise / tolerance;
            result.error = std::min(result.error, off > 0 ? off / allowed : 0);
            if (off <= noise && noise <= tolerance * scale) break;  // as right as any smaller step can show
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

/// One direction of these tensors.
struct Course {
    std::vector<Direction> u;  ///< [tensor]: of length 0 for others
    DirectionalDerivative derivative;
};

Course course_of(const Network& network, const SampleGradient& sample, std::span<const Index> tensors,
                 Index number, std::uint64_t seed) {
    Course course{std::vector<Direction>(network.tensors.size()), {Vector(at(sample.rows()), 0.0), 0}};
    for (const Index tensor : tensors) {
        const Direction u = direction_of(network.tensors[at(tensor)], tensor, number, seed);
        const DirectionalDerivative part = contract(network, tensor, sample, u);
        for (std::size_t r = 0; r < part.Ju.size(); ++r) course.derivative.Ju[r] += part.Ju[r];
        course.derivative.scale = std::hypot(course.derivative.scale, part.scale);
        course.u[at(tensor)] = u;
    }
    return course;
}

void count(const Comparison& found, Index tensor, FiniteDifferenceResult& result) {
    result.steps_taken += found.steps_taken;
    result.steps_rejected += found.steps_rejected;
    ++(found.is_decided() ? result.decided : result.undecided);
    if (found.is_decided() && found.error > result.error) {
        result.error = found.error;
        result.worst = tensor;
    }
}

/// `number`: of the sample, in the list that the directions depend on; `worst` where it is the worst.
void compare_along(const Network& network, const SampleGradient& sample, std::span<const Index> tensors,
                   Index number, std::uint64_t seed, Index worst, FiniteDifferenceResult& result) {
    Course course = course_of(network, sample, tensors, number, seed);
    const Motion motion = motion_of(network, sample, std::move(course.u));
    count(compare(motion, course.derivative), worst, result);
}

}  // namespace

FiniteDifferenceResult compare_with_finite_differences(const Network& network,
                                                       std::span<const SampleGradient> samples,
                                                       std::uint64_t seed, EveryFew tensors) {
    FiniteDifferenceResult result;
    for (std::size_t s = 0; s < samples.size(); ++s) {
        for (Index tensor = tensors.first; tensor < static_cast<Index>(network.tensors.size());
             tensor += tensors.stride)
            compare_along(network, samples[s], {&tensor, 1}, static_cast<Index>(s), seed, tensor, result);
    }
    return result;
}

FiniteDifferenceResult compare_all_at_once(const Network& network, const SampleGradient& sample,
                                           std::uint64_t seed) {
    FiniteDifferenceResult result;
    std::vector<Index> all(network.tensors.size());
    std::iota(all.begin(), all.end(), Index{0});
    if (!all.empty()) compare_along(network, sample, all, 0, seed, -1, result);
    return result;
}

}  // namespace tangram
