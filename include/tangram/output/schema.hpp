#pragma once
// The kernel file, format "tangram", version 1: what lies where. The README has the whole table for readers.
//
//   /ntk  /components/<tensor>  /conjugate_kernels/<layer>     (n, n), chunk = tile; kernel/matrices.hpp names them
//   /parameter_gram  /parameter_blocks                         (P, P) instead of all these, with --space params
//   /outputs (N, C)  /samples (N)  /labels (N)                 by output/tile_writer.hpp and output/metadata.hpp
//   /checks  /checksums/<dataset>  /timing  /provenance        by output/metadata.hpp

#include "tangram/kernel/matrices.hpp"
#include "tangram/kernel/partition.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tangram {

inline constexpr Index format_version = 1;

enum class Precision { float32, float64 };
std::string to_string(Precision precision);
/// Throws Error(usage) on an unknown name.
Precision parse_precision(const std::string& name);
Index value_bytes(Precision precision);
/// The distance from 1 to the next number.
double rounding_unit(Precision precision);
/// The smallest positive number of full precision.
double smallest_normal(Precision precision);

/// Rows of the largest tile: one chunk of a float64 matrix then stays below the 1 GiB that one HDF5 call
/// moves.
inline constexpr Index largest_tile_rows = 8192;

/// What decides the size of everything in a kernel file.
struct KernelShape {
    Panels panels;      ///< N samples, or P parameters, in panels of T
    Index samples = 0;  ///< N
    Index outputs = 1;  ///< C
    Precision precision = Precision::float32;
    std::vector<KernelMatrix> matrices;  ///< the kernel last

    [[nodiscard]] Space space() const {
        return matrices.back().kind == MatrixKind::parameter_gram ? Space::parameters : Space::samples;
    }
    /// Rows of one matrix: N, N C for full, or P.
    [[nodiscard]] Index rows(const KernelMatrix& matrix) const {
        return panels.samples * matrix.rows_per_sample;
    }
    /// Rows of one whole tile of it.
    [[nodiscard]] Index tile_rows(const KernelMatrix& matrix) const;
    /// Bytes of all matrices.
    [[nodiscard]] Index matrix_bytes() const;
};

/// The operations of all tiles of it: of kernel/matrices.hpp or kernel/parameter_gram.hpp.
double operations_of(const Network& network, const Reduction& reduction, const KernelShape& shape);

/// The shape of a file of J^T J of `network` over N samples, in tiles of `tile` parameters. Throws as the next does.
KernelShape make_parameter_gram_shape(Index samples, std::optional<Index> tile, const Network& network,
                                      Precision precision);

/// The shape of a kernel file of N samples with these matrices, in tiles of `tile` samples (by N and the network).
/// Throws Error(usage) if the tiles are larger than HDF5 can hold in one chunk.
KernelShape make_kernel_shape(Index samples, std::optional<Index> tile, const Network& network,
                              const Reduction& reduction, Precision precision,
                              std::vector<KernelMatrix> matrices);

}  // namespace tangram
