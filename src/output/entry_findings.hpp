#pragma once
// One reading of every entry of a kernel file, put together over all ranks and held against the products that the
// probe should have. Private to output/*_check.cpp.

#include "probe_reference.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/mpi.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tangram {

/// [matrix of shape.matrices]
struct EntryFindings {
    std::vector<std::vector<double>> probe_errors;  ///< by row: |K v - reference| / (|K| |v|)
    std::vector<double> traces;
};

/// Collective. Reads `tiles`, this rank's, on `threads` threads, while `make_reference`, collective too, computes. Fills
/// the report's symmetry error, sum of components and smallest diagonal entry. Throws what both throw.
EntryFindings examine_entries(const mpi::Communicator& comm, const std::string& path,
                              const KernelShape& shape, const std::vector<Tile>& tiles, int threads,
                              const std::function<ProbeReference()>& make_reference, CheckReport& report);

}  // namespace tangram
