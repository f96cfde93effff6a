#pragma once
// The bounded queue between the threads that compute tiles and the one that writes them. A fixed pool of
// planes circulates:
//
//   free --acquire--> worker fills it --submit--> ready --take--> writer --release--> free
//
// A worker waits in acquire() when the writer falls behind; the writer waits in take() when there is nothing
// to write.

#include "tangram/grid/axis.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace tangram {

/// One matrix's block of rows [row, row + values.rows) and columns [column, ..), in values of T. It lies in memory as in a
/// whole tile, with zeros beyond the edge of the matrix: so it is stored.
template <class T>
struct FinishedPlane {
    Index matrix = 0;  ///< index into the list of matrices
    Tile block;  ///< panels of its rows and columns; row < column for a mirrored plane of a symmetric matrix
    Index row = 0;
    Index column = 0;
    ConstMatrixView<T> values;
    const double* record =
        nullptr;  ///< what was measured of it (product/measuring.hpp); none of a mirrored plane
};

/// One matrix's block of one tile, with the memory that holds it.
template <class T>
struct Plane {
    AlignedBuffer<T> memory;
    AlignedBuffer<double> record;
    FinishedPlane<T> content;
};

/// What takes finished planes, on the main thread.
template <class T>
using TileSink = std::function<void(const FinishedPlane<T>&)>;

/// Asked on the main thread after each plane and every few milliseconds; false: begin no further tile.
using GoOn = std::function<bool()>;

/// `memory` as the block of (rows, cols) values of a whole tile of (whole_rows, whole_cols), zeros beyond it.
template <class T>
MatrixView<T> shape_block(T* memory, Index whole_rows, Index whole_cols, Index rows, Index cols) {
    const MatrixView<T> whole{memory, whole_rows, whole_cols, whole_cols};
    if (rows < whole_rows || cols < whole_cols) std::fill_n(memory, whole_rows * whole_cols, T{0});
    return whole.block(0, 0, rows, cols);
}

/// Planes of `plane_bytes` bytes that `workers` threads circulate: a worker holds at most two while it waits for
/// a third, and as many again may wait for the writer; up to 128 MiB of them, so that a disk that stalls for a
/// moment does not stop the work. Those that were never needed were never touched.
int planes_for(int workers, Index plane_bytes);

template <class T>
class PlaneQueue {
public:
    /// `planes` planes of `plane_values` values and `record_values` numbers beside them each.
    PlaneQueue(int planes, Index plane_values, Index record_values = 0);
    /// Before `workers` threads begin, with every plane free.
    void open(int workers);

    /// A free plane; nullptr once the queue was stopped.
    Plane<T>* acquire();
    void submit(Plane<T>* plane);
    /// The next finished plane; nullptr when every worker has left and none is left, or once the queue was
    /// stopped. Calls `idle` every few milliseconds while there is none.
    Plane<T>* take(const std::function<void()>& idle);
    void release(Plane<T>* plane);
    /// Called by each worker when it has no more tiles.
    void leave();
    /// Wakes everyone up to go home.
    void stop();

private:
    std::vector<Plane<T>> planes_;
    std::vector<Plane<T>*> free_;
    std::vector<Plane<T>*> ready_;  ///< a ring: oldest_, and ready_count_ from there on
    std::size_t oldest_ = 0;
    std::size_t ready_count_ = 0;
    int workers_ = 0;
    bool stopped_ = false;
    std::mutex mutex_;
    std::condition_variable freed_, finished_;
};

}  // namespace tangram
