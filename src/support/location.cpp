#include "tangram/support/location.hpp"

#include "tangram/support/error.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace tangram {

namespace {

bool exists(const std::string& path) {
    std::error_code ignored;
    return !path.empty() && std::filesystem::exists(path, ignored);
}

FileAndName split_at(const std::string& location, std::size_t colon) {
    if (colon == std::string::npos) return {location, ""};
    return {location.substr(0, colon), location.substr(colon + 1)};
}

}  // namespace

FileAndName split_location(const std::string& location) {
    if (exists(location)) return {location, ""};
    for (std::size_t colon = location.rfind(':'); colon != std::string::npos && colon > 0;
         colon = location.rfind(':', colon - 1)) {
        if (exists(location.substr(0, colon))) return split_at(location, colon);
    }
    const std::size_t equals = location.find('=');
    if (equals != std::string::npos && equals > 0) {
        FileAndName given = split_location(location.substr(equals + 1));
        if (exists(given.file)) return given;
    }
    return split_at(location, location.rfind(':'));  // no such file: for the message
}

void require_readable_file(const std::string& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (path.empty()) fail(ExitCode::bad_input, "the name of an input file is empty: give FILE or FILE:NAME");
    if (status.type() == std::filesystem::file_type::not_found) {
        fail(ExitCode::bad_input, "no such file ({}): check the path", path);
    }
    if (error)
        fail(ExitCode::bad_input, "cannot read the file ({}): {}: check its permissions", path,
             error.message());
    if (std::filesystem::is_directory(status)) {
        fail(ExitCode::bad_input, "this is a directory, not a file ({}): name a file in it", path);
    }
    if (!std::filesystem::is_regular_file(status)) {
        fail(ExitCode::bad_input, "this is no regular file ({}): copy what it gives to a file first", path);
    }
    if (access(path.c_str(), R_OK) != 0) {
        fail(ExitCode::bad_input, "cannot read the file ({}): {}: check its permissions", path,
             std::strerror(errno));
    }
}

}  // namespace tangram
