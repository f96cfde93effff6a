#pragma once
// What kind of file an input is, by its first bytes, and what to do with one that is not read.

#include <string>

namespace tangram {

enum class FileFormat {
    hdf5,
    npy,
    npz,
    idx,
    torch,
    pickle,
    gzip,
    matlab5,
    table,
    image,
    parquet,
    safetensors,
    zip,  ///< an archive, of whatever
    unknown
};

/// By the first bytes alone: a zip archive is one, whatever is in it.
FileFormat recognise_start(const std::string& path);

/// The same, with a look into archives and at what has no first bytes of its own: never FileFormat::zip.
FileFormat recognise_format(const std::string& path);

/// Throws Error(bad_input) that says how the `what` ("samples") get out of such a file: where Python makes a .npy of it, the
/// lines to type.
[[noreturn]] void refuse_format(const std::string& path, FileFormat format, const std::string& what);

}  // namespace tangram
