#include "tangram/support/launcher.hpp"

#include <cstdlib>
#include <string_view>

namespace tangram {

bool launched_first() {
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
        if (const char* rank = std::getenv(name)) return std::string_view(rank) == "0";
    }
    return true;
}

bool launched_without_pmix() {
    // A step of Slurm, but no rank: mpirun inside an allocation gives one, however few ranks it starts.
    return std::getenv("SLURM_STEP_ID") != nullptr && std::getenv("PMIX_RANK") == nullptr &&
           std::getenv("OMPI_COMM_WORLD_RANK") == nullptr;
}

}  // namespace tangram
