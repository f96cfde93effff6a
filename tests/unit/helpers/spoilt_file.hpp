#pragma once
// Files of products, spoilt on their way to the disk, and what the checks say of them.

#include "product_run.hpp"
#include "tangram/checks/product_check.hpp"
#include "tangram/life/tile_writer.hpp"
#include "tangram/support/sample_choice.hpp"

#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>

namespace tangram::test {

/// Changes one plane before it is written. `values` may be written to.
template <class T>
using Spoil = std::function<void(const StoredMatrix&, const FinishedPlane<T>&, MatrixView<T>)>;

template <class T>
void leave_alone(const StoredMatrix&, const FinishedPlane<T>&, MatrixView<T>) {}

template <class T>
void scale(MatrixView<T> values, double factor) {
    for (Index i = 0; i < values.rows; ++i) {
        for (Index j = 0; j < values.cols; ++j)
            values(i, j) = static_cast<T>(static_cast<double>(values(i, j)) * factor);
    }
}

/// The place of entry (row, column) of its matrix in a plane, nullptr where it is elsewhere.
template <class T>
T* entry_of(const FinishedPlane<T>& plane, MatrixView<T> values, Index row, Index column) {
    const Index i = row - plane.row;
    const Index j = column - plane.column;
    if (i < 0 || j < 0 || i >= values.rows || j >= values.cols) return nullptr;
    return &values(i, j);
}

inline Matrix<double> read_some(const SampleSet& set, const std::vector<std::int64_t>& samples, Index width) {
    Matrix<double> X(static_cast<Index>(samples.size()), width);
    for (std::size_t k = 0; k < samples.size(); ++k)
        set.read(samples[k], X.view().row_block(static_cast<Index>(k), 1));
    return X;
}

/// The total of the diagonals at some test samples.
inline Matrix<double> diagonal_at(const ComputedProduct& computed, const std::vector<std::int64_t>& samples) {
    const Index entries = computed.diagonals.front().cols();
    Matrix<double> total(static_cast<Index>(samples.size()), entries);
    for (const Matrix<double>& diagonal : computed.diagonals) {
        for (Index k = 0; k < total.rows(); ++k) {
            for (Index e = 0; e < entries; ++e) total(k, e) += diagonal(samples[at(k)], e);
        }
    }
    return total;
}

/// Collective. Writes the product's file, spoilt, and checks it against the problem; of test samples `spoil_diagonal` may
/// change what was recorded of them.
template <class T>
CheckReport check_spoilt(
    const Product& product, const Problem& problem, const Spoil<T>& spoil,
    const std::function<void(Matrix<double>&)>& spoil_diagonal = [](Matrix<double>&) {},
    const ActionResources& resources = {}) {
    const auto world = mpi::Communicator::world();
    const std::string name = mpi::broadcast(world, "tangram_checks_" + std::to_string(getpid()) + ".h5");
    const std::string path = (std::filesystem::temp_directory_path() / name).string();
    Log log("none", std::make_shared<spdlog::sinks::null_sink_st>());
    const Shape shape = product.shape(problem);
    create_kernel_file(world, path, shape, {}, log);
    TileWriter writer(path, shape);
    PlaneSink sink;
    const TileSink<T> take = [&](const FinishedPlane<T>& plane) {
        // The writer takes whole tiles.
        const StoredMatrix& matrix = shape.matrices[at(plane.matrix)];
        std::vector<T> copy(plane.values.data, plane.values.data + shape.tile_rows(matrix) * plane.values.ld);
        const MatrixView<T> values{copy.data(), plane.values.rows, plane.values.cols, plane.values.ld};
        spoil(matrix, plane, values);
        FinishedPlane<T> changed = plane;
        changed.values = values;
        writer.write(changed);
    };
    if constexpr (sizeof(T) == sizeof(float))
        sink.narrow = take;
    else
        sink.wide = take;
    ComputedProduct computed;
    product.compute(
        {world, problem, shape, MemoryPlan{}, 1, TileSet{}, keeping_hooks(problem, computed, sink)});
    for (Matrix<double>& diagonal : computed.diagonals)
        mpi::sum(world, {diagonal.data(), at(diagonal.size())});
    mpi::barrier(world);

    CheckReport report;
    report.run = true;
    report.seed = 7;
    report.tolerance = sizeof(T) == sizeof(float) ? 1e-5 : 1e-10;
    report.samples = spread_check_samples(problem.samples.count, 6);
    CheckInputs inputs;
    inputs.read = [&](SetOfSamples set, const std::vector<std::int64_t>& samples) {
        return read_some(set == SetOfSamples::test ? *problem.test : problem.samples, samples,
                         problem.network.inputs());
    };
    if (problem.test) report.test_samples = spread_check_samples(problem.test->count, 6);
    inputs.diagonal = [&](const std::vector<std::int64_t>& samples) {
        Matrix<double> diagonal = diagonal_at(computed, samples);
        spoil_diagonal(diagonal);
        return diagonal;
    };
    check_product({world, product, problem, shape, path, resources}, inputs, report);
    mpi::barrier(world);
    if (world.is_root()) std::remove(path.c_str());
    return report;
}

}  // namespace tangram::test
