#pragma once
// Work shared by threads, where an exception of any of them must come out on the thread that asked: the one place where
// OpenMP threads are forked for plain loops.

#include <exception>
#include <mutex>
#include <utility>

namespace tangram {

/// The first exception of any thread.
class FirstFailure {
public:
    void keep(std::exception_ptr failure) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(failure);
    }
    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    std::mutex mutex_;
    std::exception_ptr failure_;
};

/// Calls work(thread) once on each of `threads` threads; `thread` counts from 0. Which thread does what is up to `work`, so
/// that sums can have the same order at every run. Throws what the lowest thread threw.
template <class Work>
void on_threads(int threads, Work work) {
    std::exception_ptr failure;
    int lowest = threads;
    std::mutex mutex;
#pragma omp parallel for num_threads(threads) schedule(static, 1) default(shared)
    for (int thread = 0; thread < threads; ++thread) {
        try {
            work(thread);
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (thread < lowest) {
                lowest = thread;
                failure = std::current_exception();
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
}

/// Calls work(k, thread) for k = begin .. end - 1, dealt to the threads in turn. Throws what the smallest k threw.
template <class Index, class Work>
void share_out(int threads, Index begin, Index end, Work work) {
    std::exception_ptr failure;
    Index first = end;
    std::mutex mutex;
#pragma omp parallel for num_threads(threads) schedule(static, 1) default(shared)
    for (int thread = 0; thread < threads; ++thread) {
        for (Index k = begin + static_cast<Index>(thread); k < end; k += static_cast<Index>(threads)) {
            try {
                work(k, thread);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (k < first) {
                    first = k;
                    failure = std::current_exception();
                }
            }
        }
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace tangram
