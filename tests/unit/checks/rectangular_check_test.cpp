// The checks of a file of test samples against samples must be able to fail: one entry of it, one row of its diagonal.

#include "spoilt_file.hpp"
#include "tangram/checks/check_report.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index M = 11, N = 23;

/// Collective. The checked file of M test samples against N, spoilt.
template <class T>
CheckReport check_rectangular(
    const Reduction& reduction, const Spoil<T>& spoil,
    const std::function<void(Matrix<double>&)>& spoil_diagonal = [](Matrix<double>&) {},
    bool components = true) {
    const Network network = random_residual(6, 8, 141, "tanh");
    const Matrix<double> X = random_samples(N, 6, 142);
    const Matrix<double> Y = random_samples(M, 6, 143);
    Problem problem{network, reduction, set_of(X), set_of(Y), precision_of<T>(), 5};
    problem.components = components;
    problem.conjugate_kernels = ConjugateKernels::all;
    return check_spoilt<T>(product_named("test x train"), problem, spoil, spoil_diagonal, {2, components});
}

/// Multiplies entry (row, column) of a matrix.
Spoil<double> one_entry(const std::string& path, Index row, Index column, double factor) {
    return [=](const StoredMatrix& m, const FinishedPlane<double>& plane, MatrixView<double> values) {
        if (m.path != path) return;
        if (double* entry = entry_of(plane, values, row, column)) *entry *= factor;
    };
}

const ComponentCheck& component(const CheckReport& report, const std::string& name) {
    for (const ComponentCheck& check : report.components) {
        if (check.name == name) return check;
    }
    FAIL("no component " << name);
    return report.total;
}

}  // namespace

TEST_CASE("a healthy rectangular file passes every check, in both precisions and every reduction") {
    for (const ReductionKind kind : all_reductions()) {
        for (const bool components : {true, false}) {
            CAPTURE(to_string(kind));
            const Reduction reduction = make_reduction(kind, 3);
            const CheckReport wide = check_rectangular<double>(
                reduction, leave_alone<double>, [](Matrix<double>&) {}, components);
            CHECK_MESSAGE(passed(wide), first_failure(wide));
            CHECK(wide.total.relative_error < 1e-13);
            CHECK(wide.total.probe_error < 1e-13);
            CHECK(wide.diagonal_error < 1e-13);
            CHECK(std::isnan(wide.symmetry_error));
            const CheckReport narrow = check_rectangular<float>(
                reduction, leave_alone<float>, [](Matrix<double>&) {}, components);
            CHECK_MESSAGE(passed(narrow), first_failure(narrow));
        }
    }
}

TEST_CASE(
    "one wrong entry of any matrix of a rectangular file, far from the check samples, is found by the probe") {
    // Row 5 is no check sample of 11, nor column 7 of 23.
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 3);
        const Index R = reduction.rows_per_sample();
        for (const std::string name : {"stem.weight", "block.0.bias", "block.1.weight", "head.weight"}) {
            CAPTURE(name);
            const CheckReport report =
                check_rectangular<double>(reduction, one_entry("/components/" + name, 5 * R, 7 * R, 1.01));
            CHECK_FALSE(passed(report));
            CHECK(component(report, name).relative_error < 1e-12);  // the check samples do not see it
            CHECK(component(report, name).probe_error > 1e-9);
            CHECK(report.total.probe_error < 1e-12);
            CHECK(report.sum_of_components_error > 1e-9);
        }
        const CheckReport total = check_rectangular<double>(reduction, one_entry("/ntk", 5 * R, 7 * R, 1.01));
        CHECK_FALSE(passed(total));
        CHECK(total.total.relative_error < 1e-12);
        CHECK(total.total.probe_error > 1e-9);
        CHECK(total.worst_probe_row == 5 * R);
        CHECK(component(total, "stem.weight").probe_error < 1e-12);
        const CheckReport conjugate =
            check_rectangular<double>(reduction, one_entry("/conjugate_kernels/block.1", 5, 7, 1.01));
        CHECK_FALSE(passed(conjugate));
        CHECK(conjugate.conjugate_error > 1e-9);
        CHECK(conjugate.total.probe_error < 1e-12);
    }
}

