#include "tangram/support/block.hpp"

#include "tangram/support/vector_clones.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace tangram {

namespace {

/// Side of the square blocks in which a matrix is transposed, so that reads and writes both stay in the
/// first-level cache.
constexpr Index transpose_block = 16;

/// Side of the blocks that are transposed in registers.
constexpr Index register_block = 4;

/// 4 x 4 values in registers, three times as fast as one by one.
template <class T>
void transpose_in_registers(const T* in, Index ld_in, T* out, Index ld_out) {
    using Row __attribute__((vector_size(register_block * sizeof(T)))) = T;
    Row a, b, c, d;  // NOLINT(cppcoreguidelines-init-variables): the next lines do
    std::memcpy(&a, in, sizeof a);
    std::memcpy(&b, in + ld_in, sizeof b);
    std::memcpy(&c, in + 2 * ld_in, sizeof c);
    std::memcpy(&d, in + 3 * ld_in, sizeof d);
    const Row ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const Row ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Row cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const Row cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    std::memcpy(out, &a, sizeof a);
    std::memcpy(out + ld_out, &b, sizeof b);
    std::memcpy(out + 2 * ld_out, &c, sizeof c);
    std::memcpy(out + 3 * ld_out, &d, sizeof d);
}

/// out (n, m) = in^T for a block that stays in the first-level cache.
template <class T>
void transpose_small(ConstMatrixView<T> in, MatrixView<T> out) {
    const Index whole_rows = in.rows - in.rows % register_block;
    const Index whole_cols = in.cols - in.cols % register_block;
    for (Index j = 0; j < whole_cols; j += register_block) {
        for (Index i = 0; i < whole_rows; i += register_block)
            transpose_in_registers(in.row(i) + j, in.ld, out.row(j) + i, out.ld);
    }
    for (Index i = 0; i < in.rows; ++i) {
        for (Index j = i < whole_rows ? whole_cols : 0; j < in.cols; ++j) out(j, i) = in(i, j);
    }
}

/// Calls work(out row, H row, first, count, g) for every run of entries that share one entry g of G.
template <class T, class Work>
void for_each_run(ConstMatrixView<T> G, ConstMatrixView<T> H, MatrixView<T> out, Work work) {
    const Index R = H.rows / G.rows;
    for (Index i = 0; i < H.rows; ++i) {
        for (Index j = 0; j < G.cols; ++j) work(out.row(i) + j * R, H.row(i) + j * R, R, G(i / R, j));
    }
}

}  // namespace

template <class T>
TANGRAM_VECTOR_CLONES void hadamard(ConstMatrixView<T> G, ConstMatrixView<T> H, T scale, MatrixView<T> out) {
    if (H.rows != G.rows) {
        for_each_run(G, H, out, [scale](T* to, const T* h, Index count, T g) {
            for (Index k = 0; k < count; ++k) to[k] = scale * g * h[k];
        });
        return;
    }
    for (Index i = 0; i < G.rows; ++i) {
        const T* g = G.row(i);
        const T* h = H.row(i);
        T* to = out.row(i);
#pragma omp simd
        for (Index j = 0; j < G.cols; ++j) to[j] = scale * g[j] * h[j];
    }
}

template <class T>
TANGRAM_VECTOR_CLONES bool add_hadamard(ConstMatrixView<T> G, ConstMatrixView<T> H, T weight, T bias,
                                        Start start, MatrixView<T> out) {
    const bool from_zero = start == Start::zero;
    T watch = 0;  // stays 0 unless a value is infinite or NaN
    if (H.rows != G.rows) {
        if (from_zero) fill(T{0}, out);
        for_each_run(G, H, out, [&](T* to, const T* h, Index count, T g) {
            for (Index k = 0; k < count; ++k) {
                to[k] = to[k] + weight * g * h[k] + bias * h[k];
                watch += to[k] * T{0};
            }
        });
        return watch == T{0};
    }
    for (Index i = 0; i < G.rows; ++i) {
        const T* g = G.row(i);
        const T* h = H.row(i);
        T* to = out.row(i);
#pragma omp simd reduction(+ : watch)
        for (Index j = 0; j < G.cols; ++j) {
            to[j] = (from_zero ? T{0} : to[j]) + weight * g[j] * h[j] + bias * h[j];
            watch += to[j] * T{0};
        }
    }
    return watch == T{0};
}

