#include "tangram/support/log.hpp"

#include "tangram/support/error.hpp"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace tangram {

std::shared_ptr<Log> make_log(bool speaks, const std::string& level, bool over_bar) {
    const auto parsed = spdlog::level::from_str(level);
    if (parsed == spdlog::level::off && level != "off") {
        fail(ExitCode::usage, "unknown log level '{}': use trace, debug, info, warn, error or off", level);
    }
    std::shared_ptr<Log> log;
    if (speaks) {
        log = std::make_shared<Log>("tangram", std::make_shared<spdlog::sinks::stderr_sink_st>());
    } else {
        log = std::make_shared<Log>("tangram", std::make_shared<spdlog::sinks::null_sink_st>());
    }
    log->set_level(parsed);
    log->set_pattern(over_bar ? "\r\033[Ktangram: %v" : "tangram: %v");
    return log;
}

}  // namespace tangram
