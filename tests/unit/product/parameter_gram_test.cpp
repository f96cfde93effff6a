// The parameter Gram J^T J: rows of J from features, tiles, and checks that must be able to fail, against explicit Jacobians
// by backpropagation of each sample.

#include "tangram/product/parameter_gram.hpp"

#include "graphs_on_positions.hpp"
#include "spoilt_file.hpp"
#include "tangram/tangent/jacobian_rows.hpp"
#include "tangram/tangent/reference/jacobian.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

struct Case {
    Network network;
    Reduction reduction;
};

Network network_of(int shape) {
    if (shape == 0) return random_network({4, 7, 5, 3}, {"tanh", "erf", "identity"}, {true, false, true}, 3);
    if (shape == 1) return random_network({3, 6, 2}, {"softplus", "sigmoid"}, {false, true}, 5);
    return random_network({5, 2}, {"identity"}, {false}, 7);
}

std::vector<Case> cases() {
    std::vector<Case> all;
    for (int shape = 0; shape < 3; ++shape) {
        for (const ReductionKind kind :
             {ReductionKind::trace, ReductionKind::mean, ReductionKind::sum, ReductionKind::logit}) {
            Case c{network_of(shape), {}};
            c.reduction = make_reduction(kind, c.network.outputs());
            if (kind == ReductionKind::logit) c.reduction.logit = c.network.outputs() - 1;
            all.push_back(std::move(c));
        }
    }
    return all;
}

/// Those, and a graph whose gradients are sums over positions.
std::vector<Case> cases_and_positions() {
    std::vector<Case> all = cases();
    all.push_back({random_on_positions(9), make_reduction(ReductionKind::trace, 3)});
    return all;
}

/// The first of them: trace, three layers, one without a bias.
Case first_case() {
    return std::move(cases().front());
}

/// All of J by backpropagation, tensor after tensor.
Matrix<double> explicit_jacobian(const Case& c, const Matrix<double>& X) {
    const std::vector<SampleGradient> samples = gradients(c.network, X);
    std::vector<Matrix<double>> parts;
    for (std::size_t t = 0; t < c.network.tensors.size(); ++t)
        parts.push_back(jacobian_block(c.network, c.reduction, static_cast<Index>(t), samples, 0,
                                       c.network.tensors[t].units()));
    Matrix<double> J(parts[0].rows(), c.network.parameters());
    Index column = 0;
    for (const Matrix<double>& part : parts) {
        for (Index i = 0; i < J.rows(); ++i)
            std::copy_n(part.view().row(i), part.cols(), J.view().row(i) + column);
        column += part.cols();
    }
    return J;
}

Matrix<double> explicit_gram(const Case& c, const Matrix<double>& X) {
    const Matrix<double> J = explicit_jacobian(c, X);
    Matrix<double> G(J.cols(), J.cols());
    for (Index i = 0; i < J.rows(); ++i) {
        for (Index p = 0; p < G.rows(); ++p) {
            for (Index q = 0; q < G.cols(); ++q) G(p, q) += c.reduction.factor() * J(i, p) * J(i, q);
        }
    }
    return G;
}

/// Panels of `tile` parameters, and the samples X.
GramProblem gram_problem(const Case& c, const Matrix<double>& X, Index tile) {
    return {c.network, c.reduction, {c.network.parameters(), tile, Unit::parameter}, set_of(X)};
}

std::vector<Tile> all_tiles(const GramProblem& problem) {
    return Axes::square(problem.parameters).all();
}

FeaturePanels features_of(const GramProblem& problem) {
    return {sample_batches(problem.samples.count, problem.reduction), problem.network, problem.reduction,
            problem.samples.read};
}

/// G put together from the planes of compute_gram_tiles().
template <class T>
Matrix<double> gram_by_tiles(const Case& c, const Matrix<double>& X, Index tile, const GramPace& pace) {
    const GramProblem problem = gram_problem(c, X, tile);
    Matrix<double> G(c.network.parameters(), c.network.parameters());
    FeaturePanels features = features_of(problem);
    compute_gram_tiles<T>(
        problem, features, all_tiles(problem), pace,
        [&](const FinishedPlane<T>& plane) {
            for (Index i = 0; i < plane.values.rows; ++i) {
                for (Index j = 0; j < plane.values.cols; ++j)
                    G(plane.row + i, plane.column + j) = static_cast<double>(plane.values(i, j));
            }
        },
        [] { return true; });
    return G;
}

