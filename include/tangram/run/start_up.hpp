#pragma once
// What a run says of the machine before it begins, and what it warns of: the mistakes that cost people days.

#include "tangram/support/log.hpp"
#include "tangram/support/mpi.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tangram {

/// Collective. The threads of a rank, `wanted` or its share of the cores, with what BLAS needs for them. Throws
/// AgreedError(no_resources).
int threads_for_products(const mpi::Communicator& world, const std::optional<std::int64_t>& wanted);

/// Collective. One line: ranks, hosts, `threads` of each rank, cores that their affinity masks allow, BLAS kernel. Warns
/// where threads share cores, and where hosts chose different BLAS kernels.
void say_where_it_runs(const mpi::Communicator& world, int threads, Log& log);

/// Warns where all bytes of the file `path` go to one server.
void warn_of_one_server(const std::string& path, Log& log);

}  // namespace tangram