template <class T>
TANGRAM_VECTOR_CLONES bool add_scaled(ConstMatrixView<T> G, T weight, T bias, Start start,
                                      MatrixView<T> out) {
    const bool from_zero = start == Start::zero;
    T watch = 0;  // as above
    for (Index i = 0; i < G.rows; ++i) {
        const T* g = G.row(i);
        T* to = out.row(i);
#pragma omp simd reduction(+ : watch)
        for (Index j = 0; j < G.cols; ++j) {
            to[j] = (from_zero ? T{0} : to[j]) + weight * g[j] + bias;
            watch += to[j] * T{0};
        }
    }
    return watch == T{0};
}

template <class T>
TANGRAM_VECTOR_CLONES bool add_number(T value, Start start, MatrixView<T> out) {
    const bool from_zero = start == Start::zero;
    T watch = 0;  // as above
    for (Index i = 0; i < out.rows; ++i) {
        T* to = out.row(i);
#pragma omp simd reduction(+ : watch)
        for (Index j = 0; j < out.cols; ++j) {
            to[j] = (from_zero ? T{0} : to[j]) + value;
            watch += to[j] * T{0};
        }
    }
    return watch == T{0};
}

template <class T>
void repeat_block(ConstMatrixView<double> block, MatrixView<T> out) {
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j)
            out(i, j) = static_cast<T>(block(i % block.rows, j % block.cols));
    }
}

template <class T>
TANGRAM_VECTOR_CLONES void scale_into(ConstMatrixView<T> in, T scale, MatrixView<T> out) {
    for (Index i = 0; i < in.rows; ++i) {
        const T* from = in.row(i);
        T* to = out.row(i);
#pragma omp simd
        for (Index j = 0; j < in.cols; ++j) to[j] = scale * from[j];
    }
}

template <class T>
void fill(T value, MatrixView<T> out) {
    for (Index i = 0; i < out.rows; ++i) std::fill_n(out.row(i), out.cols, value);
}

template <class T>
void transpose(ConstMatrixView<T> in, MatrixView<T> out) {
    for (Index j = 0; j < in.cols; j += transpose_block) {
        const Index width = std::min(transpose_block, in.cols - j);
        for (Index i = 0; i < in.rows; i += transpose_block) {
            const Index height = std::min(transpose_block, in.rows - i);
            transpose_small(in.block(i, j, height, width), out.block(j, i, width, height));
        }
    }
}

template <class T>
void mirror_lower(MatrixView<T> square) {
    for (Index i0 = 0; i0 < square.rows; i0 += transpose_block) {
        const Index i1 = std::min(i0 + transpose_block, square.rows);
        for (Index j0 = 0; j0 <= i0; j0 += transpose_block) {
            for (Index i = i0; i < i1; ++i) {
                for (Index j = j0; j < std::min(j0 + transpose_block, i); ++j) square(j, i) = square(i, j);
            }
        }
    }
}

#define TANGRAM_TILE_ROUTINES(T)                                                                    \
    template void hadamard(ConstMatrixView<T>, ConstMatrixView<T>, T, MatrixView<T>);               \
    template bool add_hadamard(ConstMatrixView<T>, ConstMatrixView<T>, T, T, Start, MatrixView<T>); \
    template bool add_scaled(ConstMatrixView<T>, T, T, Start, MatrixView<T>);                       \
    template bool add_number(T, Start, MatrixView<T>);                                              \
    template void repeat_block(ConstMatrixView<double>, MatrixView<T>);                             \
    template void scale_into(ConstMatrixView<T>, T, MatrixView<T>);                                 \
    template void fill(T, MatrixView<T>);                                                           \
    template void transpose(ConstMatrixView<T>, MatrixView<T>);                                     \
    template void mirror_lower(MatrixView<T>);

TANGRAM_TILE_ROUTINES(float)
TANGRAM_TILE_ROUTINES(double)
#undef TANGRAM_TILE_ROUTINES
#undef TANGRAM_VECTOR_CLONES

}  // namespace tangram
