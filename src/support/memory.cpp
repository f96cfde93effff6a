#include "tangram/support/memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace tangram {

namespace {

/// The first number in a file; nothing where there is none ("max", or no such file).
std::optional<Index> number_in(const std::string& path) {
    std::ifstream file(path);
    Index number = 0;
    if (file >> number) return number;
    return std::nullopt;
}

/// MemAvailable of /proc/meminfo.
std::optional<Index> available_in_system() {
    std::ifstream file("/proc/meminfo");
    std::string name;
    Index kilobytes = 0;
    std::string unit;
    while (file >> name >> kilobytes) {
        std::getline(file, unit);
        if (name == "MemAvailable:") return kilobytes * 1024;
    }
    return std::nullopt;
}

/// What is left of a limit that may be unlimited.
std::optional<Index> left_of(const std::string& limit_file, const std::string& usage_file) {
    const std::optional<Index> limit = number_in(limit_file);
    const std::optional<Index> usage = number_in(usage_file);
    if (!limit || !usage) return std::nullopt;
    return std::max<Index>(0, *limit - *usage);
}

/// The path of this process's control group (version 2, "" at its root) below /sys/fs/cgroup.
std::string control_group() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("0::", 0) == 0) return line.substr(3) == "/" ? "" : line.substr(3);
    }
    return "";
}

}  // namespace

Index resident_memory() {
    std::ifstream file("/proc/self/statm");
    Index total_pages = 0;
    Index resident_pages = 0;
    file >> total_pages >> resident_pages;
    return resident_pages * sysconf(_SC_PAGESIZE);
}

Index peak_memory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<Index>(usage.ru_maxrss) * 1024;
}

Index available_memory() {
    const std::string group = "/sys/fs/cgroup" + control_group();
    const std::string first_version = "/sys/fs/cgroup/memory/memory.";
    Index available = std::numeric_limits<Index>::max();
    for (const std::optional<Index>& limit :
         {available_in_system(), left_of(group + "/memory.max", group + "/memory.current"),
          left_of(first_version + "limit_in_bytes", first_version + "usage_in_bytes")}) {
        if (limit) available = std::min(available, *limit);
    }
    return available == std::numeric_limits<Index>::max() ? 0 : available;
}

}  // namespace tangram
