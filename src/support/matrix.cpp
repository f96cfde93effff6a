#include "tangram/support/matrix.hpp"

#include <sys/mman.h>

namespace tangram {

void* allocate(std::size_t bytes) {
    constexpr std::size_t line = 64;
    constexpr std::size_t page = 4096;
    constexpr std::size_t huge_page = std::size_t{1} << 21;
    const std::size_t alignment = bytes >= huge_page               ? huge_page
                                  : bytes >= at(page_aligned_from) ? page
                                                                   : line;
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory == nullptr) throw std::bad_alloc();
    // Only advice. Without huge pages every row of a wide matrix is a page of its own, and packing it for
    // gemm misses the TLB at each.
    if (alignment == huge_page) madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

}  // namespace tangram
