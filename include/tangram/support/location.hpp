#pragma once
// Where an input lies: FILE, or FILE:NAME with NAME a dataset or a group in it; what a graph's input is given is INPUT=FILE[:NAME].

#include <string>

namespace tangram {

/// "FILE:NAME" split at the colon whose left side is an existing file; `name` is empty where none was given, and "INPUT=" is left
/// out where what follows it exists.
struct FileAndName {
    std::string file;
    std::string name;
};
FileAndName split_location(const std::string& location);

/// Throws Error(bad_input) unless `path` is a regular file that can be read, without waiting on one that is a
/// pipe.
void require_readable_file(const std::string& path);

}  // namespace tangram
