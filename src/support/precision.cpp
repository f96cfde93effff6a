#include "tangram/support/precision.hpp"

#include "tangram/support/error.hpp"

namespace tangram {

namespace {

template <class T>
using Limits = std::numeric_limits<T>;

}  // namespace

std::string to_string(Precision precision) {
    return precision == Precision::float32 ? "float32" : "float64";
}

Precision parse_precision(const std::string& name) {
    if (name == "float32") return Precision::float32;
    if (name == "float64") return Precision::float64;
    fail(ExitCode::usage, "unknown precision '{}': use float32 or float64", name);
}

Index value_bytes(Precision precision) {
    return with_precision(precision, [](auto number) { return static_cast<Index>(sizeof(number)); });
}

double rounding_unit(Precision precision) {
    return with_precision(precision, [](auto number) { return double{Limits<decltype(number)>::epsilon()}; });
}

double smallest_normal(Precision precision) {
    return with_precision(precision, [](auto number) { return double{Limits<decltype(number)>::min()}; });
}

double largest_number(Precision precision) {
    return with_precision(precision, [](auto number) { return double{Limits<decltype(number)>::max()}; });
}

}  // namespace tangram
