#pragma once
// What products are made of: a network, the rows E of its outputs that count, and one or two sets of samples.
//
//   samples   the columns, and the rows of square matrices     (N, d_0), read afresh whenever it is asked for
//   test      the rows of rectangular ones                     (M, d_0)

#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"
#include "tangram/support/precision.hpp"

#include <functional>
#include <optional>

namespace tangram {

/// One of the sets of samples of a problem.
enum class SetOfSamples { samples, test };

/// Samples [first, first + out.rows) of a set, (n, d_0), read from wherever they are. May be called by one thread at a time.
using ReadSamples = std::function<void(Index first, MatrixView<double> out)>;

struct SampleSet {
    Index count = 0;
    ReadSamples read;
};

enum class ConjugateKernels { none, last, all };

struct Problem {
    const Network& network;
    const Reduction& reduction;
    SampleSet samples;
    std::optional<SampleSet> test;
    Precision precision = Precision::float32;
    std::optional<Index> tile;  ///< units a panel (by how many there are and the network)
    bool components = true;     ///< a matrix a tensor beside the total
    bool stored = true;         ///< whether any matrix goes into the file
    ConjugateKernels conjugate_kernels = ConjugateKernels::last;
    /// E of the test samples, where it is their own: the same rule for others' labels. Otherwise that of all.
    const Reduction* test_reduction = nullptr;
    [[nodiscard]] const Reduction& reduction_of(SetOfSamples set) const {
        return set == SetOfSamples::test && test_reduction != nullptr ? *test_reduction : reduction;
    }
};

}  // namespace tangram
