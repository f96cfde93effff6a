#pragma once
// The checks of a run that stores no matrix (--store none): all that can be said of entries that only came by.
//
//   explicit   the neighbours of a few rows against J_ref J_ref^T
//   probe      K v, summed as tiles came by, against J (J^T v), v a fixed random +-1 vector: an entry that was wrong, or never came, shows
//              as in a stored matrix (checks/product_check.hpp)

#include "tangram/checks/product_check.hpp"
#include "tangram/product/neighbours.hpp"

#include <vector>

namespace tangram {

/// Of each row of the total, this rank's entries of it: sum over j of K_ij v_j and of |K_ij|.
class RowSums {
public:
    RowSums(const Shape& shape, std::uint64_t seed);
    template <class T>
    void take(const FinishedPlane<T>& plane);

    [[nodiscard]] const std::vector<double>& v() const { return v_; }
    [[nodiscard]] const std::vector<double>& products() const { return products_; }
    [[nodiscard]] const std::vector<double>& sizes() const { return sizes_; }

private:
    std::vector<double> v_, products_, sizes_;
};

/// Collective. `neighbours`: merged, on root. The total's errors in the report are of these.
void check_neighbours(const ProductFile& file, const CheckInputs& inputs, const Neighbours& neighbours,
                      const RowSums& sums, CheckReport& report);

}  // namespace tangram
