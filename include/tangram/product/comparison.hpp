#pragma once
// A product's matrices on a few check samples against explicit Jacobians (tangent/reference/):
//
//   samples x samples    stored entries at the check samples, (M', N'), against J_row J_column^T of each tensor
//   params x params      the tile routine over the check samples alone, all P x P entries, against J^T J
//
// and how an error is measured, by matrix (or, for parameters, by tensor):
//
//   relative     max |K - K_ref| / max |K_ref|          normalized   max |K - K_ref|_ij / sqrt(K_ref_ii K_ref_jj)
//   scale        least-squares s in K = s K_ref; 1 where both are zero
//
// A component underflows where the size sqrt(K_ref_ii K_ref_jj) of an entry is not zero and below the smallest number of full
// precision, or where the entry is stored as less than that number and is not less: factors of it were.
//
// A component is zero within rounding where every entry, stored and explicit, is at most u^2 A_i A_j: what is left where the
// terms of every gradient cancel (tangent/reference/cancellation.hpp). Its errors are then measured against A_i A_j.
//
// Of parameters sqrt(K_ref_ii) is no less than 64 u64 / tolerance of the largest, u64 the rounding of float64: where the terms of a
// parameter's gradient cancel, what is left is no size to hold errors against.
//
// Entries of a rectangular matrix may all be small because gradients of the two sets are nearly orthogonal: what rounding does
// in them is then measured against entry_sizes, max sqrt(K_ref_ii K_ref_jj), which for a square matrix is max |K_ref|.

#include "tangram/grid/shape.hpp"
#include "tangram/product/problem.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace tangram {

inline constexpr double not_computed = std::numeric_limits<double>::quiet_NaN();

/// One component against the explicit Jacobian; for J^T J, the rows of one tensor's parameters.
struct ComponentCheck {
    std::string name;
    double relative_error = not_computed;
    double normalized_error = not_computed;
    double scale = not_computed;
    double size = 0;                    ///< max |K_ref|
    double probe_error = not_computed;  ///< max_i |K v - J J^T v|_i / (|K| |v|)_i over all rows
    bool too_small =
        false;  ///< all its entries are below what can be judged in the precision that they are stored in
    bool zero_within_rounding = false;  ///< and so measured against what cancelled in it
    bool underflows = false;  ///< entries that are not zero lie as zeros, or with fewer digits, in the file
    std::size_t matrix = 0;   ///< of the shape, that it is about,
    PanelRange rows{};        ///< and which of its rows

    /// Whether its entries agree with the explicit Jacobian. As long as one of the errors is a NaN, they do not.
    [[nodiscard]] bool entries_agree(double tolerance) const {
        return relative_error <= tolerance && normalized_error <= tolerance;
    }
    /// Whether it agrees with the probe as well, which comes last.
    [[nodiscard]] bool passed(double tolerance) const {
        return entries_agree(tolerance) && probe_error <= tolerance;
    }
};

/// Check samples of one set, with all that explicit Jacobians need.
struct CheckSet {
    std::vector<std::int64_t> samples;      ///< (M): which of the set
    Matrix<double> X;                       ///< (M, d_0)
    std::vector<SampleGradient> gradients;  ///< (M)
    std::vector<bool> excluded;             ///< (M): near a kink, not to be compared
};

/// Reads stored entries of a matrix, from (row, col) on, all of them in one tile.
using ReadEntries = std::function<void(std::size_t matrix, Index row, Index col, MatrixView<double> out)>;

struct ExplicitComparison {
    std::vector<ComponentCheck> components;
    ComponentCheck total;
    Matrix<double> reference, stored;  ///< the total on the check samples; empty for parameters
    std::vector<double>
        entry_sizes;  ///< by matrix of the shape; 0 of symmetric ones that are not zero within rounding
};

/// What a comparison is made of. `rows` and `columns` are one and the same for a symmetric product.
struct ComparisonInputs {
    const mpi::Communicator& world;
    const Problem& problem;
    const Shape& shape;
    const CheckSet& rows;
    const CheckSet& columns;
    const ReadEntries& read_entries;
    const std::vector<Tile>& tiles;  ///< this rank's
    int threads;
    double tolerance;
};

/// Collective; ranks share the work, the result is the same on all.
ExplicitComparison compare_samples(const ComparisonInputs& inputs);
ExplicitComparison compare_parameters(const ComparisonInputs& inputs);

/// max |diagonal - J_i J_i^T| / |J_i J_i^T| over the rows' check samples: of the total kernel of each with itself, (M, R' R') as
/// the file will have it. 0 / 0 is no error.
double diagonal_error(const ComparisonInputs& inputs, const Matrix<double>& diagonal);

}  // namespace tangram
