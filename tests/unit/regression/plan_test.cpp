#include "tangram/regression/plan.hpp"

#include <doctest/doctest.h>

using namespace tangram;

namespace {

constexpr Index n = 50000;

RegressionBytes bytes_of(Index columns, Index fits, int ranks, RegressionMethod method) {
    RegressionSizes sizes;
    sizes.samples = n;
    sizes.columns = columns;
    sizes.fits = fits;
    return bytes_for(sizes, make_block_cyclic(n, 64, ranks, 0), method);
}

}  // namespace

TEST_CASE("what is dealt out halves on twice the ranks, what is whole on each stays") {
    for (const RegressionMethod method : {RegressionMethod::cholesky, RegressionMethod::eigen}) {
        const RegressionBytes few = bytes_of(10, 1, 2, method);
        const RegressionBytes many = bytes_of(10, 1, 4, method);
        CHECK(few.dealt >= 8 * n * n / 2);
        CHECK(static_cast<double>(many.dealt) < 0.51 * static_cast<double>(few.dealt));
        CHECK(static_cast<double>(many.whole) ==
              doctest::Approx(static_cast<double>(few.whole)).epsilon(0.3));
    }
}

TEST_CASE("a thousand columns of 41 ridges are planned with the three arrays of each that every rank holds") {
    const Index of_arrays = 8 * 3 * 41 * n * 1000;
    CHECK(bytes_of(1000, 41, 2, RegressionMethod::eigen).whole > of_arrays);
    CHECK(bytes_of(1000, 41, 1024, RegressionMethod::eigen).whole > of_arrays);
    CHECK(bytes_of(1000, 1, 2, RegressionMethod::cholesky).whole < of_arrays / 8);
}