/// Collective. Writes J^T J of 37 samples, spoilt, checks the file, and removes it.
CheckReport check_spoilt(const Case& c, const Spoil<double>& spoil) {
    const Matrix<double> X = random_samples(37, c.network.inputs(), 41);
    const Problem problem{c.network, c.reduction, set_of(X), {}, Precision::float64, 16};
    return test::check_spoilt<double>(product_named("params"), problem, spoil);
}

}  // namespace

TEST_CASE("rows of J from features are those of backpropagation, wherever the parameters are cut") {
    for (const Case& c : cases_and_positions()) {
        const Matrix<double> X = random_samples(9, c.network.inputs(), 17);
        const Matrix<double> J = explicit_jacobian(c, X);
        const auto blocks = parameter_blocks(c.network);
        const std::vector<Step> steps = steps_of(c.network, c.reduction);
        FeaturePanels features({9, 9}, c.network, c.reduction, reader(X));
        const FeatureView view = features.view(0);
        const Index P = c.network.parameters();
        REQUIRE(J.rows() == 9 * c.reduction.sensitivities());
        std::vector<double> squares(at(P));
        add_squared_jacobian(view, steps, blocks, squares);
        for (Index p = 0; p < P; ++p) {
            double expected = 0;
            for (Index i = 0; i < J.rows(); ++i) expected += J(i, p) * J(i, p);
            REQUIRE(squares[at(p)] == doctest::Approx(expected).epsilon(1e-12));
        }
        std::vector<double> s(256);  // as wide as the widest value
        for (const Index width : {Index{1}, Index{3}, Index{10}, P}) {
            for (Index first = 0; first < P; first += width) {
                const Index count = std::min(width, P - first);
                Matrix<double> rows(J.rows(), count);
                fill_jacobian_rows(view, steps, 0, runs_of_parameters(blocks, steps, first, count), s.data(),
                                   rows.view());
                for (Index i = 0; i < J.rows(); ++i) {
                    for (Index k = 0; k < count; ++k)
                        REQUIRE(rows(i, k) == doctest::Approx(J(i, first + k)).epsilon(1e-12));
                }
            }
        }
    }
}

TEST_CASE("parameters are named as the model and its tensors have them") {
    const Network network = random_network({4, 7, 3}, {"tanh", "identity"}, {true, false}, 3);
    const auto blocks = parameter_blocks(network);
    REQUIRE(blocks.size() == 3);
    CHECK(blocks.back().end() == network.parameters());
    CHECK(name_of_parameter(blocks, 0) == "fc1.weight[0, 0]");
    CHECK(name_of_parameter(blocks, 27) == "fc1.weight[6, 3]");
    CHECK(name_of_parameter(blocks, 30) == "fc1.bias[2]");
    CHECK(name_of_parameter(blocks, 35 + 8) == "fc2.weight[1, 1]");
}

TEST_CASE("tiles of J^T J are the explicit ones, over more than one batch of samples") {
    for (const Case& c : cases()) {
        const Index n = sample_batches(1 << 20, c.reduction).panel_size + 5;  // a batch and a rest
        const Matrix<double> X = random_samples(n, c.network.inputs(), 19);
        const Matrix<double> expected = explicit_gram(c, X);
        CHECK(largest_difference(gram_by_tiles<double>(c, X, 13, {1, 1, 1}), expected) < 1e-13);
        // Sums of 2048 products in float32.
        CHECK(largest_difference(gram_by_tiles<float>(c, X, 13, {2, 2, 2}), expected) < 3e-6);
    }
}

TEST_CASE("threads, tiles under way and batches held change no bit of J^T J") {
    const Case c = first_case();
    const Matrix<double> X = random_samples(3001, c.network.inputs(), 23);
    const Matrix<double> one = gram_by_tiles<double>(c, X, 16, {1, 1, 1});
    const Matrix<double> narrow = gram_by_tiles<float>(c, X, 16, {1, 1, 1});
    for (const GramPace& pace :
         {GramPace{2, 2, 1}, GramPace{3, 1, 2}, GramPace{1, 50, 100}, GramPace{4, 2, 3}}) {
        const Matrix<double> other = gram_by_tiles<double>(c, X, 16, pace);
        CHECK(std::equal(one.data(), one.data() + one.size(), other.data()));
        const Matrix<double> other_narrow = gram_by_tiles<float>(c, X, 16, pace);
        CHECK(std::equal(narrow.data(), narrow.data() + narrow.size(), other_narrow.data()));
    }
}

