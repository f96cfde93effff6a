#pragma once
// The numbers of `tangram bench`, as a table for people and as JSON for programs.

#include "tangram/support/matrix.hpp"

#include <string>
#include <vector>

namespace tangram {

/// A number that was measured once a round.
struct Spread {
    double median = 0;
    double least = 0;
    double most = 0;
};

/// Of at least one value.
Spread spread(std::vector<double> values);

struct BenchReport {
    std::string software;  ///< with its version
    std::string blas_library, blas_kernel;
    Index nodes = 1;
    Index ranks = 1;
    Index threads = 1;  ///< a rank
    Index grid_rows = 1;
    Index grid_columns = 1;

    std::vector<std::int64_t> widths;  ///< of the random network; none: that of a file
    std::string model;
    Index parameters = 0;
    std::string reduction, components, precision;
    Index samples = 0;
    Index tile = 0;  ///< samples a panel
    Index panels = 0;
    Index matrices = 0;
    double operations = 0;           ///< of all tiles, with those of making rows of J once for each sample
    double making_operations = 0;    ///< the latter
    double features_operations = 0;  ///< of products
    Index rounds = 0;

    Spread gemm_peak;          ///< operations a second, of all ranks and threads
    Spread features;           ///< samples a second
    Spread features_fraction;  ///< of the float64 peak of the same round
    Spread exchange_seconds;
    double exchange_bytes = 0;          ///< that an active rank receives, on average
    double exchange_formula_bytes = 0;  ///< the least: N D (1/r + 1/c - 2/P) values
    Spread assembly;                    ///< operations a second
    Spread assembly_fraction;           ///< of the peak of the same round
    Spread assembly_without_writing;
    Spread assembly_without_writing_fraction;
    Index write_bytes = 0;
    Spread tile_write;      ///< bytes a second, of all ranks
    Spread plain_write;     ///< of one rank
    Index peak_memory = 0;  ///< bytes, of the rank with most

    /// 1 where nothing is to be exchanged.
    [[nodiscard]] double exchange_ratio() const;
    [[nodiscard]] double tile_write_ratio() const { return tile_write.median / plain_write.median; }
};

std::string to_table(const BenchReport& report);
std::string to_json(const BenchReport& report);

}  // namespace tangram
