#pragma once
// The structure of a kernel file, all of it but its big arrays, as it was when the file was made: superblock, groups,
// descriptions of datasets. A run that dies while HDF5 rewrites them leaves a file that cannot be opened, around
// tiles that are all there. Putting the structure back makes it the file that was just created, tiles in place.

#include "tangram/file/tile_file.hpp"
#include "tangram/life/journal.hpp"

#include <string>

namespace tangram {

/// Reads the structure of the file that create_kernel_file() has just made. Throws Error(io).
FileStructure read_structure(const std::string& path, const TileFile& file);

/// Puts it back, the size of the file with it, and brings it to disk. Throws Error(io).
void restore_structure(const std::string& path, const FileStructure& structure);

}  // namespace tangram
