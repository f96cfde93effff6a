#pragma once
// What another program's kernel may be that is no sum of components of ours. Each hypothesis says what row a of OTHER would
// be, up to one factor:
//
//   centred           H K H, H = 1 - 1 1^T / n; H K or K H alone, which is asymmetric where K is symmetric
//   triangle          the lower or the upper one alone, the other zero
//   rows or columns   in another order than the other axis; which, by their sums
//
// The last two are tried only where OTHER is asymmetric and should not be.

#include "tangram/compare/entry_comparison.hpp"
#include "tangram/compare/recognition.hpp"

#include <optional>
#include <string>

namespace tangram {

/// How far OTHER is from its mirror image, if it should be that.
struct Asymmetry {
    double worst = 0;  ///< max |OTHER_ij - OTHER_ji|
    Index row = 0, column = 0;
    double above = 0, below = 0;  ///< the largest entry on either side of the diagonal
};

/// Collective. None where ours is not symmetric. The same on every rank. Throws AgreedError.
Asymmetry measure_asymmetry(const ComparedFiles& files);

/// Collective. A verdict that begins with "centred" or "asymmetric"; nothing if no hypothesis holds in every entry.
/// `found`: OTHER as it lies against ours. Throws AgreedError.
std::optional<std::string> find_by_rows(const ComparedFiles& files, const KernelFacts& facts,
                                        const EntryComparison& found, const Asymmetry& asymmetry,
                                        double relative_limit);

}  // namespace tangram
