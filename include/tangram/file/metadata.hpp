#pragma once
// The second phase of writing: strings, attributes and small tables, which parallel HDF5 cannot write, by
// rank 0 alone. All of it comes as data: what it means is known by those who hand it over.
//
//   /  /samples (N)  /labels (N)  /targets (N, C)  /sample_hashes (N)  and the same of test samples  /parameter_blocks  /diagonal
//   /component_diagonals/<tensor>  /neighbours (rows, K)  /measures  /checks  /checksums/<dataset> (tiles, tiles)  /timing (phases, ranks)  /provenance

#include "tangram/file/measure_record.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/file/timing.hpp"
#include "tangram/grid/shape.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// What is known of one set of samples.
struct SampleRecord {
    std::vector<std::int64_t> rows;     ///< (N): the row of each in the input
    std::vector<std::uint64_t> hashes;  ///< (N): XXH3 of each as the network sees it, in float64
    struct Labels {
        bool integers = true;
        std::vector<double> values;        ///< (N)
        std::vector<std::string> classes;  ///< of labels that were texts
    };
    std::optional<Labels> labels;
    Matrix<double> targets;  ///< (N, C); empty where there are none
};

/// One line of the table of components in /checks.
struct ComponentRecord {
    std::string name;
    double relative_error = 0, normalized_error = 0, scale = 0, probe_error = 0;
    std::string remark{};  ///< what these do not say
};

/// What the checks found.
struct CheckRecord {
    bool passed = true;
    bool run = false;                   ///< whether the tables below are there
    std::vector<Attribute> attributes;  ///< of /checks
    std::vector<ComponentRecord> components;
    std::vector<std::int64_t> samples, test_samples;  ///< that were compared with explicit Jacobians
    Matrix<double> jacobian_ntk, layerwise_ntk;       ///< of these; may be empty
};

/// Of one tensor.
struct TensorDiagonal {
    std::string tensor, dataset;  ///< its name, and that of its dataset
    Matrix<double> blocks;        ///< (M, rows_each^2)
};

/// Kernels of the row samples with themselves, (M) or, for full, (M, C, C): the sum, and each tensor's.
struct DiagonalRecord {
    bool is_full = false;
    Index rows_each = 1;
    Matrix<double> total;  ///< (M, rows_each^2)
    std::vector<TensorDiagonal> components;
};

/// The entries of each row that are largest and smallest, (rows, K), best first, with their columns.
struct NeighbourRecord {
    Index K = 0;
    bool with_own = false;  ///< whether a row's own sample was among those that were looked at
    std::vector<double> largest, smallest;
    std::vector<std::int64_t> largest_columns, smallest_columns;
};

/// Everything small that goes into the file.
struct KernelMetadata {
    const Shape& shape;
    std::vector<Attribute> root;  ///< beside format, software, date and status
    Index outputs = 1;            ///< C
    SampleRecord samples{};
    std::optional<SampleRecord> test{};
    std::optional<DiagonalRecord> diagonal{};
    std::optional<NeighbourRecord> neighbours{};
    std::optional<MeasureRecord> measures{};
    std::vector<std::vector<std::uint64_t>> checksums{};  ///< [matrix]: (row panels, column panels)
    CheckRecord checks{};
    Timing timing{};
    Provenance provenance{};
};

/// Writes it all into the partial file, and a checksum of it (file/contents_checksum.hpp), after which nothing
/// may be written to the file. One rank, no other has the file open. Throws Error(io).
void write_metadata(const std::string& path, const KernelMetadata& metadata);

}  // namespace tangram
