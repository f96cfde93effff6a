#pragma once
// Which tensors a file of factors names, and where their datasets are (input/factors.hpp). Private to input/.

#include "tangram/support/location.hpp"

#include <map>
#include <string>
#include <vector>

namespace tangram {

/// What a file says of one tensor, before anything is opened.
struct NamedFactors {
    std::string name;
    std::map<std::string, std::string> parts;  ///< "x", "s", "g": FILE[:DATASET]
};

/// The groups of an HDF5 file, or below one of its groups. Notes: datasets that are none of these.
std::vector<NamedFactors> list_groups(const FileAndName& place, std::vector<std::string>& notes);

/// The lines of a text. Throws Error(bad_input) naming the first that says nothing that is known.
std::vector<NamedFactors> list_lines(const std::string& path);

}  // namespace tangram
