#pragma once
// The memory that a piece of work takes on all of its threads, as malloc counts it.

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#ifdef __SANITIZE_ADDRESS__  // its malloc counts for itself; not every compiler brings the header
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace tangram::test {

/// Bytes in use.
inline std::int64_t bytes_in_use() {
#ifdef __SANITIZE_ADDRESS__
    return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
#else
    const struct mallinfo2 info = mallinfo2();
    return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
#endif
}

/// The most bytes in use at one time while work(look) ran, beyond those at its beginning: looked at by a
/// thread every 50 microseconds, and where work calls look(), for on busy cores that thread may sleep through
/// all of it. A lower bound.
template <class Work>
std::int64_t most_bytes_of(Work work) {
    const std::int64_t before = bytes_in_use();
    std::atomic<bool> done{false};
    std::atomic<std::int64_t> most{0};
    const auto look = [&] {
        const std::int64_t now = bytes_in_use() - before;
        std::int64_t known = most;
        while (now > known && !most.compare_exchange_weak(known, now)) {
        }
    };
    std::thread watcher([&] {
        while (!done) {
            look();
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    });
    work(look);
    done = true;
    watcher.join();
    return most;
}

}  // namespace tangram::test
