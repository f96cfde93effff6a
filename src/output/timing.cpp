#include "tangram/output/timing.hpp"

#include <sys/resource.h>

namespace tangram {

Index peak_memory_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<Index>(usage.ru_maxrss) * 1024;
}

}  // namespace tangram
