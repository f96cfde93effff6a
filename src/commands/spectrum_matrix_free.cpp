// `tangram spectrum --model ..`: the largest eigenpairs, the trace, estimates and density of a kernel that is never made.

#include "spectrum_targets.hpp"
#include "tangram/commands/spectrum.hpp"
#include "tangram/matrix_free/checkpoint.hpp"
#include "tangram/matrix_free/operator_spectrum.hpp"
#include "tangram/regression/choices.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace tangram {

namespace {

using Run = MatrixFreeRun;

constexpr double default_tolerance = 1e-10;

/// Rows of this rank, of an array that all ranks have whole.
Matrix<double> own_rows(const Run& run, const Matrix<double>& whole) {
    Matrix<double> own(run.K->rows().size(), whole.cols());
    std::copy_n(whole.view().row(run.K->rows().begin), own.size(), own.data());
    return own;
}

/// Collective. An array whose rows are shared out, whole on every rank.
Matrix<double> whole_rows(const Run& run, ConstMatrixView<double> own) {
    Matrix<double> whole(run.K->extent(), own.cols);
    for (Index i = 0; i < own.rows; ++i)
        std::copy_n(own.row(i), own.cols, whole.view().row(run.K->rows().begin + i));
    mpi::sum(run.world, {whole.data(), at(whole.size())});
    return whole;
}

/// Where a Krylov space begins: random signs, the same on any ranks.
Matrix<double> random_start(const Run& run, std::uint64_t seed) {
    Matrix<double> start(run.K->rows().size(), 1);
    const std::uint64_t stream = splitmix64(splitmix64(seed) ^ 0x746f70U);
    for (Index i = 0; i < start.rows(); ++i)
        start(i, 0) = random_sign(stream, static_cast<std::uint64_t>(run.K->rows().begin + i));
    return start;
}

/// What a checkpoint, or nothing, lets the solver begin with.
struct Beginning {
    Matrix<double> known, start;  ///< (n, m), (n, 1): whole
};

Matrix<double> columns_of(ConstMatrixView<double> A, Index first, Index count) {
    Matrix<double> some(A.rows, count);
    for (Index i = 0; i < A.rows; ++i) std::copy_n(A.row(i) + first, count, some.view().row(i));
    return some;
}

/// Collective.
void resume(Run& run, const std::string& identity, LargestRequest& request) {
    if (!run.options.source.resume) return;
    std::optional<CheckpointArrays> found;
    agree_on_root(run.world, [&] { found = load_checkpoint(run.paths.partial, identity); });
    const Index columns = mpi::broadcast(run.world, found ? found->at("ritz_vectors").cols() : Index{0});
    if (columns == 0) return;
    Matrix<double> whole(run.K->extent(), columns);
    if (found) whole = std::move(found->at("ritz_vectors"));
    mpi::broadcast_bytes(run.world, whole.data(), whole.size() * Index{sizeof(double)});
    const Matrix<double> own = own_rows(run, whole);
    request.deflation = columns_of(own.view(), 0, columns - 1);
    request.start = columns_of(own.view(), columns - 1, 1);
    run.log->info("{} of {} eigenpairs are in the checkpoint", columns - 1, request.count);
}

/// Collective. After a restart: what there is goes to disk when it is time.
void take_checkpoint(Run& run, const std::string& identity, const LargestRequest& request,
                     ConstMatrixView<double> ritz_vectors) {
    if (!run.checkpoint_is_due()) return;
    Matrix<double> both(ritz_vectors.rows, request.deflation.cols() + ritz_vectors.cols);
    for (Index i = 0; i < both.rows(); ++i) {
        for (Index j = 0; j < request.deflation.cols(); ++j) both(i, j) = request.deflation(i, j);
        for (Index j = 0; j < ritz_vectors.cols; ++j)
            both(i, request.deflation.cols() + j) = ritz_vectors(i, j);
    }
    CheckpointArrays arrays;
    arrays.emplace("ritz_vectors", whole_rows(run, both.view()));
    agree_on_root(run.world, [&] { save_checkpoint(run.paths.partial, identity, arrays); });
}

double length_of(const mpi::Communicator& world, std::span<const double> v) {
    double sum = 0;
    for (const double entry : v) sum += entry * entry;
    mpi::sum(world, {&sum, 1});
    return std::sqrt(sum);
}

/// Collective. Rayleigh quotients and residuals of all vectors (local, k) by products of their own, in order, largest first.
void judge(const Run& run, const DistributedOperator& A, const Matrix<double>& vectors,
           OperatorSpectrum& found) {
    const auto local = at(vectors.rows());
    std::vector<double> v(local), y(local);
    std::vector<std::pair<double, Index>> order;
    std::vector<double> residuals;
    for (Index j = 0; j < vectors.cols(); ++j) {
        for (Index i = 0; i < vectors.rows(); ++i) v[at(i)] = vectors(i, j);
        A.act(v, y);
        double value = 0;
        for (std::size_t i = 0; i < local; ++i) value += v[i] * y[i];
        mpi::sum(run.world, {&value, 1});
        for (std::size_t i = 0; i < local; ++i) y[i] -= value * v[i];
        residuals.push_back(length_of(run.world, y));
        order.emplace_back(value, j);
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    const Matrix<double> whole = whole_rows(run, vectors.view());
    found.vectors = Matrix<double>(whole.rows(), whole.cols());
    for (std::size_t k = 0; k < order.size(); ++k) {
        found.values.push_back(order[k].first);
        found.residuals.push_back(residuals[at(order[k].second)]);
        for (Index i = 0; i < whole.rows(); ++i)
            found.vectors(i, static_cast<Index>(k)) = whole(i, order[k].second);
    }
    const double largest = std::max(std::abs(found.values.front()), std::abs(found.values.back()));
    for (double& residual : found.residuals) residual = largest > 0 ? residual / largest : residual;
    for (Index a = 0; a < whole.cols(); ++a) {
        for (Index b = 0; b <= a; ++b) {
            double sum = a == b ? -1 : 0;
            for (Index i = 0; i < whole.rows(); ++i) sum += whole(i, a) * whole(i, b);
            found.orthogonality = std::max(found.orthogonality, std::abs(sum));
        }
    }
}

/// Collective. The --top largest.
void find_pairs(const SpectrumOptions& options, Run& run, const std::string& identity,
                OperatorSpectrum& found) {
    if (!options.top) return;
    const Stopwatch watch;
    DistributedOperator A = run.as_operator();
    const ActOnVector act = A.act;
    A.act = [&](std::span<const double> v, std::span<double> y) {
        ++found.products;
        act(v, y);
    };
    LargestRequest request;
    request.count = *options.top;
    request.tolerance = run.options.tolerance.value_or(default_tolerance);
    request.most_restarts = run.options.most_steps;
    request.start = random_start(run, static_cast<std::uint64_t>(options.seed));
    resume(run, identity, request);
    run.progress.begin("eigenpairs");
    const Index known = request.deflation.cols();
    request.count -= known;
    Matrix<double> vectors = request.deflation.cols() > 0 ? columns_of(request.deflation.view(), 0, known)
                                                          : Matrix<double>(A.local, 0);
    if (request.count > 0) {
        request.after_restart = [&](Index, ConstMatrixView<double> ritz_vectors) {
            take_checkpoint(run, identity, request, ritz_vectors);
        };
        const LargestPairs pairs = largest_eigenpairs(run.world, A, request);
        agree(run.world, [&] {
            if (pairs.converged) return;
            fail(
                ExitCode::check_failed,
                "{} of {} eigenpairs converged in {} restarts ({}): give more --most-steps, or a larger --tolerance",
                known + static_cast<Index>(pairs.values.size()), *options.top, pairs.restarts,
                run.paths.finished);
        });
        Matrix<double> all(A.local, known + pairs.vectors.cols());
        for (Index i = 0; i < A.local; ++i) {
            for (Index j = 0; j < known; ++j) all(i, j) = vectors(i, j);
            for (Index j = 0; j < pairs.vectors.cols(); ++j) all(i, known + j) = pairs.vectors(i, j);
        }
        vectors = std::move(all);
    }
    judge(run, A, vectors, found);
    found.seconds = watch.seconds();
    agree(run.world, [&] {
        const double worst = *std::max_element(found.residuals.begin(), found.residuals.end());
        const double most = std::max(10 * run.options.tolerance.value_or(default_tolerance), 1e-12);
        if (worst <= most && found.orthogonality <= 1e-8) return;
        fail(
            ExitCode::check_failed,
            "an eigenpair is wrong ({}): residual {:.1e} of the largest eigenvalue, orthogonality {:.1e}: report this",
            run.paths.finished, worst, found.orthogonality);
    });
}

/// Collective.
void make_estimates(const SpectrumOptions& options, Run& run, OperatorSpectrum& found) {
    const Index vectors = options.estimate > 0 ? options.estimate : options.density ? 16 : 0;
    if (vectors == 0) return;
    EstimateRequest request;
    request.vectors = vectors;
    request.steps = options.lanczos_steps;
    request.seed = static_cast<std::uint64_t>(options.seed);
    request.first = run.K->rows().begin;
    agree(run.world, [&] {
        request.ridges = parse_ridges(options.ridges, found.trace / static_cast<double>(run.K->extent()));
        for (const double ridge : request.ridges) {
            if (!(ridge > 0))
                fail(ExitCode::usage,
                     "--ridge {}: degrees of freedom and log det are estimated at ridges above 0", ridge);
        }
    });
    run.progress.begin("estimates", vectors, 0);
    found.estimates =
        estimate(run.world, run.as_operator(), request, [&](Index done) { run.progress.set_done(done, 0); });
    found.seed = request.seed;
    found.writes_density = options.density;
}

/// Collective. T (n, C) as rows of K, projected on the vectors.
void project_targets(const SpectrumOptions& options, const Run& run, OperatorSpectrum& found,
                     std::vector<std::string>& notes) {
    if (options.targets.location.empty()) return;
    const Matrix<double> outputs = run.all_outputs();
    agree(run.world, [&] {
        const SpectrumTargets targets =
            prepare_targets(options, run.described(), run.inputs.samples.selection.rows, outputs);
        const Matrix<double>& Y = targets.projected;
        Matrix<double> columns(found.extent, Y.size() / found.extent);
        std::copy_n(Y.data(), Y.size(), columns.data());
        project(found, columns);
        found.targets_text = targets.text;
        notes = targets.notes;
    });
}

}  // namespace

int run_matrix_free_spectrum(const SpectrumOptions& options, const mpi::Communicator& world,
                             StopRequest& stop) {
    const Index top = options.top.value_or(0);
    MatrixFreeRun run(matrix_free_options(options), world, stop,
                      6 * top + 24 + (options.estimate > 0 || options.density ? options.lanczos_steps : 0));
    const Index n = run.problem.samples.count * run.problem.reduction.rows_per_sample();
    agree(world, [&] {
        if (top > n)
            fail(ExitCode::usage, "--top asks for {} eigenvectors, and there are {}: give no more than that",
                 top, n);
    });
    if (options.dry_run) {
        run.progress.finish();
        run.print_plan();
        return static_cast<int>(ExitCode::done);
    }
    OperatorSpectrum found;
    std::vector<std::string> notes;
    try {
        std::vector<std::string> others;
        if (!options.targets.location.empty())
            others.push_back(split_location(options.targets.location).file);
        run.begin(others);
        std::string identity;
        agree_on_root(world, [&] { identity = run.identity(); });
        found.extent = run.K->extent();
        found.trace = run.K->trace();
        find_pairs(options, run, identity, found);
        make_estimates(options, run, found);
        project_targets(options, run, found, notes);
        const Provenance provenance = run.provenance();
        const std::string name = run.finish([&](const std::string& path) {
            write_operator_spectrum(path, run.described(), provenance, found);
        });
        if (world.is_root()) {
            for (const std::string& note : notes) std::cout << note << "\n";
            std::cout << fmt::format("{}file        {}\n", to_table(found), name) << std::flush;
        }
    } catch (const AgreedError&) {
        run.give_up();
        throw;
    }
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
