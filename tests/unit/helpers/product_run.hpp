#pragma once
// A product computed whole, through the functions that a run calls (product/product.hpp); and explicit Jacobians to hold it
// against.

#include "kernel_pipeline.hpp"
#include "tangram/product/product.hpp"
#include "tangram/support/error.hpp"
#include "tangram/tangent/reference/jacobian.hpp"
#include "worst.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::test {

/// Of samples in memory, which stay where they are.
inline ReadSamples reader(const Matrix<double>& X) {
    return [&X](Index first, MatrixView<double> out) {
        for (Index i = 0; i < out.rows; ++i) std::copy_n(X.view().row(first + i), out.cols, out.row(i));
    };
}

inline SampleSet set_of(const Matrix<double>& X) {
    return {X.rows(), reader(X)};
}

template <class T>
constexpr Precision precision_of() {
    return sizeof(T) == sizeof(float) ? Precision::float32 : Precision::float64;
}

/// What a run of a product leaves, whole on every rank.
struct ComputedProduct {
    std::vector<Matrix<double>> matrices;
    Matrix<double> outputs, test_outputs;
    std::vector<Matrix<double>> diagonals;  ///< [tensor]: of the test samples, (M, R' R')
    bool written_once = false;              ///< each entry of the matrices
    TileLoopReport report;
};

/// Hooks that keep what they are told; `sink` takes the planes. Samples are this rank's part of each set.
inline ComputeHooks keeping_hooks(const Problem& problem, ComputedProduct& kept, const PlaneSink& sink) {
    const auto set = [&problem](SetOfSamples which) -> const SampleSet& {
        return which == SetOfSamples::test ? *problem.test : problem.samples;
    };
    const Index C = problem.network.outputs();
    const Index M = problem.test ? problem.test->count : 0;
    const Index entries = problem.reduction.rows_per_sample() * problem.reduction.rows_per_sample();
    kept.outputs = Matrix<double>(problem.samples.count, C);
    kept.test_outputs = Matrix<double>(M, C);
    for (std::size_t t = 0; t < problem.network.tensors.size(); ++t) kept.diagonals.emplace_back(M, entries);
    const auto copy = [](ConstMatrixView<double> from, MatrixView<double> to) {
        for (Index i = 0; i < from.rows; ++i) std::copy_n(from.row(i), from.cols, to.row(i));
    };
    ComputeHooks hooks;
    hooks.read = [set](SetOfSamples which, const PanelRange& samples, MatrixView<double> X) {
        if (X.rows > 0) set(which).read(samples.begin, X);
    };
    hooks.name_samples = [](SetOfSamples, const std::function<void()>& work) { work(); };
    hooks.take_outputs = [&kept, copy](SetOfSamples which, const PanelRange& samples,
                                       ConstMatrixView<double> outputs) {
        if (outputs.rows == 0) return;
        Matrix<double>& to = which == SetOfSamples::test ? kept.test_outputs : kept.outputs;
        copy(outputs, to.view().row_block(samples.begin, samples.size()));
    };
    hooks.take_diagonals = [&kept, copy](const PanelRange& samples, const std::vector<Matrix<double>>& own) {
        for (std::size_t t = 0; t < own.size() && samples.size() > 0; ++t)
            copy(own[t].view(), kept.diagonals[t].view().row_block(samples.begin, samples.size()));
    };
    hooks.features_done = [](double) {};
    hooks.begin_tiles = [sink](std::vector<Tile>&, double) { return TileWork{sink, {}}; };
    hooks.refuse_overflow = [](const std::string& parameter) {
        fail(ExitCode::bad_input, "J^T J overflows at {}", parameter);
    };
    return hooks;
}

