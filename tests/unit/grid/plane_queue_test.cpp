// The queue between the threads that compute tiles and the one that writes them. Built twice: with all unit tests, and alone
// under ThreadSanitizer, which sees what these threads touch without a lock.

#include "tangram/grid/plane_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace tangram {

namespace {

constexpr Index plane_values = 64;
const std::function<void()> nothing = [] {};

/// A worker that fills `planes` planes with numbers of its own, first + 0, first + 1, .., and leaves. Returns how many it
/// could submit.
int fill_planes(PlaneQueue<double>& queue, int planes, int first) {
    int submitted = 0;
    for (int k = 0; k < planes; ++k) {
        Plane<double>* plane = queue.acquire();
        if (plane == nullptr) break;
        std::fill_n(plane->memory.data(), plane_values, first + k);
        plane->content.matrix = first + k;
        queue.submit(plane);
        ++submitted;
    }
    queue.leave();
    return submitted;
}

std::vector<std::jthread> start_workers(PlaneQueue<double>& queue, int workers, int planes) {
    std::vector<std::jthread> threads;
    for (int worker = 0; worker < workers; ++worker)
        threads.emplace_back([&queue, planes, worker] { fill_planes(queue, planes, worker * planes); });
    return threads;
}

bool all_values_are(const Plane<double>& plane, double value) {
    return std::all_of(plane.memory.data(), plane.memory.data() + plane_values,
                       [value](double each) { return each == value; });
}

}  // namespace

TEST_CASE(
    "every plane that a worker submits reaches the writer once, with its values, from fewer planes than "
    "workers") {
    constexpr int workers = 5, planes = 400, all = workers * planes;
    PlaneQueue<double> queue(3, plane_values);
    for (int round = 0; round < 2; ++round) {  // a run opens the queue once an area of panels
        queue.open(workers);
        const auto threads = start_workers(queue, workers, planes);
        std::vector<int> seen(all, 0);
        int torn = 0;
        while (Plane<double>* plane = queue.take(nothing)) {
            const Index number = plane->content.matrix;
            if (!all_values_are(*plane, static_cast<double>(number))) ++torn;
            ++seen[static_cast<std::size_t>(number)];
            queue.release(plane);
        }
        CHECK(torn == 0);
        CHECK(std::count(seen.begin(), seen.end(), 1) == all);
    }
}

TEST_CASE("a worker's planes come in the order in which it submitted them") {
    PlaneQueue<double> queue(4, plane_values);
    queue.open(1);
    const auto threads = start_workers(queue, 1, 100);
    int next = 0;
    while (Plane<double>* plane = queue.take(nothing)) {
        CHECK(plane->content.matrix == next++);
        queue.release(plane);
    }
    CHECK(next == 100);
}

TEST_CASE("while the writer holds the only plane a worker waits for it, and the writer is idle meanwhile") {
    PlaneQueue<double> queue(1, plane_values);
    queue.open(2);
    std::atomic<bool> second_has_one = false;
    Plane<double>* held = queue.acquire();
    REQUIRE(held != nullptr);
    std::jthread second([&] {
        Plane<double>* plane = queue.acquire();
        second_has_one = true;
        if (plane != nullptr) queue.submit(plane);
        queue.leave();
    });

    int idle = 0;
    bool too_early = false;
    Plane<double>* plane = queue.take([&] {
        too_early = too_early || (held != nullptr && second_has_one);
        if (++idle ==
            5) {  // the writer has waited for 5 intervals: now the first worker gives its plane back
            queue.release(held);
            held = nullptr;
        }
    });
    CHECK(plane != nullptr);
    CHECK(idle >= 5);
    CHECK_FALSE(too_early);
    queue.release(plane);
    queue.leave();
    CHECK(queue.take(nothing) == nullptr);
}

TEST_CASE("what was submitted before the last worker left is still taken") {
    PlaneQueue<double> queue(4, plane_values);
    queue.open(1);
    CHECK(fill_planes(queue, 4, 0) == 4);
    for (int k = 0; k < 4; ++k) CHECK(queue.take(nothing) != nullptr);
    CHECK(queue.take(nothing) == nullptr);
}

TEST_CASE("a stop sends home workers that wait for a plane, and the writer, whatever is ready") {
    PlaneQueue<double> queue(2, plane_values);
    queue.open(4);
    std::atomic<int> submitted = 0;
    {
        std::vector<std::jthread> threads;
        for (int worker = 0; worker < 3; ++worker)
            threads.emplace_back([&] { submitted += fill_planes(queue, 10, 0); });
        while (Plane<double>* plane = queue.take(nothing)) {  // which is never given back
            static_cast<void>(plane);
            std::this_thread::yield();
            queue.stop();
        }
    }
    CHECK(submitted <= 2);
    CHECK(queue.acquire() == nullptr);
    CHECK(queue.take(nothing) == nullptr);
}

TEST_CASE("a stop wakes a writer that waits for workers that do nothing") {
    PlaneQueue<double> queue(2, plane_values);
    queue.open(1);
    std::jthread stopper([&] { queue.stop(); });
    CHECK(queue.take(nothing) == nullptr);
}

}  // namespace tangram
