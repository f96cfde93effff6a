#pragma once
// What a rank has added up of the tiles that it made, on disk for a run that goes on later: one file a rank, OUT.h5.sums.G.R, replaced as a
// whole at every checkpoint.
//
//   tangram sums <XXH3 of the identity> <XXH3 of the bytes>\n<bytes>      both in 16 hexadecimal digits
//
// A record of another identity, or one that was half written, is not believed: its tiles are made again.

#include "tangram/life/lifecycle.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tangram {

/// Writes it beside the old one, brings it to disk and puts it in its place. Throws Error(no_resources) or Error(io).
void write_sums_record(const std::string& path, std::string_view identity, std::string_view bytes);

/// Its bytes; nothing where it is not to be believed.
std::optional<std::string> read_sums_record(const std::string& path, std::string_view identity);

}  // namespace tangram
