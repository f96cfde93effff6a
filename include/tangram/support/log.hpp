#pragma once
// Log lines for people, on stderr, from rank 0 only (stdout is kept for the result). The logger is made in
// main and passed to whoever speaks; nothing here is global.

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace tangram {

using Log = spdlog::logger;

/// A logger to stderr; silent unless `speaks` (rank 0). `level` is one of trace, debug, info, warn, error,
/// off. `over_bar`: every message first erases the progress bar that may stand on its line (see draws_bar in
/// support/progress.hpp).
std::shared_ptr<Log> make_log(bool speaks, const std::string& level, bool over_bar = false);

}  // namespace tangram
