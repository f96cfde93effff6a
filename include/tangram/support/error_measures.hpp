#pragma once
// How errors are measured and kept, for all checks. A NaN that was found counts as infinitely wrong, so that
// no maximum loses it and that NaN itself can stand for "not computed".

#include "tangram/support/matrix.hpp"

#include <cmath>
#include <limits>

namespace tangram {

/// error, or infinity for a NaN.
inline double measured(double error) {
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

/// The larger of two errors.
inline double worse(double most, double error) {
    return error <= most ? most : measured(error);
}

/// max |entry| of a matrix view; infinity if one is a NaN.
template <class View>
double largest_magnitude(const View& values) {
    double most = 0;
    for (Index i = 0; i < values.rows; ++i) {
        for (Index j = 0; j < values.cols; ++j)
            most = worse(most, std::abs(static_cast<double>(values(i, j))));
    }
    return most;
}

/// error / size, where 0 / 0 is no error.
inline double relative_error_of(double error, double size) {
    if (error == 0) return 0;
    return size > 0 ? measured(error / size) : std::numeric_limits<double>::infinity();
}

}  // namespace tangram
