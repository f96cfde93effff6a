#include "tangram/input/tensor_choice.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace tangram {

namespace {

void require_matches(const char* option, const std::vector<std::string>& patterns,
                     const std::set<std::string>& names, const std::string& path) {
    for (const std::string& pattern : patterns) {
        if (std::any_of(names.begin(), names.end(),
                        [&](const auto& name) { return matches_any(name, {pattern}); }))
            continue;
        const std::vector<std::string> all(names.begin(), names.end());
        fail(ExitCode::usage, "{} {}: no tensor of {} has such a name (there are {})", option,
             printable(pattern), path, name_some(all));
    }
}

}  // namespace

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    });
}

void require_that_patterns_match(const GraphOptions& options, const std::set<std::string>& names,
                                 const std::string& path) {
    require_matches("--wrt", options.wrt, names, path);
    require_matches("--frozen", options.frozen, names, path);
}

}  // namespace tangram
