#include "tangram/product/comparison.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/support/error_measures.hpp"
#include "tangram/tangent/reference/cancellation.hpp"
#include "tangram/tangent/steps.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace tangram {

namespace {

std::span<double> values(Matrix<double>& matrix) {
    return {matrix.data(), at(matrix.size())};
}

/// Collective. The entries of one stored matrix at the check samples: each rank reads some rows.
Matrix<double> read_check_entries(const ComparisonInputs& c, std::size_t matrix) {
    const Index R = c.shape.matrices[matrix].rows_each;
    const auto rows = static_cast<Index>(c.rows.samples.size());
    const auto columns = static_cast<Index>(c.columns.samples.size());
    Matrix<double> K(rows * R, columns * R);
    for (Index i = c.world.rank(); i < rows; i += c.world.size()) {
        for (Index j = 0; j < columns; ++j)
            c.read_entries(matrix, c.rows.samples[at(i)] * R, c.columns.samples[at(j)] * R,
                           K.view().block(i * R, j * R, R, R));
    }
    mpi::sum(c.world, values(K));
    return K;
}

/// A reference and the square roots of the diagonals that its entries are measured against.
struct Reference {
    Matrix<double> K;
    std::vector<double> row_norms, column_norms;
};

/// Collective. Roots of the kernel's diagonal for each sample's rows; each rank computes some.
std::vector<double> norms_of(const ComparisonInputs& c, Index tensor, const CheckSet& set) {
    const Index R = c.problem.reduction.rows_per_sample();
    std::vector<double> norms(set.gradients.size() * at(R), 0);
    for (auto k = at(c.world.rank()); k < set.gradients.size(); k += at(c.world.size())) {
        const Matrix<double> own =
            reference_kernel(c.problem.network, c.problem.reduction, tensor, {&set.gradients[k], 1});
        for (Index r = 0; r < R; ++r) norms[k * at(R) + at(r)] = std::sqrt(std::abs(own(r, r)));
    }
    mpi::sum(c.world, norms);
    return norms;
}

/// Collective.
Reference reference_of(const ComparisonInputs& c, Index tensor) {
    const Network& network = c.problem.network;
    const Reduction& reduction = c.problem.reduction;
    const int rank = c.world.rank();
    const int ranks = c.world.size();
    Reference reference;
    if (!c.shape.axes.symmetric) {
        reference.K = reference_kernel(network, reduction, tensor, c.rows.gradients, c.columns.gradients,
                                       {rank, ranks, c.threads});
        mpi::sum(c.world, values(reference.K));
        reference.row_norms = norms_of(c, tensor, c.rows);
        reference.column_norms = norms_of(c, tensor, c.columns);
        return reference;
    }
    reference.K = reference_kernel(network, reduction, tensor, c.rows.gradients, {rank, ranks, c.threads});
    mpi::sum(c.world, values(reference.K));
    for (Index i = 0; i < reference.K.rows(); ++i)
        reference.row_norms.push_back(std::sqrt(std::abs(reference.K(i, i))));
    reference.column_norms = reference.row_norms;
    return reference;
}

double largest(const std::vector<double>& norms, const std::vector<bool>& excluded, Index rows_each) {
    double most = 0;
    for (std::size_t k = 0; k < norms.size(); ++k) {
        if (!excluded[k / at(rows_each)]) most = std::max(most, norms[k]);
    }
    return most;
}

/// The size that entries of a rectangular matrix may have, whichever samples meet; 0 for a symmetric one, where one has it.
double entry_size(const ComparisonInputs& c, const Reference& reference) {
    if (c.shape.axes.symmetric) return 0;
    const Index R = c.problem.reduction.rows_per_sample();
    return largest(reference.row_norms, c.rows.excluded, R) *
           largest(reference.column_norms, c.columns.excluded, R);
}

/// The same of the Gram of a step's input.
double input_size(const ComparisonInputs& c, Index value) {
    const auto norms_of_inputs = [&](const CheckSet& set) {
        std::vector<double> norms;
        for (const SampleGradient& gradient : set.gradients) {
            double square = 0;
            for (const double x : gradient.value(value)) square += x * x;
            norms.push_back(std::sqrt(square));
        }
        return norms;
    };
    return largest(norms_of_inputs(c.rows), c.rows.excluded, 1) *
           largest(norms_of_inputs(c.columns), c.columns.excluded, 1);
}

/// Adds one tensor's reference to that of the total; norms as roots of sums of squares.
void add_to(Reference& total, const Reference& part) {
    const auto add_norms = [](std::vector<double>& to, const std::vector<double>& from) {
        to.resize(from.size(), 0);
        for (std::size_t k = 0; k < from.size(); ++k) to[k] = std::hypot(to[k], from[k]);
    };
    if (total.K.size() == 0) total.K = Matrix<double>(part.K.rows(), part.K.cols());
    for (Index k = 0; k < part.K.size(); ++k) total.K.data()[k] += part.K.data()[k];
    add_norms(total.row_norms, part.row_norms);
    add_norms(total.column_norms, part.column_norms);
}

/// Whether an entry that is not zero has lost digits, or all of itself, because it or a factor of it is below `least`.
bool underflows(double entry, double reference, double norm, double least) {
    return norm > 0 && (norm < least || (std::abs(entry) < least && std::abs(reference) >= least));
}

/// K against K_ref. What is below `smallest` may have underflowed on its way into the file and is measured against it
/// instead of its own size; so are norms sqrt(K_ii K_jj) below epsilon^2 of the largest entry.
ComponentCheck compare(const ComparisonInputs& c, const std::string& name, const Matrix<double>& K,
                       const Reference& reference, double smallest) {
    ComponentCheck check;
    check.name = name;
    const Index R = c.problem.reduction.rows_per_sample();
    const double epsilon = rounding_unit(c.shape.precision);
    const double size = largest_magnitude(reference.K.view());
    const double possible_size = std::max(size, entry_size(c, reference));
    const double least = smallest_normal(c.shape.precision);
    const double norm_floor = std::max(epsilon * epsilon * possible_size, smallest);
    double worst = 0;
    double worst_normalized = 0;
    double product = 0;
    double square = 0;
    Index compared = 0;
    for (Index i = 0; i < K.rows(); ++i) {
        for (Index j = 0; j < K.cols(); ++j) {
            if (c.rows.excluded[at(i / R)] || c.columns.excluded[at(j / R)]) continue;
            const double difference = std::abs(K(i, j) - reference.K(i, j));
            const double norm = reference.row_norms[at(i)] * reference.column_norms[at(j)];
            worst = worse(worst, difference);
            worst_normalized =
                worse(worst_normalized, relative_error_of(difference, std::max(norm, norm_floor)));
            check.underflows = check.underflows || underflows(K(i, j), reference.K(i, j), norm, least);
            if (size > 0) {
                product += K(i, j) / size * (reference.K(i, j) / size);
                square += reference.K(i, j) / size * (reference.K(i, j) / size);
            }
            ++compared;
        }
    }
    if (compared == 0) return check;  // not computed, which is no pass
    check.relative_error = relative_error_of(worst, std::max(possible_size, smallest));
    check.normalized_error = worst_normalized;
    check.size = size;
    check.too_small = size > 0 && size < smallest;
    check.scale = square > 0 ? product / square : largest_magnitude(K.view()) == 0 ? 1.0 : not_computed;
    const double rounding = 16 * epsilon * possible_size;
    if (size < rounding && worst < rounding) check.scale = 1;  // both are zero but for rounding
    return check;
}

/// Collective. A of each sample's rows, for these tensors together: each rank computes some.
std::vector<double> sizes_before_cancellation(const ComparisonInputs& c, std::span<const Index> tensors,
                                              const CheckSet& set) {
    const Reduction reduction = before_cancellation(c.problem.reduction);
    const Index R = reduction.rows_per_sample();
    std::vector<double> sizes(set.gradients.size() * at(R), 0);
    for (auto k = at(c.world.rank()); k < set.gradients.size(); k += at(c.world.size())) {
        const SampleGradient gradient = before_cancellation(c.problem.network, set.gradients[k]);
        for (const Index tensor : tensors) {
            const Matrix<double> own = reference_kernel(c.problem.network, reduction, tensor, {&gradient, 1});
            for (Index r = 0; r < R; ++r) {
                double& size = sizes[k * at(R) + at(r)];
                size = std::hypot(size, std::sqrt(own(r, r)));
            }
        }
    }
    mpi::sum(c.world, sizes);
    return sizes;
}

/// Whether what failed or is tiny, one tensor's kernel or the sum of all, is zero but for rounding; then it passes, measured
/// against A_i A_j.
void judge_as_zero(const ComparisonInputs& c, std::span<const Index> tensors, ComponentCheck& check,
                   double& entry_size) {
    const std::vector<double> row_sizes = sizes_before_cancellation(c, tensors, c.rows);
    const std::vector<double> column_sizes =
        c.shape.axes.symmetric ? row_sizes : sizes_before_cancellation(c, tensors, c.columns);
    const Matrix<double> K = read_check_entries(c, check.matrix);
    Reference reference;
    for (const Index tensor : tensors) add_to(reference, reference_of(c, tensor));
    const Index R = c.problem.reduction.rows_per_sample();
    const double known_to = rounding_of_sums * rounding_of_sums;
    double error = 0;
    for (Index i = 0; i < K.rows(); ++i) {
        for (Index j = 0; j < K.cols(); ++j) {
            if (c.rows.excluded[at(i / R)] || c.columns.excluded[at(j / R)]) continue;
            const double size = row_sizes[at(i)] * column_sizes[at(j)];
            const double largest_of_both = std::max(std::abs(reference.K(i, j)), std::abs(K(i, j)));
            if (!(largest_of_both <= known_to * size)) return;
            error = worse(error, relative_error_of(std::abs(K(i, j) - reference.K(i, j)), size));
        }
    }
    entry_size = largest(row_sizes, c.rows.excluded, R) * largest(column_sizes, c.columns.excluded, R);
    if (entry_size == 0) return;  // zero and nothing else
    check.zero_within_rounding = true;
    check.relative_error = check.normalized_error = error;
    check.scale = 1;
}

void add_input_sizes(const ComparisonInputs& c, std::vector<double>& entry_sizes) {
    if (c.shape.axes.symmetric) return;
    const std::vector<Step> steps = steps_of(c.problem.network, c.problem.reduction);
    for (std::size_t k = 0; k < steps.size(); ++k) {
        if (const auto m = conjugate_matrix_of(c.shape, static_cast<Index>(k)))
            entry_sizes[at(*m)] = input_size(c, *steps[k].weighted);
    }
}

/// Collective. Components that failed, or are so small beside the total that they may be zero; and the total, where it failed.
void judge_zeros(const ComparisonInputs& c, ExplicitComparison& found) {
    const double tiny = 1e-20 * largest_magnitude(found.reference.view());
    for (ComponentCheck& check : found.components) {
        const bool is_right = check.entries_agree(c.tolerance) && check.size >= tiny;
        if (std::isnan(check.relative_error) || is_right) continue;
        const Index tensor = c.shape.matrices[check.matrix].source;
        judge_as_zero(c, {&tensor, 1}, check, found.entry_sizes[check.matrix]);
    }
    if (std::isnan(found.total.relative_error) || found.total.entries_agree(c.tolerance)) return;
    std::vector<Index> all(c.problem.network.tensors.size());
    std::iota(all.begin(), all.end(), 0);
    judge_as_zero(c, all, found.total, found.entry_sizes.back());
}

}  // namespace

