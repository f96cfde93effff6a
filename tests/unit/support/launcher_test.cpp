#include "tangram/support/launcher.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

using namespace tangram;

namespace {

/// The launchers' variables as given and no others, until the end of its life.
class Environment {
public:
    explicit Environment(const std::map<std::string, std::string>& values) {
        for (const char* name :
             {"SLURM_STEP_ID", "SLURM_PROCID", "PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"}) {
            const char* value = std::getenv(name);
            before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
            unsetenv(name);
        }
        for (const auto& [name, value] : values) setenv(name.c_str(), value.c_str(), 1);
    }
    ~Environment() {
        for (const auto& [name, value] : before_) {
            if (value) {
                setenv(name.c_str(), value->c_str(), 1);
            } else {
                unsetenv(name.c_str());
            }
        }
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    std::map<std::string, std::optional<std::string>> before_;
};

struct Launch {
    std::map<std::string, std::string> environment;
    bool first;
    bool without_pmix;
};

}  // namespace

TEST_CASE("a launcher is known by what it leaves in the environment") {
    const std::map<std::string, Launch> launches{
        {"no launcher", {{}, true, false}},
        {"mpirun, rank 0", {{{"OMPI_COMM_WORLD_RANK", "0"}}, true, false}},
        {"mpirun, rank 10", {{{"OMPI_COMM_WORLD_RANK", "10"}}, false, false}},
        {"mpirun -n 1 inside an allocation",
         {{{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}, {"OMPI_COMM_WORLD_RANK", "0"}}, true, false}},
        {"mpirun's rank 1 on a node whose daemon is task 0 of a step",
         {{{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}, {"OMPI_COMM_WORLD_RANK", "1"}}, false, false}},
        {"srun --mpi=pmix, rank 2",
         {{{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "2"}, {"PMIX_RANK", "2"}}, false, false}},
        {"srun --mpi=none, rank 0", {{{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}}, true, true}},
        {"srun --mpi=none, rank 1", {{{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "1"}}, false, true}},
        {"srun --mpi=pmi2, rank 3",
         {{{"SLURM_STEP_ID", "7"}, {"SLURM_PROCID", "3"}, {"PMI_RANK", "3"}}, false, true}},
        {"a batch script's own process", {{{"SLURM_PROCID", "0"}}, true, false}},
    };
    for (const auto& entry : launches) {
        const std::string& name = entry.first;
        const auto& launch = entry.second;
        CAPTURE(name);
        const Environment environment(launch.environment);
        CHECK(launched_first() == launch.first);
        CHECK(launched_without_pmix() == launch.without_pmix);
    }
}

TEST_CASE("a process is alone where no launcher has numbered it") {
    using Variables = std::map<std::string, std::string>;
    for (const Variables& none : {Variables{}, Variables{{"SLURM_STEP_ID", "0"}}}) {
        const Environment environment(none);
        CHECK(launched_alone());
    }
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
        CAPTURE(name);
        const Environment environment(Variables{{name, "0"}});
        CHECK(!launched_alone());
    }
}
