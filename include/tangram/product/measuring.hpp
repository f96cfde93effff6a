#pragma once
// Statistics of matrices whose tiles only come by: what the threads add up of each block that they have made, before they hand it on.
//
//   of a block K (rows, cols)     row_sums_is  = sum_j K_{i,js}         column_sums_jr = sum_i K_{ir,j}    R of them a row or column
//                                 products_i   = sum_j v_j K_ij         sizes_i = sum_j |K_ij|             and by column: the probe of the checks
//                                 own_is       = K_{i,is}               on the diagonal of a symmetric matrix: a sample with itself
//                                 squares      = sum K_ij^2             aligned = sum K_ij T_ij            largest = max |K_ij|
//                                 classes_ab   = sum of K_ij, i of class a, j of class b
//   of a tile                     gram_ab      = sum_ij K^a_ij K^b_ij    of the matrices of a group among themselves
//                                 difference_ab = sum_ij (K^a_ij - K^b_ij)^2    of pairs of them: from Gram entries it would cancel
//
// T = Y Y^T is the kernel of the targets, one more matrix, which is made row by row where it is needed and never as a whole. Sums of
// matrices of the loop can be measured too: the kernel of one network of several that are computed as one. R: rows
// of a sample, 1 but for reduction full, where i = (sample, r) and R sums are kept of each row, one an output s.
//
// Sums of one row are in float64, those over rows in double-double (support/double_double.hpp). What centring takes differences of is summed
// of y = K 2^-e - c, e the exponent of the block's largest entry and c the mean of its entries, so that nothing over- or underflows and a
// kernel that is nearly constant keeps its digits: sums, squares and Grams of K follow from those of y in double-double. A block's numbers follow from the block alone:
//
//            thread                                   main thread (product/measure_sums.hpp)
//   tile --> block of a matrix --> record of it ..... added to the rank's sums; the block is stored, or dropped

#include "tangram/grid/plane_queue.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/support/double_double.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tangram {

/// More classes have no table of means: it would be the largest thing in the file.
inline constexpr Index most_measured_classes = 128;

/// What the samples should be, Y 2^exponent: (kernel rows, columns) of rows and columns of the matrix, entries about 1 or less.
struct MeasuredTargets {
    Matrix<double> rows, columns;
    int exponent = 0;
};

/// Of each sample the number of its class.
struct MeasuredClasses {
    std::vector<Index> rows, columns;
    Index of_rows = 1, of_columns = 1;  ///< how many there are
};

/// What is measured, settled before the first tile.
struct Measuring {
    Shape shape;  ///< of what the tile loop makes
    std::vector<Index>
        place;  ///< [matrix of the shape]: among those measured, the total first; or not_measured
    std::vector<std::string>
        names;  ///< of those measured: "ntk", tensors, then sums, then "targets" where given
    std::vector<std::vector<Index>> sums;              ///< matrices that are sums of others, by place
    std::vector<double> signs;                         ///< v: one a column
    std::vector<double> row_signs;                     ///< the same, of the rows: those of a symmetric matrix
    std::vector<std::vector<Index>> groups;            ///< whose Grams are made, by place
    std::vector<std::pair<Index, Index>> differences;  ///< by place; both in a group
    std::optional<MeasuredTargets> targets;
    bool targets_are_classes = false;  ///< T_ij is the same for all pairs of one class, and zero for others
    MeasuredClasses classes;           ///< one class of all samples where they have none

    [[nodiscard]] Index rows_each() const { return shape.total().rows_each; }
    [[nodiscard]] Index measured() const { return static_cast<Index>(names.size()); }
    /// Without T.
    [[nodiscard]] Index matrices() const { return measured() - (targets ? 1 : 0); }
    /// Those that no plane of their own brings: sums, and T.
    [[nodiscard]] Index extras() const { return static_cast<Index>(sums.size()) + (targets ? 1 : 0); }
    [[nodiscard]] Index first_extra() const { return measured() - extras(); }
    /// Whether a tile's matrices are kept until its last one.
    [[nodiscard]] bool keeps_tiles() const { return !groups.empty() || !sums.empty(); }
    /// Entries of all Grams, a >= b.
    [[nodiscard]] Index gram_entries() const;
};
inline constexpr Index not_measured = -1;

/// Of the total and all components of `shape`, without targets, classes and Grams. `seed`: of the probe's signs.
Measuring make_measuring(const Shape& shape, std::uint64_t seed);
/// One more matrix, the sum of others, by place; returns its own. Before the targets.
Index add_sum(const std::string& name, std::vector<Index> terms, Measuring& measuring);
/// T becomes the last of the matrices.
void add_targets(MeasuredTargets targets, Measuring& measuring);

/// Where the numbers of one block lie in its record, in float64.
struct BlockRecord {
    double* data;
    Index rows, cols, R, classes;  ///< room for so many: of a whole tile
    [[nodiscard]] double& exponent() const { return data[0]; }
    [[nodiscard]] double& largest() const { return data[1]; }
    [[nodiscard]] double& shift() const { return data[2]; }      ///< c
    [[nodiscard]] double* squares() const { return data + 3; }   ///< hi, lo
    [[nodiscard]] double* aligned() const { return data + 5; }   ///< hi, lo
    [[nodiscard]] double* row_sums() const { return data + 7; }  ///< of y
    [[nodiscard]] double* own() const { return row_sums() + rows * R; }
    [[nodiscard]] double* products() const { return own() + rows * R; }
    [[nodiscard]] double* sizes() const { return products() + rows; }
    [[nodiscard]] double* column_sums() const {
        return sizes() + rows;
    }  ///< of y, [output of the row][column of the block]
    [[nodiscard]] double* column_products() const { return column_sums() + cols * R; }
    [[nodiscard]] double* column_sizes() const { return column_products() + cols; }
    [[nodiscard]] double* class_sums() const { return column_sizes() + cols; }
    [[nodiscard]] Index values() const { return 7 + rows * (2 * R + 2) + cols * (R + 2) + classes; }
};

/// The record that a plane brings: of its matrix; of the total also of the extras, and the tile's Grams.
struct PlaneRecord {
    BlockRecord matrix;
    Index extras;
    double* exponents;    ///< [measured]
    double* gram;         ///< hi, lo of each entry, group by group, row by row of the lower triangle
    double* differences;  ///< hi, lo of each, in units of the larger exponent's square
    [[nodiscard]] BlockRecord extra(Index k) const {
        BlockRecord record = matrix;
        record.data += (k + 1) * matrix.values();
        return record;
    }
};
PlaneRecord record_at(const Measuring& measuring, double* data);
/// Values of one.
Index record_values(const Measuring& measuring);

/// What a thread needs to make records: the sums over columns by class of row, some rows of T, some rows of a group's matrices, the units
/// of a tile's matrices, a group's sums.
struct MeasureScratch {
    explicit MeasureScratch(const Measuring& measuring);
    AlignedBuffer<double> column_sums, targets, strip, gram, exponents, shifts, sums;
};
Index scratch_values(const Measuring& measuring);

/// Values of all matrices of one tile, where they are kept until its last one.
Index kept_values(const Measuring& measuring);

/// Makes the record of a plane that is no mirror, at `record`. Nothing of a matrix that is not measured. `kept`: of its tile. Allocates
/// nothing.
template <class T>
void measure(const Measuring& measuring, const FinishedPlane<T>& plane, T* kept,
             const MeasureScratch& scratch, double* record);

}  // namespace tangram