TEST_CASE("J^T J is exactly symmetric, and a stop on the way drops what is not whole") {
    const Case c = first_case();
    const Matrix<double> X = random_samples(40, c.network.inputs(), 29);
    const Matrix<double> G = gram_by_tiles<double>(c, X, 16, {2, 2, 1});
    for (Index i = 0; i < G.rows(); ++i) {
        for (Index j = 0; j < i; ++j) REQUIRE(G(i, j) == G(j, i));
    }
    const GramProblem problem = gram_problem(c, X, 16);
    int planes = 0;
    int asked = 0;
    FeaturePanels features = features_of(problem);
    compute_gram_tiles<double>(
        problem, features, all_tiles(problem), {1, 1, 1}, [&](const FinishedPlane<double>&) { ++planes; },
        [&] { return ++asked <= 3; });
    CHECK(planes == 1);  // asked before and after the first tile, then before and after the second
}

TEST_CASE("every tile of the parameters has one owner, and the ranks' samples are all of them") {
    const Case c = first_case();
    const Matrix<double> X(1000, c.network.inputs());
    const Problem problem{c.network, c.reduction, set_of(X), {}, Precision::float64, 5};
    const Product& product = product_named("params");
    const Shape shape = product.shape(problem);
    for (const int ranks : {1, 2, 3, 4, 7, 40}) {
        std::vector<int> owners(at(shape.axes.tiles()), 0);
        Index next = 0;
        double most = 0;
        double all = 0;
        for (int rank = 0; rank < ranks; ++rank) {
            double work = 0;
            for (const Tile& tile : product.distribute(shape, ranks, rank, {}).tiles) {
                ++owners[at(shape.axes.index_of(tile))];
                work += static_cast<double>(shape.axes.work(tile));
            }
            most = std::max(most, work);
            all += work;
            const PanelRange samples =
                shard_units(sample_batches(problem.samples.count, problem.reduction), {1, ranks}, rank);
            if (samples.size() == 0) continue;
            CHECK(samples.begin == next);
            next = samples.end;
        }
        CHECK(next == 1000);
        CHECK(std::all_of(owners.begin(), owners.end(), [](int count) { return count == 1; }));
        if (ranks <= 4) CHECK(most * ranks / all < 1.3);
    }
    CHECK(product.distribute(shape, 1, 0, TileSet(at(shape.axes.tiles()), true)).tiles.empty());
}

TEST_CASE("the checks of J^T J pass on what is right") {
    for (const Case& c : cases()) {
        const CheckReport report = check_spoilt(c, leave_alone<double>);
        CAPTURE(first_failure(report));
        CHECK(passed(report));
        CHECK(report.components.size() == parameter_blocks(c.network).size());
        CHECK(report.trace_error < 1e-13);
    }
}

TEST_CASE("the checks of J^T J fail on a scalar, a forgotten bias, one entry, a lost symmetry") {
    const Case c = first_case();
    const auto blocks = parameter_blocks(c.network);
    const auto fails = [&](const Spoil<double>& spoil) { return !passed(check_spoilt(c, spoil)); };
    const Spoil<double> by_a_scalar = [](const StoredMatrix&, const FinishedPlane<double>&,
                                         MatrixView<double> values) {
        for (Index i = 0; i < values.rows; ++i) {
            for (Index j = 0; j < values.cols; ++j) values(i, j) *= 1 + 1e-8;
        }
    };
    CHECK(fails(by_a_scalar));
    const Spoil<double> no_bias = [&](const StoredMatrix&, const FinishedPlane<double>& plane,
                                      MatrixView<double> values) {
        for (Index i = 0; i < values.rows; ++i) {
            const Index p = plane.row + i;
            for (Index j = 0; j < values.cols; ++j) {
                const Index q = plane.column + j;
                const auto in = [&](Index k) { return k >= blocks[1].first && k < blocks[1].end(); };
                if (in(p) || in(q)) values(i, j) = 0;
            }
        }
    };
    CHECK(fails(no_bias));
    const Spoil<double> one_pair = [&](const StoredMatrix&, const FinishedPlane<double>& plane,
                                       MatrixView<double> values) {
        if (plane.block == Tile{1, 0}) values(2, 3) += 1e-4;
        if (plane.block == Tile{0, 1}) values(3, 2) += 1e-4;
    };
    CHECK(fails(one_pair));
    const Spoil<double> one_side = [&](const StoredMatrix&, const FinishedPlane<double>& plane,
                                       MatrixView<double> values) {
        if (plane.block == Tile{2, 1}) values(0, 0) = std::nextafter(values(0, 0), 1e9);
    };
    CHECK(fails(one_side));
}
