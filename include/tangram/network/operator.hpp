#pragma once
// What a network is made of: the closed set of operators, each with what its node says of it beside tensors. How an
// operator computes is in tangent/operators/ (batched) and tangent/reference/operators/ (one sample, plain loops).
//
//   operator     inputs        tensors            output
//   Dense        x (d_in)      W (d_out, d_in)    z = a W x + b B   (d_out)
//                              B (d_out) or none
//   Activate     z (d)         -                  c phi(z)          (d)
//   Add          x, y (d)      -                  x + b y           (d)
//   Mul          x, y (d)      -                  x o y             (d)
//   Power        x, y (d)      -                  x^y               (d)       entry by entry
//   Softmax      z (d)         -                  c p or c log p, p = exp(z) / sum of exp(z), over each run of entries    (d)
//
// What a graph is made of beyond that. A value that depends on no sample is shared by all (network.hpp); a parameter tensor
// that is not a Dense's own comes in as such a value, so that whatever is done with it is done by operators:
//
//   Parameter    -             theta (P)          theta             (P)
//   Constant     -             -                  its numbers       (d)
//   Apply        x (d)         -                  f(x)              (d)       entry by entry
//   Arrange      x, y, .. (d_k)  -                y_j = x_from(j)   (d)       from the entries of all inputs, one after the other
//   Combine      x             -                  y_j = sum over its window of weight x_from              (d)
//   Largest      x             -                  y_j = the largest x_from of its window                  (d)
//   MatMul       A, B          -                  c A B             (batches, rows, cols)
//   Convolve     x, w          -                  y_o = sum over i, k of w_oik x_i(..)    (C_out, positions)
//   Standardize  x (d)         -                  (x - mean) / sqrt(variance + epsilon), over each run of entries    (d)
//   Lookup       ids (k), table or T (rows, width)  y_k = table row id_k, from the end where negative         (k, width)
//   Compare      x, y (d)      -                  1 where x = y, x < y or x <= y, 0 elsewhere                     (d)
//   Choose       c, x, y (d)   -                  x where c is not 0, y elsewhere                                 (d)
//   Stored       number (2)    theta (P)          g_r . theta at theta = 0, g (R, P) of the sample read from a file    (R)

#include "tangram/network/activation.hpp"
#include "tangram/network/index_tables.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tangram {

struct Dense {
    double weight_scale = 1;  ///< a
    double bias_scale = 1;    ///< b
};

struct Activate {
    Activation phi;
    double scale = 1;  ///< c
};

struct Add {
    double y_scale = 1;  ///< b
};

struct Mul {};

/// Derivatives at x = 0 are PyTorch's: that of x is 0 where y is 0, that of y is 0 where y is not negative.
struct Power {};

struct Softmax {
    bool logarithm = false;
    double scale = 1;  ///< c
    Index length = 0;  ///< of a run; 0: all entries are one
};

struct Parameter {
    bool keeps_input =
        false;  ///< if it is a weight: what it is applied to is wanted too, for a conjugate kernel
};

struct Constant {
    std::shared_ptr<const std::vector<double>> values;
};

/// Formulas beside the activations, with their numbers a and b. Derivatives at corners: abs'(0) = 0; clip has slope 1 at its
/// bounds. What jumps has the derivative of its pieces, which is 0 for sign, floor, ceil, round and trunc, at the jumps too.
enum class Function {
    affine,  ///< a x + b
    exp,
    log,
    sqrt,
    reciprocal,
    abs,
    power,  ///< x^a
    clip,   ///< x between a and b
    root,   ///< sqrt(x), whose derivative is 0 at 0: of a sum of squares, a norm
    tan,
    asin,
    acos,
    atan,
    sinh,
    cosh,
    asinh,
    acosh,
    atanh,
    sign,
    floor,
    ceil,
    round,  ///< halves to the even one
    trunc,
    threshold,  ///< x above a, else 0
    shrink,     ///< x - b above a, x + b below -a, else 0
};

/// Whether its slope is 0 everywhere.
constexpr bool is_staircase(Function f) {
    return f >= Function::sign && f <= Function::trunc;
}

struct Apply {
    Function f = Function::affine;
    double a = 1, b = 0;
};

struct Arrange {
    std::shared_ptr<const Arrangement> table;
};

struct Combine {
    std::shared_ptr<const Windows> windows;
};

struct Largest {
    std::shared_ptr<const Windows> windows;  ///< weights are not looked at
    /// Whose derivative it is where several are largest: each one's share, or the first's.
    bool shares_ties = false;
};

/// y[b] = c op(A[a_of[b]]) op(B[b_of[b]]), b = 0..batches: A is (.., rows, inner), or (.., inner, rows) if transposed; B is
/// (.., inner, cols), or (.., cols, inner); y is (batches, rows, cols). Each row-major.
struct MatMul {
    Index rows = 0, inner = 0, cols = 0;
    bool a_transposed = false, b_transposed = false;
    double scale = 1;  ///< c
    std::vector<Index> a_of, b_of;
    [[nodiscard]] Index batches() const { return static_cast<Index>(a_of.size()); }
};

/// x (C_in, in[0], ..), w (C_out, C_in / groups, kernel[0], ..), y (C_out, out[0], ..), any number of axes, each row-major:
///   y[o, p] = sum over i, k of w[o, i, k] x[i of o's group, strides p + dilations k - pads], 0 outside.
struct Convolve {
    Index in_channels = 1, out_channels = 1, groups = 1;
    std::vector<Index> in, kernel, out, strides, dilations, pads;  ///< [axis]; pads: before the first
};

struct Standardize {
    Index length = 1;  ///< of a run
    double epsilon = 0;
};

/// Rows of a table by integers that depend on the sample. The table is a value, or a tensor that nobody else uses.
struct Lookup {
    Index rows = 0, width = 1;
};

/// A truth value has no derivative.
struct Compare {
    enum class Relation { equal, less, less_or_equal };
    Relation relation = Relation::equal;
};

struct Choose {};

struct StoredRows;
struct Stored {
    std::shared_ptr<const StoredRows> source;
};

using Operator =
    std::variant<Dense, Activate, Add, Mul, Softmax, Parameter, Constant, Apply, Arrange, Combine, Largest,
                 MatMul, Convolve, Standardize, Power, Lookup, Compare, Choose, Stored>;

/// "Dense", "Activate", ..: as tables and messages name it.
const char* name_of(const Operator& op);

/// The function that a layer ends in, "relu", "softmax"; otherwise the operator's name.
std::string function_of(const Operator& op);

/// c of an operator that a layer ends in; nothing for others.
std::optional<double> output_scale_of(const Operator& op);

/// What an operator is told beside tensors, by name, in full digits: two uses of one operator with the same constants
/// compute the same.
struct OperatorConstant {
    const char* name = "";
    std::string value;
};
std::vector<OperatorConstant> constants_of(const Operator& op);

}  // namespace tangram
