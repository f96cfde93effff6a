#pragma once
// Is another program's kernel a part of ours? OTHER_ab = K_p(a),c+b, (a rows, b columns): columns one after another, rows any.
// The columns and p(0) are found by OTHER's first row, the other rows by a few columns that all rows of ours have in memory.

#include "tangram/compare/compared_files.hpp"

#include <string>

namespace tangram {

/// Collective. A verdict that begins with "part"; "" if it is none. Throws AgreedError.
std::string find_part(const ComparedFiles& files, double relative_limit);

}  // namespace tangram
