#pragma once
// How the ranks agree on failure before the next collective call, so that one error is one line and nothing
// hangs.
//
//     rank        0        1        2                     0        1        2
//     BEFORE      ok    throws E    ok        AFTER    E agreed  E agreed  E agreed
//
// What cannot be agreed on (a disk that fills under one rank) is thrown as a plain Error: main prints it on
// that rank and aborts the job.

#include "tangram/support/error.hpp"
#include "tangram/support/mpi.hpp"

#include <exception>
#include <functional>

namespace tangram {

/// Any exception as an Error: what is none is a lack of memory or of threads, or a failure of the program.
Error as_error(const std::exception& exception);

/// Collective. Runs `work` on every rank; if it throws on any, every rank throws the AgreedError of the
/// lowest such rank. `work` makes no collective call, or a single one that succeeds or fails
/// on all ranks alike.
void agree(const mpi::Communicator& comm, const std::function<void()>& work);

/// Collective. Runs `work` on rank 0 alone; if it throws there, every rank throws the AgreedError.
void agree_on_root(const mpi::Communicator& comm, const std::function<void()>& work);

}  // namespace tangram
