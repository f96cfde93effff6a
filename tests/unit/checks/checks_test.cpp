// The checks must be able to fail: kernels spoilt on purpose on their way to the disk, each in a way that
// users have met.

#include "spoilt_file.hpp"
#include "tangram/checks/check_report.hpp"
#include "tangram/support/sample_choice.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace tangram;
using namespace tangram::test;

namespace {

/// Collective. Writes the kernel of n random samples, spoilt, checks the file, and removes it.
template <class T>
CheckReport check_spoilt(const Network& network, const Reduction& reduction, const Spoil<T>& spoil,
                         Index n = 23, Index tile = 5, bool components = true) {
    const Matrix<double> X = random_samples(n, network.inputs(), 41);
    Problem problem{network, reduction, set_of(X), {}, precision_of<T>(), tile};
    problem.components = components;
    problem.conjugate_kernels = ConjugateKernels::all;
    const ActionResources resources{2, components};
    return test::check_spoilt<T>(
        product_named("samples"), problem, spoil, [](Matrix<double>&) {}, resources);
}

const ComponentCheck& component(const CheckReport& report, const std::string& name) {
    for (const ComponentCheck& check : report.components) {
        if (check.name == name) return check;
    }
    FAIL("no component " << name);
    return report.total;
}

Network example() {
    return random_network({6, 8, 5, 3}, {"tanh", "relu", "identity"}, {true, true, true}, 51);
}

}  // namespace

TEST_CASE("a healthy kernel passes every check, in both precisions and every reduction") {
    for (const ReductionKind kind : all_reductions()) {
        CAPTURE(to_string(kind));
        const Reduction reduction = make_reduction(kind, 3);
        const CheckReport narrow = check_spoilt<float>(example(), reduction, leave_alone<float>);
        CHECK_MESSAGE(passed(narrow), first_failure(narrow));
        const CheckReport wide = check_spoilt<double>(example(), reduction, leave_alone<double>);
        CHECK_MESSAGE(passed(wide), first_failure(wide));
        CHECK(wide.total.relative_error < 1e-13);
        CHECK(wide.total.probe_error < 1e-13);
        CHECK(wide.symmetry_error == 0);
    }
}

TEST_CASE("a curved output and a kernel without stored components pass too") {
    const Network network = random_network({4, 5, 2}, {"gelu", "sigmoid"}, {false, true}, 52);
    const CheckReport report = check_spoilt<double>(network, make_reduction(ReductionKind::full, 2),
                                                    leave_alone<double>, 11, 3, false);
    CHECK_MESSAGE(passed(report), first_failure(report));
    CHECK(report.components.empty());
    CHECK(std::isnan(report.sum_of_components_error));
}

TEST_CASE("a factor 1/sqrt(d) on one component is found, and `scale` reads 1/sqrt(d)") {
    const Spoil<float> spoil = [](const StoredMatrix& m, const FinishedPlane<float>&,
                                  MatrixView<float> values) {
        if (m.name == "fc2.weight") scale(values, 1 / std::sqrt(8.0));
    };
    const CheckReport report = check_spoilt<float>(example(), make_reduction(ReductionKind::trace, 3), spoil);
    CHECK_FALSE(passed(report));
    CHECK(component(report, "fc2.weight").scale == doctest::Approx(1 / std::sqrt(8.0)).epsilon(1e-6));
    CHECK(component(report, "fc2.weight").relative_error > 0.1);
    CHECK(component(report, "fc1.weight").relative_error < 1e-5);
    CHECK(report.sum_of_components_error > 1e-3);
}

TEST_CASE("a bias dropped from the total is found, and from a component too") {
    const Spoil<double> spoil = [](const StoredMatrix& m, const FinishedPlane<double>&,
                                   MatrixView<double> values) {
        if (m.name == "fc1.bias") scale(values, 0.0);
    };
    const CheckReport report = check_spoilt<double>(example(), make_reduction(ReductionKind::sum, 3), spoil);
    CHECK_FALSE(passed(report));
    CHECK(component(report, "fc1.bias").scale == 0);
    CHECK(component(report, "fc1.bias").relative_error == doctest::Approx(1.0));
    CHECK(component(report, "fc1.bias").probe_error > 0.1);
}

TEST_CASE(
    "a kernel whose total lacks the biases, as some programs compute it, is found without stored "
    "components") {
    // The linear output's bias adds a constant to every entry: what is missing when it is forgotten.
    const Network network = example();
    const double bias_scale = 2.0 - 0.3 * 3;  // of random_chain()'s third layer, as the next
    const double output_scale = 0.7 + 0.1 * 3;
    const double constant = std::pow(bias_scale * output_scale, 2) * 3;
    const Spoil<float> spoil = [constant](const StoredMatrix&, const FinishedPlane<float>&,
                                          MatrixView<float> values) {
        for (Index i = 0; i < values.rows; ++i) {
            for (Index j = 0; j < values.cols; ++j) values(i, j) -= static_cast<float>(constant);
        }
    };
    const CheckReport report = check_spoilt<float>(
        network, make_reduction(ReductionKind::trace, 3),
        [&](const StoredMatrix& m, const FinishedPlane<float>& plane, MatrixView<float> values) {
            if (m.role == Role::total) spoil(m, plane, values);
        },
        23, 5, false);
    CHECK_FALSE(passed(report));
    CHECK(report.total.relative_error > 1e-4);
    CHECK(report.total.probe_error > 1e-4);
}

