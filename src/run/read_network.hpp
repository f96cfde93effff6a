#pragma once
// The network of a kernel run, of a file that holds tensors only or one that describes the network itself: read by rank 0, made by
// every rank of what it read. Private to run/.

#include "tangram/input/factors.hpp"
#include "tangram/input/graph.hpp"
#include "tangram/input/tensors.hpp"
#include "tangram/run/kernel_options.hpp"
#include "tangram/support/mpi.hpp"

namespace tangram {

/// What a model file is to a run, whichever way it says what the network is.
struct ReadNetwork {
    Network network;
    std::string description, parameterization;
    std::vector<std::string> notes{};
    std::vector<GraphInput> inputs{};  ///< of a graph
};

enum class ModelKind { tensors, graph, factors };

/// A file that holds tensors only, or one that describes the network itself, or gradients that others made; as rank 0 reads it.
struct AnyModel {
    ModelKind kind = ModelKind::tensors;
    ModelFile tensors{};
    GraphFile graph{};
    FactorFile factors{}, test_factors{};
};

/// One rank.
AnyModel read_any_model(const KernelOptions& options);

/// Collective. Root's on every rank.
AnyModel broadcast_any_model(const mpi::Communicator& world, AnyModel model);

/// Throws Error(bad_input) or Error(usage) naming what does not fit.
ReadNetwork make_any_network(AnyModel model, const KernelOptions& options);

/// What a model lies in beside the file that is named.
std::vector<std::string> other_files_of(const AnyModel& model, const KernelOptions& options);

/// Throws Error(bad_input) where samples of a batch meet in the graph (a mean over the batch, a normalization in training
/// mode): a batch of two must give what each of the two gives alone. Graphs that are made for a batch of one are not tried.
void require_samples_apart(const GraphFile& file, const GraphOptions& options, const Network& network);

}  // namespace tangram
