#include "tangram/support/judged_solver.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/stopwatch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tangram {

namespace {

/// Of all errors, in their units.
constexpr double threshold = 30;

/// Collective. One solver's; A holds the scaled matrix, and is destroyed.
void solve_once(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double>& A,
                const std::function<void()>& read_again, bool vectors, Solver solver, int threads,
                JudgedPairs& judged) {
    const Stopwatch watch;
    judged.pairs = solve_symmetric(comm, layout, A, vectors, solver, threads);
    judged.seconds = watch.seconds();
    judged.value_errors = value_errors(judged.pairs.values, judged.facts);
    if (!vectors) return;
    read_again();
    const blas::BlasThreads for_products(threads);
    judged.vector_errors = eigen_errors(comm, layout, A, judged.pairs);
}

}  // namespace

bool are_good(const JudgedPairs& judged) {
    const ValueErrors& values = judged.value_errors;
    const bool good = std::max({values.trace, values.squares, values.rayleigh}) < threshold;
    if (!judged.vector_errors) return good;
    return good && judged.vector_errors->residual < threshold &&
           judged.vector_errors->orthogonality < threshold;
}

std::string describe_errors(const ValueErrors& value_errors,
                            const std::optional<EigenErrors>& vector_errors) {
    std::string text = fmt::format("trace {:.2f}, trace of the square {:.2f}, power iteration {:.2f}",
                                   value_errors.trace, value_errors.squares, value_errors.rayleigh);
    if (vector_errors)
        text += fmt::format(", residual {:.2f}, orthogonality {:.2f}", vector_errors->residual,
                            vector_errors->orthogonality);
    return text;
}

JudgedPairs solve_and_judge(const mpi::Communicator& comm, const BlockCyclic& layout,
                            AlignedBuffer<double>& A, const std::function<void(AlignedBuffer<double>&)>& read,
                            bool vectors, int threads) {
    JudgedPairs judged;
    judged.facts = scale_and_measure(comm, layout, A);
    const auto read_again = [&] {
        read(A);
        scale_down(A, layout.local_size(), judged.facts.exponent);
    };
    solve_once(comm, layout, A, read_again, vectors, Solver::fastest, threads, judged);
    if (are_good(judged)) return judged;
    if (!vectors) read_again();
    solve_once(comm, layout, A, read_again, vectors, Solver::most_robust, threads, judged);
    return judged;
}

}  // namespace tangram
