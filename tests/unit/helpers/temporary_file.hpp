#pragma once
// Files that a test writes, and the errors that it provokes.

#include "tangram/support/error.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace tangram::test {

/// A path that no other process uses; whatever is there is removed at the end.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& name, const std::string& bytes = "") {
        static int count = 0;
        path_ = (std::filesystem::temp_directory_path() /
                 ("tangram_test_" + std::to_string(getpid()) + "_" + std::to_string(count++) + "_" + name))
                    .string();
        if (!bytes.empty()) std::ofstream(path_, std::ios::binary) << bytes;
    }
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

/// The message of the Error with exit code `code` that `work` throws; otherwise a text that says what
/// happened instead.
inline std::string error_of(ExitCode code, const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        const std::string message = error.what();
        if (error.code() != code) {
            return fmt::format("(exit code {}) {}", static_cast<int>(error.code()), message);
        }
        return message.find('\n') == std::string::npos ? message : "(more than one line) " + message;
    } catch (const std::exception& error) {
        return fmt::format("(not an Error) {}", error.what());
    }
    return "(no error)";
}

/// Whether `text` contains `part`; for an empty part whether anything went wrong at all.
inline bool says(const std::string& text, const std::string& part) {
    return !text.starts_with('(') && text.find(part) != std::string::npos;
}

}  // namespace tangram::test
