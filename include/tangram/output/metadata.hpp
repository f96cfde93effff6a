#pragma once
// The second phase of writing: strings, attributes and small tables, which parallel HDF5 cannot write, by
// rank 0 alone.
//
//   /  /samples (N)  /labels (N)  /parameter_blocks  /checks  /checksums/<dataset> (tiles, tiles)  /timing (phases, ranks)  /provenance

#include "tangram/model/samples.hpp"
#include "tangram/output/check_report.hpp"
#include "tangram/output/provenance.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/output/timing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// Everything small that goes into the file.
struct KernelMetadata {
    const Network& network;
    const Reduction& reduction;
    const KernelShape& shape;
    std::string parameterization{};
    std::vector<std::int64_t> samples{};                  ///< (N): the row of each in the input
    std::optional<Labels> labels{};                       ///< (N)
    std::vector<std::vector<std::uint64_t>> checksums{};  ///< [matrix]: (tiles, tiles)
    CheckReport checks{};
    Timing timing{};
    Provenance provenance{};
};

/// Writes it all into the partial file, and a checksum of it (output/contents_checksum.hpp), after which nothing
/// may be written to the file. One rank, no other has the file open. Throws Error(io).
void write_metadata(const std::string& path, const KernelMetadata& metadata);

}  // namespace tangram
