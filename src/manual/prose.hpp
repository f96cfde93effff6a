#pragma once
// What manual pages say beyond the tables of commands and options.

#include <string>
#include <vector>

namespace tangram::manual {

/// Of tangram itself, after its name.
inline constexpr const char* summary =
    "neural tangent kernels of neural networks, tensor by tensor and verified";

struct Term {
    std::string name, meaning;
};

struct Example {
    std::string what;
    std::string call;  ///< runs as it stands, once the calls of the pages before it have run
};

struct Prose {
    std::vector<std::string> description{};  ///< paragraphs
    std::vector<Term> environment{}, files{};
    std::vector<Example> examples{};
};

/// Of the page of a command, or of tangram(1), ""; nothing of a command that there is nothing to say of.
Prose prose_of(const std::string& command);

}  // namespace tangram::manual
