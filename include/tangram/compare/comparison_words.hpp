#pragma once
// What a comparison found, in words and as lines of a table. EntryComparison remembers no limit: `tolerance` is the one that it
// was made with.

#include "tangram/compare/entry_comparison.hpp"
#include "tangram/compare/explanation.hpp"
#include "tangram/compare/row_hypotheses.hpp"

#include <string>

namespace tangram {

double relative(double difference, double largest);

/// "the worst tile has rows 0 to 15 and columns 32 to 47, off by .. at row .., column ..".
std::string worst_place(const Shape& shape, const EntryComparison& found);

/// Lines of a table.
std::string numbers_of(const Shape& shape, const EntryComparison& found, double tolerance);
std::string table_of(const Explanation& explanation);

bool only_few_tiles(const EntryComparison& found);
std::string few_tiles_in_words(const Shape& shape, const EntryComparison& found);

/// "; it is asymmetric: ..", "" if it is not.
std::string asymmetry_in_words(const EntryComparison& found, const Asymmetry& asymmetry, double tolerance);

}  // namespace tangram
