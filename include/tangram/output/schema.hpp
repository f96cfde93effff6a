#pragma once
// The kernel file, format "tangram", version 1: what lies where. The README has the whole table for readers.
//
//   /ntk  /components/<tensor>  /conjugate_kernels/<layer>      (n, n), chunk = tile     kernel/matrices.hpp
//   names them /outputs (N, C)   /samples (N)   /labels (N)   /checks   /checksums/<dataset>   /timing
//   /provenance
//
// OUT.h5.partial is being written, OUT.h5 is whole and its checks passed, OUT.h5.failed is whole and a check
// failed.

#include "tangram/kernel/matrices.hpp"
#include "tangram/kernel/partition.hpp"

#include <string>
#include <vector>

namespace tangram {

inline constexpr Index format_version = 1;

enum class Precision { float32, float64 };
std::string to_string(Precision precision);
/// Throws Error(usage) on an unknown name.
Precision parse_precision(const std::string& name);
Index value_bytes(Precision precision);

/// What decides the size of everything in a kernel file.
struct KernelShape {
    Panels panels;      ///< N samples in panels of T
    Index outputs = 1;  ///< C
    Precision precision = Precision::float32;
    std::vector<KernelMatrix> matrices;  ///< the kernel last

    /// Rows of one matrix: N, or N C for full.
    [[nodiscard]] Index rows(const KernelMatrix& matrix) const {
        return panels.samples * matrix.rows_per_sample;
    }
    /// Rows of one whole tile of it.
    [[nodiscard]] Index tile_rows(const KernelMatrix& matrix) const;
    /// Bytes of all matrices.
    [[nodiscard]] Index matrix_bytes() const;
};

struct OutputPaths {
    explicit OutputPaths(const std::string& output);
    std::string finished;   ///< OUT.h5
    std::string partial;    ///< OUT.h5.partial
    std::string failed;     ///< OUT.h5.failed
    std::string directory;  ///< that of OUT.h5
};

/// Refuses an output that is there already (unless `overwrite`), cannot be made, or is one of the `inputs`.
/// One rank. Throws Error(usage) or Error(io).
void require_writable(const OutputPaths& paths, bool overwrite, const std::vector<std::string>& inputs);

}  // namespace tangram