/// Collective.
inline ComputedProduct compute_product(const mpi::Communicator& comm, const Product& product,
                                       const Problem& problem, const Shape& shape,
                                       const MemoryPlan& plan = {}, int threads = 1) {
    ComputedProduct computed;
    WholeMatrices whole(shape);
    const auto take = [&whole](const auto& plane) { whole.take(plane); };
    computed.report = product.compute(
        {comm, problem, shape, plan, threads, TileSet{}, keeping_hooks(problem, computed, {take, take})});
    computed.written_once = whole.join(comm);
    computed.matrices = std::move(whole.values);
    for (Matrix<double>* array : {&computed.outputs, &computed.test_outputs})
        mpi::sum(comm, {array->data(), at(array->size())});
    for (Matrix<double>& diagonal : computed.diagonals)
        mpi::sum(comm, {diagonal.data(), at(diagonal.size())});
    return computed;
}

/// Backpropagation of each row of X.
inline std::vector<SampleGradient> gradients(const Network& network, const Matrix<double>& X) {
    std::vector<SampleGradient> all;
    for (Index i = 0; i < X.rows(); ++i) {
        all.push_back(backpropagate(network, {X.view().row(i), at(X.cols())}));
        all.back().sample = i;
    }
    return all;
}

/// max |a - b| / max |b|; infinite where shapes differ or anything is not a number.
inline double largest_difference(const Matrix<double>& a, const Matrix<double>& b) {
    if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
    double difference = 0;
    double largest = 0;
    for (Index k = 0; k < a.size(); ++k) {
        const double d = std::abs(a.data()[k] - b.data()[k]);
        keep_worst(difference, d);
        largest = std::max(largest, std::abs(b.data()[k]));
    }
    return largest > 0 ? difference / largest : difference;
}

inline bool same_bits(const Matrix<double>& a, const Matrix<double>& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() &&
           std::equal(a.data(), a.data() + a.size(), b.data());
}

/// X_rows X_columns^T of a value, from backpropagation.
inline Matrix<double> gram_of_values(const std::vector<SampleGradient>& rows,
                                     const std::vector<SampleGradient>& columns, Index value) {
    Matrix<double> K(static_cast<Index>(rows.size()), static_cast<Index>(columns.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < columns.size(); ++j) {
            const auto& x = rows[i].values[at(value)];
            const auto& y = columns[j].values[at(value)];
            for (std::size_t k = 0; k < x.size(); ++k)
                K(static_cast<Index>(i), static_cast<Index>(j)) += x[k] * y[k];
        }
    }
    return K;
}

/// All matrices of a shape, J_rows J_columns^T and X_rows X_columns^T by backpropagation.
inline std::vector<Matrix<double>> explicit_matrices(const Network& network, const Reduction& reduction,
                                                     const Shape& shape,
                                                     const std::vector<SampleGradient>& rows,
                                                     const std::vector<SampleGradient>& columns) {
    const std::vector<Step> steps = steps_of(network, reduction);
    std::vector<Matrix<double>> all;
    for (const StoredMatrix& matrix : shape.matrices) {
        Matrix<double>& K = all.emplace_back(shape.rows(matrix), shape.columns(matrix));
        if (matrix.role == Role::other) K = gram_of_values(rows, columns, *steps[at(matrix.source)].weighted);
        for (std::size_t t = 0; t < network.tensors.size(); ++t) {
            const auto tensor = static_cast<Index>(t);
            if (matrix.role == Role::other || (matrix.is_component() && matrix.source != tensor)) continue;
            const Matrix<double> part = reference_kernel(network, reduction, tensor, rows, columns);
            for (Index k = 0; k < part.size(); ++k) K.data()[k] += part.data()[k];
        }
    }
    return all;
}

/// The largest relative error of any matrix of J_rows J_columns^T against explicit Jacobians.
inline double worst_matrix(const Network& network, const Reduction& reduction, const Shape& shape,
                           const std::vector<Matrix<double>>& K, const std::vector<SampleGradient>& rows,
                           const std::vector<SampleGradient>& columns) {
    const std::vector<Matrix<double>> expected = explicit_matrices(network, reduction, shape, rows, columns);
    double worst = 0;
    for (std::size_t m = 0; m < expected.size(); ++m)
        worst = std::max(worst, largest_difference(K[m], expected[m]));
    return worst;
}

}  // namespace tangram::test
