#include "allocations.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

/// What this thread has taken since counting began; new and delete have no other place to keep it.
struct Count {
    long long now = 0;
    long long most = 0;
};
thread_local Count count;

}  // namespace

// The whole test program allocates through these: every form that ends in one of the deletes below,
// so that no block is freed by another allocator than its own.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    void* memory = std::malloc(bytes);  // NOLINT(cppcoreguidelines-no-malloc)
    if (memory == nullptr) return nullptr;
    count.now += static_cast<long long>(malloc_usable_size(memory));
    count.most = std::max(count.most, count.now);
    return memory;
}

void* operator new(std::size_t bytes) {
    void* memory = operator new(bytes, std::nothrow);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void operator delete(void* memory) noexcept {
    if (memory == nullptr) return;
    count.now -= static_cast<long long>(malloc_usable_size(memory));
    std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc)
}

void operator delete(void* memory, std::size_t) noexcept {
    operator delete(memory);
}

namespace tangram::test {

void watch_allocations() {
    count = {};
}

std::size_t most_allocated() {
    return static_cast<std::size_t>(count.most);
}

}  // namespace tangram::test
