#pragma once
// The eigenvalues of a matrix of any size of entries, judged before anyone sees them: by what is known of them beforehand
// (support/matrix_facts.hpp), and vectors by their residual and orthogonality. Where the fastest library's are not good, the
// most robust one is asked.

#include "tangram/support/eigen_solver.hpp"
#include "tangram/support/matrix_facts.hpp"

#include <functional>
#include <optional>

namespace tangram {

struct JudgedPairs {
    EigenPairs pairs;  ///< of the scaled matrix
    MatrixFacts facts;
    ValueErrors value_errors;
    std::optional<EigenErrors> vector_errors;  ///< where vectors are wanted
    double seconds = 0;                        ///< that the solver took
};

/// By the criteria of ScaLAPACK's own tests.
bool are_good(const JudgedPairs& judged);

/// "residual 0.1, orthogonality 0.3, ..": in units of n eps.
std::string describe_errors(const ValueErrors& value_errors, const std::optional<EigenErrors>& vector_errors);

/// Collective over the solver's ranks. `A`: the matrix, as `read` reads it once more. Throws Error(failed) if the solver gives
/// up; whether the pairs are good is left to the caller.
JudgedPairs solve_and_judge(const mpi::Communicator& comm, const BlockCyclic& layout,
                            AlignedBuffer<double>& A, const std::function<void(AlignedBuffer<double>&)>& read,
                            bool vectors, int threads);

}  // namespace tangram
