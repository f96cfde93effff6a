#pragma once
// The two precisions in which numbers are computed and stored, and the one place where a name becomes a type.

#include "tangram/support/matrix.hpp"

#include <string>

namespace tangram {

enum class Precision { float32, float64 };
std::string to_string(Precision precision);
/// Throws Error(usage) on an unknown name.
Precision parse_precision(const std::string& name);
Index value_bytes(Precision precision);
/// The distance from 1 to the next number.
double rounding_unit(Precision precision);
/// The smallest positive number of full precision.
double smallest_normal(Precision precision);
/// The largest number.
double largest_number(Precision precision);

/// work(T{}) with T = float or double.
template <class Work>
auto with_precision(Precision precision, Work work) {
    return precision == Precision::float32 ? work(float{}) : work(double{});
}

}  // namespace tangram
