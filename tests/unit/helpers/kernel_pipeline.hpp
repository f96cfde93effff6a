#pragma once
// The parallel path from samples to tiles of J J^T, as tests need it: features of this rank's shard, the exchange,
// assembly; and planes put together to whole matrices.

#include "random_networks.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/product/shard_features.hpp"
#include "tangram/product/tile_loop.hpp"
#include "tangram/support/mpi.hpp"

#include <algorithm>
#include <utility>

namespace tangram::test {

inline Shape make_shape(const Network& network, const Reduction& reduction, const Axis& samples,
                        Precision precision, bool components = true,
                        ConjugateKernels conjugate_kernels = ConjugateKernels::all) {
    Problem problem{network, reduction, {samples.extent, {}}, {}, precision, samples.panel_size};
    problem.components = components;
    problem.conjugate_kernels = conjugate_kernels;
    return {Axes::square(samples), precision, sample_matrices(problem, true), {}};
}

/// Collective. Hands every plane of this rank's tiles to `sink`. Returns the bytes that the exchange
/// received.
template <class T>
Index run_tiles(const mpi::Communicator& comm, const Network& network, const Reduction& reduction,
                const Shape& shape, ConstMatrixView<double> X, int threads, const TileSink<T>& sink,
                const Residency& residency = {}) {
    const Distribution distribution = distribute(shape.axes, comm.size(), comm.rank());
    const PanelRange samples = shard_units(shape.axes.row, distribution.grid, comm.rank());
    FeatureStore<T> store(shape.axes, distribution.grid, comm.rank(), network, reduction, residency);
    Matrix<double> outputs(samples.size(), network.outputs());
    compute_shard_features(network, reduction, distribution.own.front(),
                           X.row_block(samples.size() > 0 ? samples.begin : 0, samples.size()), threads,
                           store, outputs.view());
    return run_tile_loop<T>({comm, network, reduction, shape, threads}, distribution, store, sink)
        .bytes_received;
}

/// The matrices of a shape while planes arrive, each entry counted.
struct WholeMatrices {
    explicit WholeMatrices(const Shape& shape) {
        for (const StoredMatrix& matrix : shape.matrices) {
            values.emplace_back(shape.rows(matrix), shape.columns(matrix));
            times.emplace_back(shape.rows(matrix), shape.columns(matrix));
            // The sum over ranks must leave every bit alone, and only -0 + x has the bits of x for all x.
            std::fill_n(values.back().data(), values.back().size(), -0.0);
        }
    }
    template <class T>
    void take(const FinishedPlane<T>& plane) {
        for (Index i = 0; i < plane.values.rows; ++i) {
            for (Index j = 0; j < plane.values.cols; ++j) {
                values[at(plane.matrix)](plane.row + i, plane.column + j) =
                    static_cast<double>(plane.values(i, j));
                times[at(plane.matrix)](plane.row + i, plane.column + j) += 1;
            }
        }
    }
    /// Collective. Every rank then has all entries; returns whether each was written exactly once.
    bool join(const mpi::Communicator& comm) {
        bool once = true;
        for (std::size_t m = 0; m < values.size(); ++m) {
            mpi::sum(comm, {values[m].data(), at(values[m].size())});
            mpi::sum(comm, {times[m].data(), at(times[m].size())});
            once = once && std::all_of(times[m].data(), times[m].data() + times[m].size(),
                                       [](double count) { return count == 1; });
        }
        return once;
    }
    std::vector<Matrix<double>> values, times;
};

/// Collective. All matrices of `shape`, whole, on every rank, in float64; each entry must be written exactly
/// once.
template <class T>
std::vector<Matrix<double>> whole_matrices(const mpi::Communicator& comm, const Network& network,
                                           const Reduction& reduction, const Shape& shape,
                                           ConstMatrixView<double> X, int threads, bool& written_once,
                                           const Residency& residency = {}) {
    WholeMatrices whole(shape);
    run_tiles<T>(
        comm, network, reduction, shape, X, threads,
        [&](const FinishedPlane<T>& plane) { whole.take(plane); }, residency);
    written_once = whole.join(comm);
    return std::move(whole.values);
}

}  // namespace tangram::test
