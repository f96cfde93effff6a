#pragma once
// A run that works on J J^T without making it: inputs, plan, features, products that can be stopped, its output's life. What it is
// for is its command's.

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/life/lifecycle.hpp"
#include "tangram/product/kernel_operator.hpp"
#include "tangram/run/inputs.hpp"
#include "tangram/support/file_lock.hpp"
#include "tangram/support/krylov.hpp"
#include "tangram/support/log.hpp"
#include "tangram/support/progress.hpp"
#include "tangram/support/stop_request.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tangram {

struct MatrixFreeOptions {
    KernelOptions
        source;  ///< network, samples, reduction; output, memory, threads, and the other options of a run
    std::optional<double> tolerance;  ///< of eigenpairs 1e-10, of solutions 1e-8
    std::int64_t most_steps = 1000;
    double checkpoint_seconds = 300;
};

/// Whether a network is named, in the place of a kernel file.
inline bool is_given(const MatrixFreeOptions& options) {
    return !options.source.model.empty() || !options.source.factors.empty();
}

void add_matrix_free_options(CLI::App& app, MatrixFreeOptions& options);

/// Those that both ways of a command have, as a run without a file takes them.
template <class Options>
MatrixFreeOptions with_options_of_command(const Options& options) {
    MatrixFreeOptions its = options.matrix_free;
    its.source.output = options.output;
    its.source.threads = options.threads;
    its.source.overwrite = options.overwrite;
    its.source.command_line = options.command_line;
    its.source.configuration = options.configuration;
    its.source.components = "none";
    its.source.precision = "float64";
    return its;
}

/// Throws Error(usage) at a kernel file `file` beside a network, and at an option of the way that is not taken.
void refuse_other_way(const MatrixFreeOptions& options, const std::string& file,
                      const std::vector<GivenOption>& of_files, const std::vector<GivenOption>& of_networks);

/// Throws Error(usage).
void validate(const MatrixFreeOptions& options);

class MatrixFreeRun {
public:
    /// Collective. Reads the inputs, plans. `vectors`: of n numbers that all ranks together hold beside, for the plan.
    MatrixFreeRun(MatrixFreeOptions options, const mpi::Communicator& world, StopRequest& stop,
                  Index vectors);
    MatrixFreeRun(const MatrixFreeRun&) = delete;
    MatrixFreeRun& operator=(const MatrixFreeRun&) = delete;

    /// Collective. What it would take, for people; on rank 0's stdout.
    void print_plan() const;
    /// Collective. Takes the output's lock, and computes the features.
    void begin(const std::vector<std::string>& other_inputs);
    /// K as solvers take it; throws AgreedError(stopped) once a stop is asked for.
    [[nodiscard]] DistributedOperator as_operator() const;
    /// Collective. The outputs (N, C) of all samples, on every rank.
    [[nodiscard]] Matrix<double> all_outputs() const;
    /// Collective. An array whose rows are shared out as those of K, (rows of this rank, k), whole on every rank.
    [[nodiscard]] Matrix<double> whole_rows(ConstMatrixView<double> own) const;
    /// This rank's rows of an array that all ranks have whole.
    [[nodiscard]] Matrix<double> own_rows(const Matrix<double>& whole) const;
    /// Collective. An array (n, k) of the run's checkpoint, of which rank 0 reads it: this rank's rows. Nothing without --resume, or a
    /// checkpoint.
    [[nodiscard]] std::optional<Matrix<double>> resumed_rows(const std::string& name,
                                                             const std::string& identity) const;
    /// Collective. The same array, put there where it is time.
    void take_checkpoint(const std::string& name, const std::string& identity, ConstMatrixView<double> own);
    /// Collective. Throws AgreedError(stopped) once a stop is asked for.
    void stop_if_asked() const;
    /// What a finished kernel file of the same would say of itself.
    [[nodiscard]] const KernelFile& described() const { return described_; }
    /// A hash of all that decides the numbers: a checkpoint of another is refused.
    [[nodiscard]] std::string identity() const;
    /// Collective. With the inputs' digests, on root.
    [[nodiscard]] Provenance provenance() const;
    /// Collective. Writes the file by `write(path)` on rank 0, gives it its name, and gives the lock back. Returns the name there.
    std::string finish(const std::function<void(const std::string& path)>& write);
    /// Collective. Gives the lock back, and leaves the checkpoint, where there is one.
    void give_up();

    MatrixFreeOptions options;
    const mpi::Communicator& world;
    std::shared_ptr<Log> log;
    Progress progress;
    int threads = 1;
    Inputs inputs;
    Problem problem;
    OutputPaths paths;
    std::optional<KernelOperator> K;

private:
    /// Collective.
    [[nodiscard]] bool checkpoint_is_due();

    StopRequest& stop_;
    KernelFile described_;
    FileLock lock_;
    bool hold_ = true;
    Index planned_ = 0, room_ = 0;
    double last_checkpoint_ = 0;
    Stopwatch clock_;
};

}  // namespace tangram
