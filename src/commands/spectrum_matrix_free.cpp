// `tangram spectrum --model ..`: the largest eigenpairs, the trace, estimates and density of a kernel that is never made.

#include "spectrum_targets.hpp"
#include "tangram/commands/spectrum.hpp"
#include "tangram/matrix_free/operator_spectrum.hpp"
#include "tangram/regression/choices.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace tangram {

namespace {

using Run = MatrixFreeRun;

constexpr double default_tolerance = 1e-10;

/// Where a Krylov space begins: random signs, the same on any ranks.
Matrix<double> random_start(const Run& run, std::uint64_t seed) {
    Matrix<double> start(run.K->rows().size(), 1);
    const std::uint64_t stream = splitmix64(splitmix64(seed) ^ 0x746f70U);
    for (Index i = 0; i < start.rows(); ++i)
        start(i, 0) = random_sign(stream, static_cast<std::uint64_t>(run.K->rows().begin + i));
    return start;
}

Matrix<double> columns_of(ConstMatrixView<double> A, Index first, Index count) {
    Matrix<double> some(A.rows, count);
    for (Index i = 0; i < A.rows; ++i) std::copy_n(A.row(i) + first, count, some.view().row(i));
    return some;
}

constexpr const char* checkpoint_array = "ritz_vectors";

/// Collective. What a checkpoint has: pairs that are known, and where to go on.
void resume(const Run& run, const std::string& identity, LargestRequest& request) {
    const std::optional<Matrix<double>> found = run.resumed_rows(checkpoint_array, identity);
    if (!found) return;
    const Index known = found->cols() - 1;
    request.deflation = columns_of(found->view(), 0, known);
    request.start = columns_of(found->view(), known, 1);
    run.log->info("{} of {} eigenpairs are in the checkpoint", std::min(known, request.count), request.count);
    request.count = std::max<Index>(0, request.count - known);  // more may have converged than were asked for
}

/// (rows, a + b): columns of both.
Matrix<double> side_by_side(const Matrix<double>& A, ConstMatrixView<double> B) {
    Matrix<double> both(B.rows, A.cols() + B.cols);
    for (Index i = 0; i < B.rows; ++i) {
        for (Index j = 0; j < A.cols(); ++j) both(i, j) = A(i, j);
        std::copy_n(B.row(i), B.cols, both.view().row(i) + A.cols());
    }
    return both;
}

double length_of(const mpi::Communicator& world, std::span<const double> v) {
    double sum = 0;
    for (const double entry : v) sum += entry * entry;
    mpi::sum(world, {&sum, 1});
    return std::sqrt(sum);
}

/// max |V^T V - 1|.
double off_orthonormal(const Matrix<double>& V) {
    Matrix<double> G(V.cols(), V.cols());
    blas::gemm(blas::Op::transpose, blas::Op::none, 1.0, V.view(), V.view(), 0.0, G.view());
    double off = 0;
    for (Index a = 0; a < G.rows(); ++a) {
        for (Index b = 0; b <= a; ++b) off = std::max(off, std::abs(G(a, b) - (a == b ? 1 : 0)));
    }
    return off;
}

/// Collective. Rayleigh quotients and residuals of all vectors (local, k) by products of their own; the `wanted` largest are kept, in
/// order.
void judge(const Run& run, const DistributedOperator& A, const Matrix<double>& vectors, Index wanted,
           OperatorSpectrum& found) {
    struct Judged {
        double value, residual;
        Index column;
    };
    const auto local = at(vectors.rows());
    std::vector<double> v(local), y(local);
    std::vector<Judged> all;
    for (Index j = 0; j < vectors.cols(); ++j) {
        for (Index i = 0; i < vectors.rows(); ++i) v[at(i)] = vectors(i, j);
        A.act(v, y);
        double value = 0;
        for (std::size_t i = 0; i < local; ++i) value += v[i] * y[i];
        mpi::sum(run.world, {&value, 1});
        for (std::size_t i = 0; i < local; ++i) y[i] -= value * v[i];
        all.push_back({value, length_of(run.world, y), j});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Judged& a, const Judged& b) { return a.value > b.value; });
    all.resize(std::min(all.size(), at(wanted)));
    const Matrix<double> whole = run.whole_rows(vectors.view());
    const double largest = std::max(std::abs(all.front().value), std::abs(all.back().value));
    found.vectors = Matrix<double>(whole.rows(), static_cast<Index>(all.size()));
    for (std::size_t k = 0; k < all.size(); ++k) {
        found.values.push_back(all[k].value);
        found.residuals.push_back(largest > 0 ? all[k].residual / largest : all[k].residual);
        for (Index i = 0; i < whole.rows(); ++i)
            found.vectors(i, static_cast<Index>(k)) = whole(i, all[k].column);
    }
    found.orthogonality = off_orthonormal(found.vectors);
}

/// Collective. All vectors (local, K) that were asked for, those of a checkpoint too.
Matrix<double> solve(const SpectrumOptions& options, Run& run, const std::string& identity,
                     const DistributedOperator& A) {
    LargestRequest request;
    request.count = *options.top;
    request.tolerance = run.options.tolerance.value_or(default_tolerance);
    request.most_restarts = run.options.most_steps;
    request.start = random_start(run, static_cast<std::uint64_t>(options.seed));
    resume(run, identity, request);
    request.after_restart = [&](Index, ConstMatrixView<double> ritz_vectors) {
        run.take_checkpoint(checkpoint_array, identity, side_by_side(request.deflation, ritz_vectors).view());
    };
    if (request.count == 0) return std::move(request.deflation);
    const LargestPairs pairs = largest_eigenpairs(run.world, A, request);
    agree(run.world, [&] {
        if (pairs.converged) return;
        fail(
            ExitCode::check_failed,
            "{} of {} eigenpairs converged in {} restarts ({}): give more --most-steps, or a larger --tolerance",
            request.deflation.cols() + static_cast<Index>(pairs.values.size()), *options.top, pairs.restarts,
            run.paths.finished);
    });
    return side_by_side(request.deflation, pairs.vectors.view());
}

void require_good(const Run& run, const OperatorSpectrum& found) {
    const double worst = *std::max_element(found.residuals.begin(), found.residuals.end());
    const double most = std::max(10 * run.options.tolerance.value_or(default_tolerance), 1e-12);
    if (worst <= most && found.orthogonality <= 1e-8) return;
    fail(
        ExitCode::check_failed,
        "an eigenpair is wrong ({}): residual {:.1e} of the largest eigenvalue, orthogonality {:.1e}: report this",
        run.paths.finished, worst, found.orthogonality);
}

/// Collective. The --top largest.
void find_pairs(const SpectrumOptions& options, Run& run, const std::string& identity,
                OperatorSpectrum& found) {
    if (!options.top) return;
    const Stopwatch watch;
    DistributedOperator A = run.as_operator();
    A.act = [&found, act = A.act](std::span<const double> v, std::span<double> y) {
        ++found.products;
        act(v, y);
    };
    run.progress.begin("eigenpairs");
    judge(run, A, solve(options, run, identity, A), *options.top, found);
    found.seconds = watch.seconds();
    agree(run.world, [&] { require_good(run, found); });
}

/// Collective.
void make_estimates(const SpectrumOptions& options, Run& run, OperatorSpectrum& found) {
    const Index vectors = options.estimate > 0 ? options.estimate : options.density ? 16 : 0;
    if (vectors == 0) return;
    EstimateRequest request;
    request.vectors = vectors;
    request.steps = options.lanczos_steps;
    request.trace = found.trace;
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
    MatrixFreeRun run(with_options_of_command(options), world, stop,
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
