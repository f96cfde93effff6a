#include "tangram/grid/plane_queue.hpp"

#include <algorithm>
#include <chrono>

namespace tangram {

namespace {

/// Often enough for MPI to keep a network busy, seldom enough to cost nothing.
constexpr std::chrono::milliseconds idle_interval{2};

/// Planes may take as much while they wait for the disk, and there are never more of them.
constexpr Index waiting_bytes = Index{128} << 20;
constexpr Index most_waiting = 256;

}  // namespace

int planes_for(int workers, Index plane_bytes) {
    const Index waiting = std::min(waiting_bytes / std::max<Index>(1, plane_bytes), most_waiting);
    return static_cast<int>(std::max<Index>(4 * workers + 4, waiting));
}

template <class T>
PlaneQueue<T>::PlaneQueue(int planes, Index plane_values, Index record_values)
    : planes_(static_cast<std::size_t>(planes)), ready_(planes_.size()) {
    free_.reserve(planes_.size());
    for (Plane<T>& plane : planes_) {
        plane.memory = AlignedBuffer<T>(plane_values);
        plane.record = AlignedBuffer<double>(record_values);
        free_.push_back(&plane);
    }
}

template <class T>
Plane<T>* PlaneQueue<T>::acquire() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return stopped_ || !free_.empty(); });
    if (stopped_) return nullptr;
    Plane<T>* plane = free_.back();
    free_.pop_back();
    return plane;
}

template <class T>
void PlaneQueue<T>::submit(Plane<T>* plane) {
    {
        const std::lock_guard lock(mutex_);
        ready_[(oldest_ + ready_count_++) % ready_.size()] = plane;
    }
    finished_.notify_one();
}

template <class T>
void PlaneQueue<T>::open(int workers) {
    workers_ = workers;
    stopped_ = false;
}

template <class T>
Plane<T>* PlaneQueue<T>::take(const std::function<void()>& idle) {
    std::unique_lock lock(mutex_);
    while (!finished_.wait_for(lock, idle_interval,
                               [this] { return stopped_ || ready_count_ > 0 || workers_ == 0; })) {
        lock.unlock();
        idle();
        lock.lock();
    }
    if (stopped_ || ready_count_ == 0) return nullptr;
    Plane<T>* plane = ready_[oldest_];
    oldest_ = (oldest_ + 1) % ready_.size();
    --ready_count_;
    return plane;
}

template <class T>
void PlaneQueue<T>::release(Plane<T>* plane) {
    {
        const std::lock_guard lock(mutex_);
        free_.push_back(plane);
    }
    freed_.notify_one();
}

template <class T>
void PlaneQueue<T>::leave() {
    {
        const std::lock_guard lock(mutex_);
        --workers_;
    }
    finished_.notify_one();
}

template <class T>
void PlaneQueue<T>::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    freed_.notify_all();
    finished_.notify_all();
}

template class PlaneQueue<float>;
template class PlaneQueue<double>;

}  // namespace tangram
