#pragma once
// Arithmetic on row-major blocks, as kernel tiles are made of:
//
//   G (n, m)      H (n R, m R): every entry of G meets an R x R block of H; R = 1 but for reduction full

#include "tangram/support/matrix.hpp"

namespace tangram {

/// out = scale * G o H, G expanded to H's shape.
template <class T>
void hadamard(ConstMatrixView<T> G, ConstMatrixView<T> H, T scale, MatrixView<T> out);

/// What a sum starts from: zero, or what `out` holds.
enum class Start { zero, out };

/// out = (start + weight G o H) + bias H, G expanded to H's shape: both components of a layer at once, in the
/// bits that adding them one after the other gives. Returns whether all of out is finite.
template <class T>
bool add_hadamard(ConstMatrixView<T> G, ConstMatrixView<T> H, T weight, T bias, Start start,
                  MatrixView<T> out);

/// out = (start + weight G) + bias: the same where H is one constant, which has gone into `weight` and `bias`.
template <class T>
bool add_scaled(ConstMatrixView<T> G, T weight, T bias, Start start, MatrixView<T> out);

/// out = start + value everywhere.
template <class T>
bool add_number(T value, Start start, MatrixView<T> out);

/// out: block after block of (R, R), rounded to T.
template <class T>
void repeat_block(ConstMatrixView<double> block, MatrixView<T> out);

/// out = scale * in.
template <class T>
void scale_into(ConstMatrixView<T> in, T scale, MatrixView<T> out);

/// out = value everywhere.
template <class T>
void fill(T value, MatrixView<T> out);

/// out (n, m) = in^T, in (m, n).
template <class T>
void transpose(ConstMatrixView<T> in, MatrixView<T> out);

/// Copies the strict lower triangle onto the upper one.
template <class T>
void mirror_lower(MatrixView<T> square);

}  // namespace tangram
