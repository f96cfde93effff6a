#pragma once
// Is another program's kernel ours with its rows in another order? OTHER_ab = K_p(a),p(b) for
//
//   output-major rows    p(r N + i) = i C + r, reduction full
//   permuted samples     p found by the diagonal, which such a change permutes: d_a = K_p(a),p(a); where several entries
//                        of it are alike, by the sums of the rows

#include "tangram/output/entry_comparison.hpp"

#include <optional>
#include <string>

namespace tangram {

struct OtherOrder {
    std::string verdict;  ///< begins with "order"
    double worst = 0;     ///< max |OTHER_ab - K_p(a),p(b)| over the rows that were compared
};

/// Collective. Nothing if no such order makes the two equal to `relative_limit` of the largest entry. `found`: as they lie.
/// Throws AgreedError.
std::optional<OtherOrder> find_order(const mpi::Communicator& world, const KernelFile& kernel,
                                     const TileFile& file, const OtherKernel& other,
                                     const EntryComparison& found, double relative_limit);

}  // namespace tangram
