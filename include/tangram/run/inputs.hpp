#pragma once
// The inputs of a kernel run. Rank 0 reads and validates what every rank needs, the verdict is broadcast,
// then the values: one error is one line, and a file that only some nodes see is not asked for there.

#include "tangram/file/provenance.hpp"
#include "tangram/input/samples.hpp"
#include "tangram/network/network.hpp"
#include "tangram/network/reduction.hpp"
#include "tangram/product/product.hpp"
#include "tangram/run/kernel_options.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tangram {

/// One set of samples, with what belongs to each of them.
struct InputSet {
    SampleOptions options;
    std::string labels_location, targets_location, expected_location;  ///< "" for none
    SampleSelection selection{};
    std::optional<Labels> labels{};
    std::optional<Matrix<double>> targets{};  ///< (N, C)
    [[nodiscard]] Index count() const { return selection.count(); }
    /// The set as products take it. Stays valid as long as this does.
    [[nodiscard]] SampleSet as_set() const;
};

struct Inputs {
    Network network;  ///< of several models: all side by side
    Index models = 1;
    std::string output_operator;            ///< of each of them, as the file names it
    std::vector<std::string> tensor_names;  ///< of each of them
    std::string description;                ///< of the network, a table for people
    std::string parameterization;           ///< its canonical name
    Reduction reduction, test_reduction;    ///< of the two sets: the same rule, their own labels or targets
    InputSet samples;
    std::optional<InputSet> test;
    std::vector<FileDigest> digests;         ///< of the files that the options name; on rank 0
    std::vector<FileDigest> linked_digests;  ///< of those behind links in them, and parts; on rank 0
    std::vector<std::string> notes;  ///< how files were read, where it could be meant otherwise; on rank 0
    [[nodiscard]] const InputSet& set(SetOfSamples which) const {
        return which == SetOfSamples::test ? *test : samples;
    }
};

/// Collective. Throws AgreedError naming file, dataset and shape of what does not fit. `may_stop` is called now and then while
/// large files are read, and may throw.
Inputs load_inputs(const KernelOptions& options, const mpi::Communicator& world,
                   const std::function<void()>& may_stop = {});

/// What the options make of the inputs, which must stay. Throws Error(usage) where they contradict each other.
Problem make_problem(const KernelOptions& options, const Inputs& inputs);
/// What of the matrices that a run makes is in its file.
Shape stored_shape(const KernelOptions& options, const Shape& made);
/// The product that the options ask for.
const Product& choose_product(const KernelOptions& options, const Inputs& inputs);

/// Runs `work`; a WrongNumberError that it throws becomes an Error(bad_input) that names model, data and the row of
/// the input.
void naming_samples(const std::string& model, const InputSet& set, const std::function<void()>& work);

/// Collective. The inputs of a few samples, each read by one rank, on every rank: (M, d_0).
Matrix<double> read_few_samples(const mpi::Communicator& world, const InputSet& set,
                                const std::vector<std::int64_t>& samples);

/// Whether the run names its inputs' digests in a file, or compares them with one's.
bool writes_digests(const KernelOptions& options);

/// The files that the options name, each once.
std::vector<std::string> input_files(const KernelOptions& options);

}  // namespace tangram
