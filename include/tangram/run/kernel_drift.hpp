#pragma once
// What `tangram drift` measures of the kernels of several models, joined or stored, and how it is told.

#include "tangram/checks/outputs_check.hpp"
#include "tangram/product/drift.hpp"
#include "tangram/run/kernel_measures.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// What is followed over the models: the total and each tensor that they share.
struct FollowedKernels {
    std::vector<std::string> names;   ///< (k): "ntk", then tensors
    std::vector<KernelDrift> drifts;  ///< (k)
};

/// Which models these are.
struct ModelsFollowed {
    std::vector<std::string> models;  ///< (K): as they were given
    std::vector<double> steps;        ///< (K)
    std::string steps_from;           ///< "given", "file names", "order"
    std::vector<double> accuracies;   ///< (K); empty without labels
    bool has_targets = false;
    Precision precision = Precision::float32;
};

/// Of the joined network's kernels, before the first tile.
Measuring drift_measuring(const Inputs& inputs, const Shape& made, std::uint64_t seed);
/// What came of it, on root.
FollowedKernels followed_kernels(const MeasureSums& sums, const Inputs& inputs);

/// As it is stored in /drift, and as tables for people.
MeasuresFound describe_drift(const FollowedKernels& followed, const ModelsFollowed& models);

/// Collective. How often each of several networks is right, from its outputs (n, C) of this rank's samples; none where the labels are no
/// integers.
std::vector<double> accuracies_of(const mpi::Communicator& world, const std::optional<Labels>& labels,
                                  const RankSamples& samples,
                                  const std::vector<ConstMatrixView<double>>& outputs);

/// Bytes that it takes in the file.
Index drift_file_bytes(Index kernels, Index models);

}  // namespace tangram
