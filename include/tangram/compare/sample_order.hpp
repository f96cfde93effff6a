#pragma once
// Is another program's kernel ours with its rows and columns in another order? OTHER_ab = K_p(a),q(b) for
//
//   output-major rows    p(r M + i) = i C + r, and the same of the columns, reduction full
//   permuted samples     q = p, found by the diagonal, which such a change permutes: d_a = K_p(a),p(a); where several entries
//                        of it are alike, by the sums of the rows
//   permuted test samples, samples, or both, of a kernel that has no diagonal: p by the sums of the rows, which no order of
//                        the columns changes, and q by those of the columns; where several are alike, by the sums of squares

#include "tangram/compare/entry_comparison.hpp"

#include <optional>
#include <string>

namespace tangram {

struct OtherOrder {
    std::string verdict;  ///< begins with "order"
    double worst = 0;     ///< max |OTHER_ab - K_p(a),q(b)| over the rows that were compared
};

/// Collective. Nothing if no such order makes the two equal to `relative_limit` of the largest entry. `found`: as they lie.
/// Throws AgreedError.
std::optional<OtherOrder> find_order(const ComparedFiles& files, const EntryComparison& found,
                                     double relative_limit);

/// "2 of 60 rows are elsewhere (its row 7 is row 41 here, ..)": row (or column) a of OTHER is row p(a).
std::string permutation_in_words(const std::vector<Index>& p, const std::string& what = "row");

}  // namespace tangram
