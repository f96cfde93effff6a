#pragma once
// The two kernels that `tangram compare` has open, what it finds, and the part of the search that needs the network and its
// samples again. Private to commands/compare*.cpp.

#include "tangram/commands/compare.hpp"
#include "tangram/compare/compared_files.hpp"
#include "tangram/compare/recognition.hpp"
#include "tangram/compare/recomputed.hpp"

#include <optional>
#include <string>

namespace tangram::comparing {

/// The two kernels, open.
struct Pair {
    const CompareOptions& options;
    const mpi::Communicator& world;
    KernelFile kernel;
    std::optional<TileFile> file;
    std::optional<OtherKernel> other;
    KernelFacts facts;  ///< on root
    /// Once they are open.
    [[nodiscard]] ComparedFiles files() const { return {world, kernel, *file, *other}; }
};

/// What was found, for people.
struct Judgement {
    std::string verdict;
    std::string numbers;  ///< lines of a table
    bool equal = false;
    bool is_explained = true;
};

/// Collective. A few samples of the run, set up again from what the file records. Throws AgreedError where that is not to be had.
SmallRun load_few(const Pair& pair);

/// Collective. By the components, computed again on a few samples where the file has none. Throws AgreedError.
std::optional<Judgement> judge_by_recomputing(const Pair& pair, const SmallRun& few,
                                              const std::string& reduction, Judgement& so_far);

/// Collective. Of another reduction than the file; nothing if it is of none. Throws AgreedError.
std::optional<Judgement> judge_by_reduction(const Pair& pair, const SmallRun& few, Judgement& so_far);

/// Collective. What the file alone cannot tell: components that it has not stored, other reductions. Where the inputs are not
/// to be had, says so.
std::optional<Judgement> judge_from_inputs(const Pair& pair, Judgement& so_far);

}  // namespace tangram::comparing
