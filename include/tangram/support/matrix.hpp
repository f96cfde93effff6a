#pragma once
// Row-major matrices: a view that anyone may pass by value, and an owner with aligned memory.
// Entry (i, j) of a view lies at data[i * ld + j]; ld >= cols is the leading dimension.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>

namespace tangram {

/// Every count and index: 64-bit and signed. Narrowed to int only in support/narrow.hpp.
using Index = std::int64_t;

/// An Index as standard containers take it.
constexpr std::size_t at(Index i) {
    return static_cast<std::size_t>(i);
}

template <class T>
struct MatrixView {
    T* data = nullptr;
    Index rows = 0;
    Index cols = 0;
    Index ld = 0;

    T& operator()(Index i, Index j) const {
        assert(i >= 0 && i < rows && j >= 0 && j < cols);
        return data[i * ld + j];
    }
    /// Row i; or where rows end, for a run of none.
    T* row(Index i) const {
        assert(i >= 0 && i <= rows);
        return data + i * ld;
    }

    /// The `n_rows` x `n_cols` part that starts at entry (i, j).
    [[nodiscard]] MatrixView block(Index i, Index j, Index n_rows, Index n_cols) const {
        assert(i >= 0 && j >= 0 && i + n_rows <= rows && j + n_cols <= cols);
        return {data + i * ld + j, n_rows, n_cols, ld};
    }
    [[nodiscard]] MatrixView row_block(Index i, Index n_rows) const { return block(i, 0, n_rows, cols); }

    /// A view of T is a view of const T.
    operator MatrixView<const T>() const  // NOLINT(google-explicit-constructor)
        requires(!std::is_const_v<T>) {
        return {data, rows, cols, ld};
    }
};

template <class T>
using ConstMatrixView = MatrixView<const T>;

/// Buffers of as many bytes begin on a page, as direct I/O wants it.
inline constexpr Index page_aligned_from = 65536;

/// `bytes` bytes, left untouched, so that the thread that writes first places them: aligned to cache lines;
/// from page_aligned_from on to pages; from 2 MiB on to huge pages, which it also asks for.
/// Release with std::free. Throws std::bad_alloc.
void* allocate(std::size_t bytes);

/// Memory for `size` values, aligned as allocate() says and left untouched.
template <class T>
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(Index size) : size_(size) {
        if (size < 0 || size > std::numeric_limits<Index>::max() / 64) throw std::bad_alloc();
        if (size > 0) memory_.reset(static_cast<T*>(allocate(static_cast<std::size_t>(size) * sizeof(T))));
    }
    /// All zero, by pages that take no memory until they are written.
    static AlignedBuffer zeros(Index size) {
        AlignedBuffer buffer;
        if (size <= 0) return buffer;
        buffer.memory_.reset(static_cast<T*>(std::calloc(static_cast<std::size_t>(size), sizeof(T))));
        if (!buffer.memory_) throw std::bad_alloc();
        buffer.size_ = size;
        return buffer;
    }
    [[nodiscard]] T* data() const { return memory_.get(); }
    [[nodiscard]] Index size() const { return size_; }

private:
    struct Free {
        void operator()(T* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Free> memory_;
    Index size_ = 0;
};

/// Owns a row-major matrix, zero at first.
template <class T>
class Matrix {
public:
    Matrix() = default;
    Matrix(Index rows, Index cols) : memory_(checked_size(rows, cols)), rows_(rows), cols_(cols) {
        for (Index i = 0; i < rows * cols; ++i) memory_.data()[i] = T{};
    }
    /// Zero, of whatever size: it takes no memory until it is written.
    static Matrix zeros(Index rows, Index cols) {
        Matrix matrix;
        matrix.memory_ = AlignedBuffer<T>::zeros(checked_size(rows, cols));
        matrix.rows_ = rows;
        matrix.cols_ = cols;
        return matrix;
    }
    T& operator()(Index i, Index j) {
        assert(i >= 0 && i < rows_ && j >= 0 && j < cols_);
        return memory_.data()[i * cols_ + j];
    }
    const T& operator()(Index i, Index j) const {
        assert(i >= 0 && i < rows_ && j >= 0 && j < cols_);
        return memory_.data()[i * cols_ + j];
    }
    [[nodiscard]] Index rows() const { return rows_; }
    [[nodiscard]] Index cols() const { return cols_; }
    [[nodiscard]] Index size() const { return rows_ * cols_; }
    [[nodiscard]] T* data() { return memory_.data(); }
    [[nodiscard]] const T* data() const { return memory_.data(); }
    [[nodiscard]] MatrixView<T> view() { return {memory_.data(), rows_, cols_, cols_}; }
    [[nodiscard]] ConstMatrixView<T> view() const { return {memory_.data(), rows_, cols_, cols_}; }

private:
    static Index checked_size(Index rows, Index cols) {
        Index size = 0;
        if (__builtin_mul_overflow(rows, cols, &size)) throw std::bad_alloc();
        return size;
    }
    AlignedBuffer<T> memory_;
    Index rows_ = 0;
    Index cols_ = 0;
};

}  // namespace tangram