ExplicitComparison compare_samples(const ComparisonInputs& inputs) {
    const double smallest = smallest_normal(inputs.shape.precision) / inputs.tolerance;
    ExplicitComparison found;
    Reference total;
    found.entry_sizes.assign(inputs.shape.matrices.size(), 0);
    for (std::size_t t = 0; t < inputs.problem.network.tensors.size(); ++t) {
        const Reference reference = reference_of(inputs, static_cast<Index>(t));
        add_to(total, reference);
        const auto m = component_of(inputs.shape, static_cast<Index>(t));
        if (!m) continue;
        found.entry_sizes[at(*m)] = entry_size(inputs, reference);
        const Matrix<double> K = read_check_entries(inputs, at(*m));
        found.components.push_back(
            compare(inputs, inputs.shape.matrices[at(*m)].name, K, reference, smallest));
        found.components.back().matrix = at(*m);
        found.components.back().rows = {0, inputs.shape.rows(inputs.shape.matrices[at(*m)])};
    }
    found.entry_sizes.back() = entry_size(inputs, total);
    found.stored = read_check_entries(inputs, inputs.shape.matrices.size() - 1);
    // A component too small for the precision does no harm where the total holds: the total itself gets no
    // such grace.
    found.total = compare(inputs, inputs.shape.total().name, found.stored, total, 0);
    found.total.too_small = largest_magnitude(total.K.view()) < smallest;
    found.total.matrix = inputs.shape.matrices.size() - 1;
    found.total.rows = {0, inputs.shape.rows(inputs.shape.total())};
    found.reference = std::move(total.K);
    add_input_sizes(inputs, found.entry_sizes);
    judge_zeros(inputs, found);
    return found;
}

double diagonal_error(const ComparisonInputs& inputs, const Matrix<double>& diagonal) {
    double worst = 0;
    const CheckSet& rows = inputs.rows;
    for (auto k = at(inputs.world.rank()); k < rows.gradients.size(); k += at(inputs.world.size())) {
        if (rows.excluded[k]) continue;
        Matrix<double> reference;
        for (std::size_t t = 0; t < inputs.problem.network.tensors.size(); ++t) {
            const Matrix<double> part = reference_kernel(inputs.problem.network, inputs.problem.reduction,
                                                         static_cast<Index>(t), {&rows.gradients[k], 1});
            if (reference.size() == 0) reference = Matrix<double>(part.rows(), part.cols());
            for (Index e = 0; e < part.size(); ++e) reference.data()[e] += part.data()[e];
        }
        const double size = largest_magnitude(reference.view());
        for (Index e = 0; e < reference.size(); ++e) {
            const double difference = std::abs(diagonal(static_cast<Index>(k), e) - reference.data()[e]);
            worst = worse(worst, relative_error_of(difference, size));
        }
    }
    return mpi::maximum(inputs.world, worst);
}

}  // namespace tangram
