#pragma once
// The second phase of writing: strings, attributes and small tables, by rank 0 alone with the serial driver,
// and then the file's final name.

#include "tangram/output/check_report.hpp"
#include "tangram/output/provenance.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/timer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// Seconds and bytes of a run, over all ranks.
struct Timing {
    std::vector<double> seconds;      ///< (phases, ranks)
    std::vector<double> peak_memory;  ///< (ranks), bytes
    Index ranks = 1;
    Index threads = 1;
    double flops = 0;  ///< of the tiles
    Index bytes_received = 0;
    Index bytes_written = 0;
};

/// Everything small that goes into the file.
struct Description {
    const Network& network;
    const Reduction& reduction;
    const KernelShape& shape;
    std::string parameterization{};
    std::vector<std::int64_t> samples{};          ///< (N): the row of each in the input
    std::optional<std::vector<double>> labels{};  ///< (N)
    bool integer_labels = true;
    std::vector<std::vector<std::uint64_t>> checksums{};  ///< [matrix]: (tiles, tiles)
    CheckReport checks{};
    Timing timing{};
    Provenance provenance{};
};

/// Writes the description into the partial file. One rank, no other has the file open. Throws Error(io).
void write_description(const std::string& path, const Description& description);

/// Makes the file durable and gives it its final name: OUT.h5, or OUT.h5.failed when a check failed. One
/// rank. Returns that name. Throws Error(io).
std::string publish(const OutputPaths& paths, bool checks_failed);

}  // namespace tangram
