#pragma once
// The inputs of a kernel run. Rank 0 reads and validates what every rank needs, the verdict is broadcast,
// then the values: one error is one line, and a file that only some nodes see is not asked for there.

#include "tangram/commands/kernel.hpp"
#include "tangram/output/provenance.hpp"
#include "tangram/tangent/reduction.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tangram {

struct Inputs {
    Network network;
    std::string parameterization;  ///< its canonical name
    Reduction reduction;
    SampleSelection selection;
    std::optional<Labels> labels;
    std::vector<FileDigest> digests;         ///< of the files that the options name; on rank 0
    std::vector<FileDigest> linked_digests;  ///< of those that the samples really lie in; on rank 0
};

/// Collective. Throws AgreedError naming file, dataset and shape of what does not fit.
Inputs load_inputs(const KernelOptions& options, const mpi::Communicator& world);

/// Runs `work`; a WrongNumberError that it throws becomes an Error(bad_input) that names model, data and the row of
/// the input.
void naming_inputs(const KernelOptions& options, const SampleSelection& selection,
                   const std::function<void()>& work);

/// Collective. The inputs of a few samples, each read by one rank, on every rank: (M, d_0).
Matrix<double> read_few_samples(const mpi::Communicator& world, const SampleOptions& options,
                                const SampleSelection& selection, const std::vector<std::int64_t>& samples);

/// The files that the options name, each once.
std::vector<std::string> input_files(const KernelOptions& options);

}  // namespace tangram
