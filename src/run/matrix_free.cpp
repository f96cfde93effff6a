#include "tangram/run/matrix_free.hpp"

#include "tangram/matrix_free/checkpoint.hpp"
#include "tangram/run/kernel_run.hpp"
#include "tangram/run/memory_plan.hpp"
#include "tangram/run/options.hpp"
#include "tangram/run/start_up.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/gemm_rate.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/memory.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <utility>

namespace tangram {

namespace {

Inputs load(const KernelOptions& options, const mpi::Communicator& world, const StopRequest& stop) {
    return load_inputs(options, world, [&] {
        if (stop.is_made())
            fail(ExitCode::stopped, "stopped while the input files were read: give the same command again");
    });
}

/// Which rows of J, as a kernel file says it.
KernelFile describe_as_file(const KernelOptions& options, const Inputs& inputs) {
    const Reduction& reduction = inputs.reduction;
    KernelFile kernel;
    kernel.path = source_of_gradients(options);
    kernel.product = "samples";
    kernel.shape.precision = Precision::float64;
    kernel.samples = inputs.samples.count();
    kernel.test_samples = inputs.test ? inputs.test->count() : 0;
    kernel.outputs = inputs.network.outputs();
    kernel.reduction = to_string(reduction.kind);
    kernel.logit = reduction.logit;
    kernel.reduction_text = describe(reduction);
    kernel.rows_of_sample = reduction.sensitivities();
    kernel.of_plain_outputs =
        reduction.chosen.empty() && !reduction.combinations && !reduction.needs_outputs();
    kernel.gradients_are_given = inputs.network.gradients_are_given;
    return kernel;
}

}  // namespace

void add_matrix_free_options(CLI::App& app, MatrixFreeOptions& o) {
    const std::string group = "Without a kernel file";
    add_gradient_options(app, o.source);
    app.add_option(
           "--tolerance", o.tolerance,
           "of eigenpairs: residual over the largest eigenvalue; of a solution: residual over targets (1e-10; 1e-8)")
        ->group(group);
    app.add_option("--most-steps", o.most_steps, "restarts, or steps of conjugate gradients, at most (1000)")
        ->group(group);
    app.add_option("--memory", o.source.memory, "GiB a rank may take (its share of what the node has left)")
        ->type_name("GIB")
        ->group(group);
    app.add_option("--max-seconds", o.source.max_seconds, "then stop in order, to be resumed: exit code 75")
        ->group(group);
    app.add_option("--checkpoint-seconds", o.checkpoint_seconds, "between two checkpoints (300)")
        ->group(group);
    app.add_flag("--resume", o.source.resume, "go on from the checkpoint of a run that stopped or died")
        ->group(group);
    one_of(app.add_option("--progress", o.source.progress, "auto (default): a bar on a terminal, else lines"),
           {"auto", "bar", "lines", "off"})
        ->group(group);
    one_of(app.add_option("--log-level", o.source.log_level, "what is said on stderr (info)"),
           {"trace", "debug", "info", "warn", "error", "off"})
        ->group(group);
}

void validate(const MatrixFreeOptions& options) {
    const KernelOptions& source = options.source;
    validate(source);
    require_between("--most-steps", options.most_steps, 1, 1000000);
    if (options.tolerance && !(*options.tolerance >= 1e-14 && *options.tolerance < 1))
        fail(ExitCode::usage, "--tolerance is {}: give a number from 1e-14 to below 1", *options.tolerance);
    require_finite(options.checkpoint_seconds, "--checkpoint-seconds");
    if (options.checkpoint_seconds < 0)
        fail(ExitCode::usage, "--checkpoint-seconds is {}: give seconds from 0 on",
             options.checkpoint_seconds);
}

void refuse_other_way(const MatrixFreeOptions& options, const std::string& file,
                      const std::vector<GivenOption>& of_files, const std::vector<GivenOption>& of_networks) {
    const bool is_free = is_given(options);
    if (is_free && !file.empty())
        fail(ExitCode::usage, "a kernel file and --model are both given: name one of them ({})", file);
    for (const auto& [option, is_there] : is_free ? of_files : of_networks) {
        if (!is_there) continue;
        if (is_free) {
            fail(ExitCode::usage,
                 "{} needs the matrices of a kernel file, which --model does not make: leave it out", option);
        }
        fail(ExitCode::usage, "{} goes with --model, without a kernel file: name a network, or leave it out",
             option);
    }
    if (!is_free && file.empty())
        fail(ExitCode::usage, "no kernel file is named: name one, or a network with --model and --data");
}

MatrixFreeRun::MatrixFreeRun(MatrixFreeOptions its_options, const mpi::Communicator& its_world,
                             StopRequest& stop, Index vectors)
    : options(std::move(its_options)),
      world(its_world),
      log(make_log(world.is_root(), options.source.log_level,
                   draws_bar(parse_progress_style(options.source.progress)) && world.is_root())),
      progress(world.is_root(), parse_progress_style(options.source.progress)),
      inputs(load(options.source, world, stop)),
      problem(make_problem(options.source, inputs)),
      paths(options.source.output),
      stop_(stop) {
    if (options.source.max_seconds) stop.stop_after(*options.source.max_seconds);
    agree(world, [] { require_krylov(); });
    threads = threads_for_products(world, options.source.threads);
    described_ = describe_as_file(options.source, inputs);
    const auto numbers = [&](const OperatorBytes& bytes) {
        const Index n = problem.samples.count * problem.reduction.rows_per_sample();
        return bytes.held + bytes.working + (vectors * n / world.size() + n) * Index{sizeof(double)};
    };
    room_ = room_beyond_base(world, options.source.memory);
    planned_ = numbers(operator_bytes(problem, world.size(), threads, true));
    hold_ = planned_ <= room_;
    if (hold_) return;
    planned_ = numbers(operator_bytes(problem, world.size(), threads, false));
    agree(world, [&] {
        if (planned_ <= room_) return;
        fail(
            ExitCode::no_resources,
            "not enough memory ({:.3g} GiB a rank beyond the program, {:.3g} GiB needed at least): use more ranks on more nodes, or a smaller --top",
            gib(room_), gib(planned_));
    });
}

void MatrixFreeRun::print_plan() const {
    const double rate = gemm_rate_of_all<double>(world, threads, gemm_seconds_of_plan);
    if (!world.is_root()) return;
    const Index n = problem.samples.count * problem.reduction.rows_per_sample();
    const double rounds =
        problem.reduction.is_full() ? 1 : static_cast<double>(problem.reduction.sensitivities());
    const double product = 4.0 * static_cast<double>(problem.samples.count) *
                           static_cast<double>(inputs.network.parameters()) * rounds;
    std::cout
        << fmt::format(
               "plan        {} x {}, {}, never made; {} ranks, {} threads each\nmemory      {:.2f} GiB a rank of {:.2f}, features {}\n"
               "a product   {:.3e} operations at least, {:.3g} s at {:.1f} GF/s in float64\n",
               n, n, described_.reduction_text, world.size(), threads, gib(planned_), gib(room_),
               hold_ ? "held" : "computed again for each product, twice", product, product / rate / 1e9, rate)
        << std::flush;
}

void MatrixFreeRun::begin(const std::vector<std::string>& other_inputs) {
    say_where_it_runs(world, threads, *log);
    log->info("{}\n{}", inputs.network.gradients_are_given ? "factors" : "network", inputs.description);
    for (const std::string& note : inputs.notes) log->warn("{}", note);
    agree_on_root(world, [&] {
        std::vector<std::string> files = input_files(options.source);
        files.insert(files.end(), other_inputs.begin(), other_inputs.end());
        require_writable(paths, {options.source.overwrite, options.source.resume}, files);
        lock_ = FileLock::take(paths.lock, lock_holder_line(), options.source.resume ? 10 : 0);
    });
    progress.begin("features");
    const Stopwatch watch;
    agree(world, [&] {
        naming_samples(source_of_gradients(options.source), inputs.samples,
                       [&] { K.emplace(world, problem, threads, hold_); });
    });
    log->info("{} samples, {}; features {} in {:.2f} s", problem.samples.count, described_.reduction_text,
              hold_ ? "held" : "computed again for each product", watch.seconds());
    last_checkpoint_ = clock_.seconds();
}

void MatrixFreeRun::stop_if_asked() const {
    agree(world, [&] {
        if (stop_.is_made()) fail(ExitCode::stopped, "stopped: continue with --resume ({})", paths.partial);
    });
}

DistributedOperator MatrixFreeRun::as_operator() const {
    return {K->rows().size(), K->extent(), [this](std::span<const double> v, std::span<double> y) {
                stop_if_asked();
                K->act(v, y);
            }};
}

Matrix<double> MatrixFreeRun::all_outputs() const {
    const Matrix<double> own = K->outputs();
    Matrix<double> all(problem.samples.count, own.cols());
    std::copy_n(own.data(), own.size(), all.view().row(K->samples().begin));
    mpi::sum(world, {all.data(), at(all.size())});
    return all;
}

Matrix<double> MatrixFreeRun::whole_rows(ConstMatrixView<double> own) const {
    Matrix<double> whole(K->extent(), own.cols);
    for (Index i = 0; i < own.rows; ++i)
        std::copy_n(own.row(i), own.cols, whole.view().row(K->rows().begin + i));
    mpi::sum(world, {whole.data(), at(whole.size())});
    return whole;
}

Matrix<double> MatrixFreeRun::own_rows(const Matrix<double>& whole) const {
    Matrix<double> own(K->rows().size(), whole.cols());
    std::copy_n(whole.data() + K->rows().begin * whole.cols(), own.size(), own.data());
    return own;
}

std::optional<Matrix<double>> MatrixFreeRun::resumed_rows(const std::string& name,
                                                          const std::string& its_identity) const {
    if (!options.source.resume) return std::nullopt;
    std::optional<CheckpointArrays> found;
    agree_on_root(world, [&] { found = load_checkpoint(paths.partial, its_identity); });
    const Index columns = mpi::broadcast(world, found ? found->at(name).cols() : Index{0});
    if (columns == 0) return std::nullopt;
    Matrix<double> whole(K->extent(), columns);
    if (found) whole = std::move(found->at(name));
    mpi::broadcast_bytes(world, whole.data(), whole.size() * Index{sizeof(double)});
    return own_rows(whole);
}

void MatrixFreeRun::take_checkpoint(const std::string& name, const std::string& its_identity,
                                    ConstMatrixView<double> own) {
    if (!checkpoint_is_due()) return;
    CheckpointArrays arrays;
    arrays.emplace(name, whole_rows(own));
    agree_on_root(world, [&] { save_checkpoint(paths.partial, its_identity, arrays); });
}

bool MatrixFreeRun::checkpoint_is_due() {
    const bool is_due = clock_.seconds() - last_checkpoint_ >= options.checkpoint_seconds;
    if (mpi::broadcast(world, Index{is_due ? 1 : 0}) == 0) return false;
    last_checkpoint_ = clock_.seconds();
    return true;
}

std::string MatrixFreeRun::identity() const {
    Problem square = problem;
    square.components = false;
    square.conjugate_kernels = ConjugateKernels::none;
    const Product& product = inputs.test ? products_of::test_by_samples : products_of::samples;
    const Identity its = kernel_identity(options.source, inputs, product, product.shape(square));
    return fmt::format("{:016x}", checksum(std::string_view(to_json(its))));
}

Provenance MatrixFreeRun::provenance() const {
    Provenance its = gather_provenance(world, options.source.command_line, options.source.configuration);
    its.inputs = inputs.digests;
    its.inputs.insert(its.inputs.end(), inputs.linked_digests.begin(), inputs.linked_digests.end());
    return its;
}

std::string MatrixFreeRun::finish(const std::function<void(const std::string& path)>& write) {
    std::string name;
    progress.finish();
    agree_on_root(world, [&] {
        try {
            write(paths.partial);
        } catch (...) {
            std::remove(paths.partial.c_str());
            throw;
        }
        name = publish(paths, false);
        lock_.remove();
    });
    finish_krylov();
    return name;
}

void MatrixFreeRun::give_up() {
    progress.finish();
    if (world.is_root() && lock_.is_held()) lock_.remove();
}

}  // namespace tangram
