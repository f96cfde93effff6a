#pragma once
// The parallel path from samples to tiles, as tests need it: features of this rank's shard, the exchange,
// assembly.

#include "random_networks.hpp"
#include "tangram/kernel/shard_features.hpp"
#include "tangram/kernel/tile_loop.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"

#include <algorithm>
#include <utility>

namespace tangram::test {

inline KernelShape make_shape(const Network& network, const Reduction& reduction, const Panels& panels,
                              Precision precision, bool components = true,
                              ConjugateKernels conjugate_kernels = ConjugateKernels::all) {
    KernelShape shape;
    shape.panels = panels;
    shape.samples = panels.samples;
    shape.outputs = network.outputs();
    shape.precision = precision;
    shape.matrices = kernel_matrices(network, reduction, components, conjugate_kernels);
    return shape;
}

/// Collective. Hands every plane of this rank's tiles to `sink`. Returns the bytes that the exchange
/// received.
template <class T>
Index run_tiles(const mpi::Communicator& comm, const Network& network, const Reduction& reduction,
                const KernelShape& shape, ConstMatrixView<double> X, int threads, const TileSink<T>& sink,
                const Residency& residency = {}) {
    const Distribution distribution = distribute(shape.panels, comm.size(), comm.rank());
    const PanelRange& samples = distribution.shard_samples;
    PanelStore<T> store(shape.panels, distribution.grid, comm.rank(), network, reduction, residency);
    Matrix<double> outputs(samples.size(), network.outputs());
    compute_shard_features(network, reduction, distribution.shard,
                           X.row_block(samples.size() > 0 ? samples.begin : 0, samples.size()), threads,
                           store, outputs.view());
    return run_tile_loop<T>(comm, distribution, network, reduction, shape.matrices, store, threads, sink)
        .bytes_received;
}

/// Collective. All matrices of `shape`, whole, on every rank, in float64; each entry must be written exactly
/// once.
template <class T>
std::vector<Matrix<double>> whole_matrices(const mpi::Communicator& comm, const Network& network,
                                           const Reduction& reduction, const KernelShape& shape,
                                           ConstMatrixView<double> X, int threads, bool& written_once,
                                           const Residency& residency = {}) {
    std::vector<Matrix<double>> matrices;
    std::vector<Matrix<double>> times;
    for (const KernelMatrix& matrix : shape.matrices) {
        matrices.emplace_back(shape.rows(matrix), shape.rows(matrix));
        times.emplace_back(shape.rows(matrix), shape.rows(matrix));
        // The sum over ranks must leave every bit alone, and only -0 + x has the bits of x for all x.
        std::fill_n(matrices.back().data(), matrices.back().size(), -0.0);
    }
    run_tiles<T>(
        comm, network, reduction, shape, X, threads,
        [&](const FinishedPlane<T>& plane) {
            const auto m = static_cast<std::size_t>(plane.matrix);
            for (Index i = 0; i < plane.values.rows; ++i) {
                for (Index j = 0; j < plane.values.cols; ++j) {
                    matrices[m](plane.row + i, plane.column + j) = static_cast<double>(plane.values(i, j));
                    times[m](plane.row + i, plane.column + j) += 1;
                }
            }
        },
        residency);
    written_once = true;
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        mpi::sum(comm, {matrices[m].data(), static_cast<std::size_t>(matrices[m].size())});
        mpi::sum(comm, {times[m].data(), static_cast<std::size_t>(times[m].size())});
        for (Index k = 0; k < times[m].size(); ++k) written_once = written_once && times[m].data()[k] == 1;
    }
    return matrices;
}

}  // namespace tangram::test
