#pragma once
// NumPy's .npy files and the members of .npz archives: a header with dtype, order and shape, then the entries. Format:
// numpy.lib.format, versions 1 to 3. Complex numbers, Python objects and structured values are refused by name.

#include "tangram/support/number_array.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Throws Error(bad_input) naming the file if it is none, of a dtype that is no number and no text, or not as long as its
/// header says.
NumberArray open_npy(const std::string& path);

/// The names that numpy.load() lists for a .npz archive.
std::vector<std::string> npz_names(const std::string& path);
/// The array `name`. Throws Error(bad_input) also where there is none of that name.
NumberArray open_npz(const std::string& path, const std::string& name);

}  // namespace tangram
