// Rows of gradients that are read from where they lie: which ones.

#include "random_networks.hpp"
#include "tangram/network/stored_rows.hpp"
#include "tangram/tangent/forms.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace tangram;
using test::make_reduction;

namespace {

constexpr Index width = 3;

/// f = g . theta, where g of sample k is (k mod 1000) + 1, + 2, + 3.
Network of_rows_made_up() {
    auto rows = std::make_shared<StoredRows>();
    rows->width = width;
    rows->read = [](std::span<const Index> numbers, Index first, MatrixView<double> out) {
        for (Index k = 0; k < out.rows; ++k) {
            for (Index p = 0; p < out.cols; ++p)
                out(k, p) = static_cast<double>(numbers[at(k)] % 1000 + first + p + 1);
        }
    };
    Network network;
    network.gradients_are_given = true;
    network.values.push_back({"number", row_number_columns});
    const Index theta = add_tensor(network, "theta", {width}, Matrix<double>::zeros(width, 1));
    network.output = add_node(network, Stored{std::move(rows)}, "theta", {0}, {theta}, 1);
    return network;
}

const std::vector<Index>& numbers() {
    constexpr Index exact = Index{1} << 24;  // above, float32 does not hold every integer
    static const std::vector<Index> all{0,         1,         (1 << 20) - 1, 1 << 20,
                                        exact - 1, exact + 1, exact + 3,     (Index{1} << 40) + 7};
    return all;
}

template <class T>
void check_rows_made() {
    const Network network = of_rows_made_up();
    const auto steps = prepare_steps(network, make_reduction(ReductionKind::trace, 1));
    REQUIRE(steps.size() == 1);
    const auto n = static_cast<Index>(numbers().size());
    Matrix<T> X(n, row_number_columns), J(n, width);
    for (Index i = 0; i < n; ++i) {
        std::vector<double> columns(at(row_number_columns));
        put_row_number(numbers()[at(i)], columns.data());
        for (Index k = 0; k < row_number_columns; ++k) X(i, k) = static_cast<T>(columns[at(k)]);
    }
    const MakingRoutines<T>& making = *tile_routines_of<T>(Form::stored).making;
    const std::vector<MadeBlock> blocks = making.blocks(*steps[0].use, 1);
    REQUIRE(blocks.size() == 1);
    const AlignedBuffer<T> scratch(blocks[0].scratch);
    making.make(steps[0], blocks[0], std::as_const(X).view(), {}, scratch.data(), J.view());
    for (Index i = 0; i < n; ++i) {
        for (Index p = 0; p < width; ++p)
            CHECK(static_cast<Index>(J(i, p)) == numbers()[at(i)] % 1000 + p + 1);
    }
}

}  // namespace

TEST_CASE("rows beyond what float32 counts to are read, in both precisions, and no neighbours of them") {
    check_rows_made<double>();
    check_rows_made<float>();
}
