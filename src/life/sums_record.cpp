#include "tangram/life/sums_record.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/file_descriptor.hpp"
#include "tangram/support/hash.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tangram {

namespace {

std::string header_of(std::string_view identity, std::string_view bytes) {
    return fmt::format("tangram sums {:016x} {:016x}\n", checksum(identity), checksum(bytes));
}

}  // namespace

void write_sums_record(const std::string& path, std::string_view identity, std::string_view bytes) {
    const std::string beside = path + ".new";
    {
        FileDescriptor file = open_file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
        file.append(header_of(identity, bytes));
        file.append(bytes);
        file.sync_data();
    }
    if (std::rename(beside.c_str(), path.c_str()) != 0)
        fail(ExitCode::io, "cannot rename ({}): {}", beside, std::strerror(errno));
}

std::optional<std::string> read_sums_record(const std::string& path, std::string_view identity) {
    std::string text = read_what_there_is(path);
    const std::size_t end = text.find('\n');
    if (end == std::string::npos) return std::nullopt;
    const std::string_view bytes = std::string_view(text).substr(end + 1);
    if (text.substr(0, end + 1) != header_of(identity, bytes)) return std::nullopt;
    return text.substr(end + 1);
}

}  // namespace tangram
