#pragma once
// What a run measured of its kernels, as it is stored in /measures:
//
//   name (k)                      "ntk", the tensors, "targets" where given
//   trace, frobenius, mean, largest, alignment, centred_alignment (k)
//   row_sums (k, rows), diagonal (k, rows)      class (classes), class_means (k, classes, classes)
//   gram, centred_gram, debiased_gram, cka (k, k)
//
// or, of a run that compares the kernels of K models, in /drift:
//
//   name (k)                      "ntk", the tensors            model (K)
//   step, accuracy (K)            trace, frobenius, alignment, centred_alignment, change_from_first, change_from_previous (k, K)
//   gram, centred_gram, debiased_gram, cka, distance (k, K, K)
//
// One rank writes it. Only what was asked for is there.

#include "tangram/grid/shape.hpp"
#include "tangram/support/hdf5.hpp"

#include <string>
#include <vector>

namespace tangram {

inline constexpr const char* measures_group = "/measures";
inline constexpr const char* drift_group = "/drift";

struct MeasureRecord {
    /// One value a kernel, or (k, ..), with their shapes.
    struct Values {
        std::string name;
        std::vector<double> values;
        std::vector<Index> shape;
        std::vector<std::string>
            axes;             ///< the scale of each: "/measures/name", "/row", "/measures/class"; "" for none
        std::string meaning;  ///< long_name
    };
    /// What the places of an axis are called.
    struct Scale {
        std::string name;
        std::vector<std::string> values;
    };
    std::string group = measures_group;
    std::vector<Attribute> attributes;
    std::vector<Scale> scales;
    std::vector<Values> values;
};

void write_measures(const h5::Handle& file, const MeasureRecord& measures);
/// After the scales of the matrices are there.
void name_measures(const h5::Handle& file, const MeasureRecord& measures);

}  // namespace tangram
