#include "tangram/support/memory.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
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

/// The number after a name in a file of lines "name number"; 0 where there is none.
Index number_after(const std::string& wanted, const std::string& path) {
    std::ifstream file(path);
    std::string name;
    for (Index number = 0; file >> name >> number;) {
        if (name == wanted) return number;
    }
    return 0;
}

/// What is left of the limit of a control group in `folder`, which may be unlimited. Its page cache counts as
/// used there, and makes room when that is needed.
std::optional<Index> left_of_group(const std::string& folder) {
    const std::optional<Index> limit = number_in(folder + "/memory.max");
    const std::optional<Index> usage = number_in(folder + "/memory.current");
    if (!limit || !usage) return std::nullopt;
    const Index cache = number_after("inactive_file", folder + "/memory.stat");
    return std::max<Index>(0, *limit - *usage + cache);
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

std::optional<Index> available_memory() {
    std::optional<Index> available = available_in_system();
    const auto limit_to = [&](std::optional<Index> limit) {
        if (limit) available = std::min(available.value_or(*limit), *limit);
    };
    // A limit may sit on any group above: batch systems put it on the job.
    const std::string root = "/sys/fs/cgroup";
    for (std::string group = control_group(); !group.empty(); group.resize(group.rfind('/')))
        limit_to(left_of_group(root + group));
    return available;
}

bool has_address_space(Index bytes) {
    if (bytes <= 0) return true;
    void* const place =
        mmap(nullptr, at(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) return false;
    munmap(place, at(bytes));
    return true;
}

}  // namespace tangram
