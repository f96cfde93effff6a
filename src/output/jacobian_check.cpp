#include "tangram/output/jacobian_check.hpp"

#include "check_gradients.hpp"
#include "error_measures.hpp"
#include "tangram/output/tile_file.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/tangent/jacobian.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tangram {

namespace {

std::span<double> values(Matrix<double>& matrix) {
    return {matrix.data(), at(matrix.size())};
}

/// Collective. The entries of one stored matrix at the check samples: each rank reads some rows.
Matrix<double> read_check_entries(const mpi::Communicator& comm, const TileFile& file,
                                  const KernelShape& shape, std::size_t matrix,
                                  const std::vector<std::int64_t>& samples) {
    const auto count = static_cast<Index>(samples.size());
    const Index R = shape.matrices[matrix].rows_per_sample;
    Matrix<double> K(count * R, count * R);
    for (Index i = comm.rank(); i < count; i += comm.size()) {
        for (Index j = 0; j < count; ++j) {
            file.read_entries(matrix, samples[at(i)] * R, samples[at(j)] * R,
                              K.view().block(i * R, j * R, R, R));
        }
    }
    mpi::sum(comm, values(K));
    return K;
}

double largest(ConstMatrixView<double> K) {
    double most = 0;
    for (Index i = 0; i < K.rows; ++i) {
        for (Index j = 0; j < K.cols; ++j) most = std::max(most, std::abs(K(i, j)));
    }
    return most;
}

/// K against K_ref. `excluded` by sample, R kernel rows each. What is below `smallest` may have underflowed
/// on its way into the file and is measured against it instead of its own size; so are norms sqrt(K_ii K_jj)
/// below epsilon^2 of the largest entry.
ComponentCheck compare(const std::string& name, const Matrix<double>& K, const Matrix<double>& reference,
                       const std::vector<bool>& excluded, Index R, double epsilon, double smallest) {
    ComponentCheck check;
    check.name = name;
    const double size = largest(reference.view());
    const double norm_floor = std::max(epsilon * epsilon * size, smallest);
    double worst = 0;
    double worst_normalized = 0;
    double product = 0;
    double square = 0;
    Index compared = 0;
    for (Index i = 0; i < K.rows(); ++i) {
        for (Index j = 0; j < K.cols(); ++j) {
            if (excluded[at(i / R)] || excluded[at(j / R)]) continue;
            const double difference = std::abs(K(i, j) - reference(i, j));
            const double norm = std::sqrt(std::abs(reference(i, i))) * std::sqrt(std::abs(reference(j, j)));
            worst = worse(worst, difference);
            worst_normalized = worse(worst_normalized, relative_to(std::max(norm, norm_floor), difference));
            if (size > 0) {
                product += K(i, j) / size * (reference(i, j) / size);
                square += reference(i, j) / size * (reference(i, j) / size);
            }
            ++compared;
        }
    }
    if (compared == 0) return check;  // not computed, which is no pass
    check.relative_error = relative_to(std::max(size, smallest), worst);
    check.normalized_error = worst_normalized;
    check.underflows = size > 0 && size < smallest;
    check.scale = square > 0 ? product / square : largest(K.view()) == 0 ? 1.0 : not_computed;
    return check;
}

void add_to(Matrix<double>& total, const Matrix<double>& part) {
    for (Index k = 0; k < total.size(); ++k) total.data()[k] += part.data()[k];
}

const KernelMatrix* stored_component(const KernelShape& shape, const ParameterTensor& tensor) {
    const MatrixKind kind = tensor.is_bias ? MatrixKind::bias_component : MatrixKind::weight_component;
    for (const KernelMatrix& matrix : shape.matrices) {
        if (matrix.kind == kind && matrix.layer == tensor.layer) return &matrix;
    }
    return nullptr;
}

/// The smallest eigenvalue of the stored block, and how far below zero rounding alone can push it: each
/// stored entry is off by its own rounding, sqrt(K_ii K_jj) eps at most, and that of a dot product.
void check_eigenvalue(Precision precision, CheckReport& report) {
    double trace = 0;
    for (Index i = 0; i < report.layerwise_ntk.rows(); ++i) trace += report.layerwise_ntk(i, i);
    const double epsilon = rounding_unit(precision);
    report.eigenvalue_floor = -16 * epsilon * trace;
    const Index entries = report.layerwise_ntk.size();
    const bool finite = std::all_of(report.layerwise_ntk.data(), report.layerwise_ntk.data() + entries,
                                    [](double entry) { return std::isfinite(entry); });
    report.smallest_eigenvalue = finite ? blas::symmetric_eigenvalues(report.layerwise_ntk.view()).front()
                                        : -std::numeric_limits<double>::infinity();
}

}  // namespace

std::vector<std::int64_t> spread_check_samples(Index samples, Index wanted) {
    const Index count = std::min(samples, wanted);
    std::vector<std::int64_t> spread;
    for (Index k = 0; k < count; ++k) spread.push_back(count == 1 ? 0 : k * (samples - 1) / (count - 1));
    return spread;
}

void check_against_jacobian(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                            const Network& network, const Reduction& reduction, ConstMatrixView<double> X,
                            CheckReport& report) {
    const TileFile file(path, shape, TileFile::Access::read);
    const std::vector<SampleGradient> gradients = gradients_of(comm, network, X);
    const std::vector<bool> excluded = near_kink(network, X, gradients);
    report.samples_near_kink = std::count(excluded.begin(), excluded.end(), true);

    const Index R = reduction.rows_per_sample();
    raise_tolerance(comm, network, gradients, report);
    const double epsilon = rounding_unit(shape.precision);
    const double smallest = smallest_normal(shape.precision) / report.tolerance;
    report.jacobian_ntk = Matrix<double>(X.rows * R, X.rows * R);
    for (const ParameterTensor& tensor : parameter_tensors(network)) {
        Matrix<double> reference =
            reference_kernel(network, reduction, tensor, gradients, comm.rank(), comm.size());
        mpi::sum(comm, values(reference));
        add_to(report.jacobian_ntk, reference);
        if (const KernelMatrix* matrix = stored_component(shape, tensor)) {
            const auto m = static_cast<std::size_t>(matrix - shape.matrices.data());
            const Matrix<double> K = read_check_entries(comm, file, shape, m, report.samples);
            report.components.push_back(compare(matrix->name, K, reference, excluded, R, epsilon, smallest));
        }
    }
    report.layerwise_ntk = read_check_entries(comm, file, shape, shape.matrices.size() - 1, report.samples);
    // A component too small for the precision does no harm where the total holds: the total itself gets no
    // such grace.
    report.total = compare("ntk", report.layerwise_ntk, report.jacobian_ntk, excluded, R, epsilon, 0);
    report.total.underflows = largest(report.jacobian_ntk.view()) < smallest;
    check_eigenvalue(shape.precision, report);
    check_finite_differences(comm, network, gradients, report);
}

}  // namespace tangram
