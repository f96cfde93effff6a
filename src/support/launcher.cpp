#include "tangram/support/launcher.hpp"

#include <cstdlib>
#include <string_view>

namespace tangram {

namespace {

/// This process's number as its launcher gives it; null where there is none.
const char* rank_of_launcher() {
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
        if (const char* rank = std::getenv(name)) return rank;
    }
    return nullptr;
}

}  // namespace

bool launched_first() {
    const char* rank = rank_of_launcher();
    return rank == nullptr || std::string_view(rank) == "0";
}

bool launched_alone() {
    return rank_of_launcher() == nullptr;
}

bool launched_without_pmix() {
    // A step of Slurm, but no rank: mpirun inside an allocation gives one, however few ranks it starts.
    return std::getenv("SLURM_STEP_ID") != nullptr && std::getenv("PMIX_RANK") == nullptr &&
           std::getenv("OMPI_COMM_WORLD_RANK") == nullptr;
}

}  // namespace tangram
