#pragma once
// One checksum of everything in a kernel file that is not a tile: the tiles have theirs, but the strings and
// small tables of an HDF5 file have none, so that a flipped bit in them would be read as another number.
//
//   for every group and dataset, in the order of their paths:
//     path;  every attribute, by name: type, shape, values;  of a dataset type, shape, and, unless it holds tiles,
//     values
//
// The same of each group and dataset alone is in the attribute `objects`, a line each, so that what was changed can be named.
//
// It is stored last, as the attribute `contents` of /checksums, which the walk leaves out.

#include "tangram/support/hdf5.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace tangram {

inline constexpr const char* contents_attribute = "contents";

/// Writes the checksums of all objects that are there, and that of all, these too. `matrices`: the paths of the
/// datasets whose values are tiles. Nothing may be written afterwards. Throws Error(io).
void record_contents(const h5::Handle& file, const std::set<std::string>& matrices);

/// The paths of the objects that are not as record_contents() found them; none of a file that has no such lines. Throws
/// Error(io).
std::vector<std::string> changed_objects(const h5::Handle& file, const std::set<std::string>& matrices);

/// XXH3-64 as above; `matrices`: the paths of the datasets whose values are tiles. Throws Error(io).
std::uint64_t contents_checksum(const h5::Handle& file, const std::set<std::string>& matrices);

/// Throws Error(io) where the stored length of a string in a dataset of the file `path`, opened as `file` to be read, is
/// more than a megabyte: HDF5 would believe it, and take gigabytes of memory for it. To be called before anything
/// reads the strings.
void require_sensible_texts(const h5::Handle& file, const std::string& path);

}  // namespace tangram