TEST_CASE("without stored components the probe still finds one wrong entry of the total") {
    const CheckReport report = check_rectangular<double>(
        make_reduction(ReductionKind::trace, 3), one_entry("/ntk", 5, 7, 1.01), [](Matrix<double>&) {},
        false);
    CHECK_FALSE(passed(report));
    CHECK(report.total.probe_error > 1e-9);
}

TEST_CASE(
    "entries whose errors cancel along their row are found along their columns, and the other way round") {
    // Equal errors that the signs of v, or of u, make cancel: only the other direction can tell.
    const std::uint64_t seed = 7;  // of check_spoilt()'s report
    const auto opposite = [](std::uint64_t of, Index first) {
        Index other = first + 1;
        while (probe_sign(of, other) == probe_sign(of, first)) ++other;
        return other;
    };
    const Index second_column = opposite(seed, 6), second_row = opposite(seed + 1, 3);
    REQUIRE(second_column < N - 1);
    REQUIRE(second_row < M - 1);
    const auto shift = [](Index row, Index column, Index other_row, Index other_column) -> Spoil<double> {
        return [=](const StoredMatrix& m, const FinishedPlane<double>& plane, MatrixView<double> values) {
            if (m.path != "/ntk") return;
            if (double* entry = entry_of(plane, values, row, column)) *entry += 0.25;
            if (double* entry = entry_of(plane, values, other_row, other_column)) *entry += 0.25;
        };
    };
    const Reduction reduction = make_reduction(ReductionKind::trace, 3);
    const CheckReport in_a_row = check_rectangular<double>(reduction, shift(3, 6, 3, second_column));
    CHECK_FALSE(passed(in_a_row));
    CHECK(in_a_row.total.probe_error > 1e-6);
    const CheckReport in_a_column = check_rectangular<double>(reduction, shift(3, 6, second_row, 6));
    CHECK_FALSE(passed(in_a_column));
    CHECK(in_a_column.total.probe_error > 1e-6);
}

TEST_CASE("an entry that is wrong between check samples is found against the explicit Jacobians") {
    const CheckReport report =
        check_rectangular<double>(make_reduction(ReductionKind::mean, 3), one_entry("/ntk", 0, 22, 1.001));
    CHECK_FALSE(passed(report));
    CHECK(report.total.relative_error > 1e-6);
}

TEST_CASE("rows and columns that are exchanged are found") {
    const Spoil<double> transposed = [](const StoredMatrix&, const FinishedPlane<double>& plane,
                                        MatrixView<double> values) {
        if (plane.block.row != 0 || plane.block.column != 0) return;
        for (Index i = 0; i < values.rows; ++i) {
            for (Index j = 0; j < i; ++j) std::swap(values(i, j), values(j, i));
        }
    };
    CHECK_FALSE(passed(check_rectangular<double>(make_reduction(ReductionKind::trace, 3), transposed)));
}

TEST_CASE("a wrong kernel of a test sample with itself is found, for one row and for full") {
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 3);
        for (const Index which : {0, 3, 5}) {
            const CheckReport report = check_rectangular<double>(
                reduction, leave_alone<double>,
                [&](Matrix<double>& diagonal) { diagonal(which, diagonal.cols() - 1) *= 1 + 1e-6; });
            CHECK_FALSE(passed(report));
            CHECK(report.diagonal_error > 1e-9);
            CHECK(report.total.probe_error < 1e-12);
        }
        const CheckReport nothing = check_rectangular<double>(
            reduction, leave_alone<double>, [](Matrix<double>& diagonal) { diagonal(2, 0) = std::nan(""); });
        CHECK_FALSE(passed(nothing));
    }
}

TEST_CASE("a NaN in any matrix of a rectangular file fails the checks") {
    for (const std::string path : {"/ntk", "/components/stem.bias", "/components/head.weight",
                                   "/conjugate_kernels/stem", "/conjugate_kernels/head"}) {
        CAPTURE(path);
        CHECK_FALSE(passed(check_rectangular<double>(make_reduction(ReductionKind::trace, 3),
                                                     one_entry(path, 6, 8, std::nan("")))));
    }
}
