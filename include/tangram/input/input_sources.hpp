#pragma once
// Which files the values of a dataset really lie in: the one that was named, and those that it refers to. A file that
// changes behind a link changes the samples, although the file that the user named stays as it is.

#include "tangram/support/hdf5.hpp"

#include <string>
#include <vector>

namespace tangram {

/// The files beside that of `root`, which the user named, that the dataset's values come from, sorted: behind an external
/// link, in raw external storage, as sources of a virtual dataset (and of those in turn). Throws
/// Error(bad_input) where raw storage or a virtual source leads out of the folder of the file that names it, or nowhere.
std::vector<std::string> linked_files(const h5::Handle& dataset, const h5::Handle& root);

/// The same of FILE:DATASET, of all its datasets where none is named; none of what is not HDF5 or not there.
std::vector<std::string> linked_files(const std::string& location);

/// Whether all values of the dataset lie in `file` itself.
bool lies_in_file(const h5::Handle& dataset, const h5::Handle& file);

}  // namespace tangram
