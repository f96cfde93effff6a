#pragma once
// The libraries behind support/eigen_solver.hpp, each in a file of its own. Private to support/.

#include "tangram/support/eigen_solver.hpp"

namespace tangram {

#ifdef TANGRAM_HAVE_ELPA
EigenPairs solve_with_elpa(const mpi::Communicator& comm, const BlockCyclic& layout, AlignedBuffer<double>& A,
                           bool vectors);
#endif
#ifdef TANGRAM_HAVE_SCALAPACK
EigenPairs solve_with_scalapack(const mpi::Communicator& comm, const BlockCyclic& layout,
                                AlignedBuffer<double>& A, bool vectors);
#endif
/// The matrix whole on one rank.
EigenPairs solve_with_lapack(Index n, AlignedBuffer<double>& A, bool vectors, int threads);

}  // namespace tangram