TEST_CASE("one wrong entry in one tile, far from the check samples, is found by the probe, its row named") {
    // Row 12, column 2: neither is a check sample, and the mirrored entry is spoilt too, so that only the
    // probe can tell.
    for (const bool components : {true, false}) {
        const Spoil<double> spoil = [](const StoredMatrix& m, const FinishedPlane<double>& plane,
                                       MatrixView<double> values) {
            if (m.role != Role::total) return;
            if (plane.row <= 12 && 12 < plane.row + values.rows && plane.column <= 2 &&
                2 < plane.column + values.cols) {
                values(12 - plane.row, 2 - plane.column) *= 1.001;
            }
            if (plane.row <= 2 && 2 < plane.row + values.rows && plane.column <= 12 &&
                12 < plane.column + values.cols) {
                values(2 - plane.row, 12 - plane.column) *= 1.001;
            }
        };
        const CheckReport report = check_spoilt<double>(example(), make_reduction(ReductionKind::trace, 3),
                                                        spoil, 23, 5, components);
        CHECK_FALSE(passed(report));
        CHECK(report.total.relative_error < 1e-12);  // the check samples do not see it
        CHECK(report.symmetry_error == 0);
        CHECK(report.total.probe_error > 1e-8);
        CHECK((report.worst_probe_row == 12 || report.worst_probe_row == 2));
    }
}

TEST_CASE("an entry that is wrong on one side of the diagonal only breaks the symmetry") {
    const Spoil<float> spoil = [](const StoredMatrix& m, const FinishedPlane<float>& plane,
                                  MatrixView<float> values) {
        if (m.role == Role::other && m.source == 1 && plane.row == 20 && plane.column == 0) {
            values(0, 0) += 1e-6F;
        }
    };
    const CheckReport report = check_spoilt<float>(example(), make_reduction(ReductionKind::trace, 3), spoil);
    CHECK_FALSE(passed(report));
    CHECK(report.symmetry_error > 0);
}

TEST_CASE("a NaN in any matrix of the file, on whichever rank, fails the checks") {
    const Network network = example();
    for (const std::string name : {"ntk", "fc1.weight", "fc2.weight", "fc3.bias", "fc1", "fc3"}) {
        for (const Index tile_row : {5, 20}) {
            const Spoil<double> spoil = [&](const StoredMatrix& m, const FinishedPlane<double>& plane,
                                            MatrixView<double> values) {
                if (m.name == name && plane.row == tile_row && plane.column == 10)
                    values(1, 1) = std::nan("");
            };
            CAPTURE(name);
            CHECK_FALSE(passed(check_spoilt<double>(network, make_reduction(ReductionKind::mean, 3), spoil)));
        }
    }
}

TEST_CASE("a negative diagonal entry of any matrix is found, its matrix and sample named") {
    // Sample 12 is none that is checked against the Jacobian.
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Reduction reduction = make_reduction(kind, 3);
        for (const std::string path :
             {"/ntk", "/components/fc2.weight", "/components/fc3.bias", "/conjugate_kernels/fc3"}) {
            const Spoil<float> spoil = [&](const StoredMatrix& m, const FinishedPlane<float>& plane,
                                           MatrixView<float> values) {
                const Index i = 12 * m.rows_each - plane.row;
                if (m.path == path && plane.row == plane.column && i >= 0 && i < values.rows)
                    values(i, i) = -values(i, i);
            };
            CAPTURE(path);
            const CheckReport report = check_spoilt<float>(example(), reduction, spoil);
            CHECK_FALSE(passed(report));
            CHECK(report.smallest_diagonal < 0);
            const std::string failure = first_failure(report);
            CHECK_MESSAGE(failure.starts_with("the diagonal of " + path + ", sample 12 is -"), failure);
        }
    }
    const CheckReport healthy =
        check_spoilt<float>(example(), make_reduction(ReductionKind::trace, 3), leave_alone<float>);
    CHECK(healthy.smallest_diagonal >= 0);
}

TEST_CASE("an indefinite kernel shows in the smallest eigenvalue") {
    const Spoil<double> spoil = [](const StoredMatrix& m, const FinishedPlane<double>& plane,
                                   MatrixView<double> values) {
        if (m.role != Role::total || plane.row != plane.column) return;
        for (Index i = 0; i < values.rows; ++i) values(i, i) *= 0.5;
    };
    const CheckReport report =
        check_spoilt<double>(example(), make_reduction(ReductionKind::trace, 3), spoil);
    bool found = false;
    for (const Verdict& verdict : verdicts(report))
        found = found || (verdict.from_below && !verdict.passed());
    CHECK(found);
}

TEST_CASE("check samples run from the first to the last, without repetition") {
    CHECK(spread_check_samples(1, 16) == std::vector<std::int64_t>{0});
    CHECK(spread_check_samples(5, 16) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
    const auto spread = spread_check_samples(10000, 16);
    CHECK(spread.front() == 0);
    CHECK(spread.back() == 9999);
    CHECK(std::adjacent_find(spread.begin(), spread.end(), std::greater_equal<>()) == spread.end());
}

TEST_CASE("the probe vector has both signs, as often") {
    double sum = 0;
    for (Index k = 0; k < 10000; ++k) sum += probe_sign(1, k);
    CHECK(std::abs(sum) < 400);  // four standard deviations
    std::string signs;
    for (Index k = 0; k < 16; ++k) signs += probe_sign(1, k) > 0 ? '+' : '-';
    CHECK(signs == "-++++-----++-+--");  // on every machine: a check can be repeated elsewhere
}
