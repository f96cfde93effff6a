#include "tangram/output/schema.hpp"

#include "tangram/support/error.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace tangram {

namespace fs = std::filesystem;

std::string to_string(Precision precision) {
    return precision == Precision::float32 ? "float32" : "float64";
}

Precision parse_precision(const std::string& name) {
    if (name == "float32") return Precision::float32;
    if (name == "float64") return Precision::float64;
    fail(ExitCode::usage, "unknown precision '{}': use float32 or float64", name);
}

Index value_bytes(Precision precision) {
    return precision == Precision::float32 ? 4 : 8;
}

Index KernelShape::tile_rows(const KernelMatrix& matrix) const {
    return std::min(panels.panel_size, panels.samples) * matrix.rows_per_sample;
}

Index KernelShape::matrix_bytes() const {
    Index bytes = 0;
    for (const KernelMatrix& matrix : matrices) bytes += rows(matrix) * rows(matrix) * value_bytes(precision);
    return bytes;
}

OutputPaths::OutputPaths(const std::string& output)
    : finished(output), partial(output + ".partial"), failed(output + ".failed") {
    const fs::path parent = fs::path(output).parent_path();
    directory = parent.empty() ? "." : parent.string();
}

void require_writable(const OutputPaths& paths, bool overwrite, const std::vector<std::string>& inputs) {
    std::error_code ignored;
    for (const std::string& input : inputs) {
        if (fs::equivalent(paths.finished, input, ignored)) {
            fail(ExitCode::usage, "the output is one of the inputs ({}): choose another --output",
                 paths.finished);
        }
    }
    if (!fs::exists(paths.directory, ignored)) {
        fail(ExitCode::io, "no directory to write to ({}): create it first", paths.directory);
    }
    if (!fs::is_directory(paths.directory, ignored)) {
        fail(ExitCode::io, "not a directory ({}): choose another --output", paths.directory);
    }
    if (access(paths.directory.c_str(), W_OK | X_OK) != 0) {
        fail(ExitCode::io, "no permission to write in the directory ({}): choose another --output",
             paths.directory);
    }
    for (const std::string& path : {paths.finished, paths.partial, paths.failed}) {
        if (fs::is_directory(path, ignored)) {
            fail(ExitCode::io, "a directory is in the output's place ({}): choose another --output", path);
        }
    }
    if (overwrite) return;
    if (fs::exists(paths.finished, ignored)) {
        fail(ExitCode::usage,
             "the output is there already ({}): choose another --output, or replace it with --overwrite",
             paths.finished);
    }
    if (fs::exists(paths.partial, ignored)) {
        fail(ExitCode::usage,
             "another run is writing this output, or was cut off ({}): start afresh with --overwrite",
             paths.partial);
    }
}

}  // namespace tangram
