// The parameter Gram J^T J: rows of J from features, tiles, and checks that must be able to fail, against explicit Jacobians
// by backpropagation of each sample.

#include "tangram/kernel/parameter_gram.hpp"

#include "random_networks.hpp"
#include "tangram/output/parameter_gram_check.hpp"
#include "tangram/output/tile_writer.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/tangent/jacobian.hpp"
#include "tangram/tangent/jacobian_rows.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
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

/// The first of them: trace, three layers, one without a bias.
Case first_case() {
    return std::move(cases().front());
}

/// All of J by backpropagation, tensor after tensor.
Matrix<double> explicit_jacobian(const Case& c, const Matrix<double>& X) {
    std::vector<SampleGradient> gradients;
    for (Index i = 0; i < X.rows(); ++i)
        gradients.push_back(backpropagate(c.network, {X.view().row(i), at(X.cols())}));
    std::vector<Matrix<double>> parts;
    for (const ParameterTensor& tensor : parameter_tensors(c.network))
        parts.push_back(jacobian_block(c.network, c.reduction, tensor, gradients, 0,
                                       c.network.layers[at(tensor.layer)].fan_out()));
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

ReadSamples reader(const Matrix<double>& X) {
    return [&X](Index first, MatrixView<double> out) {
        for (Index i = 0; i < out.rows; ++i) std::copy_n(X.view().row(first + i), out.cols, out.row(i));
    };
}

std::vector<Tile> all_tiles(const Panels& panels) {
    return distribute_parameters(panels, {1, 1}, 1, 0).tiles;
}

/// G put together from the planes of compute_gram_tiles().
template <class T>
Matrix<double> gram_by_tiles(const Case& c, const Matrix<double>& X, Index tile, const GramPace& pace) {
    const ReadSamples read = reader(X);
    const GramProblem problem{c.network, c.reduction, {c.network.parameters(), tile}, X.rows(), read};
    Matrix<double> G(c.network.parameters(), c.network.parameters());
    compute_gram_tiles<T>(
        problem, all_tiles(problem.parameters), pace,
        [&](const FinishedPlane<T>& plane) {
            for (Index i = 0; i < plane.values.rows; ++i) {
                for (Index j = 0; j < plane.values.cols; ++j)
                    G(plane.row + i, plane.column + j) = static_cast<double>(plane.values(i, j));
            }
        },
        [] { return true; });
    return G;
}

double largest_difference(const Matrix<double>& A, const Matrix<double>& B) {
    REQUIRE(A.rows() == B.rows());
    REQUIRE(A.cols() == B.cols());
    double worst = 0;
    double size = 0;
    for (Index k = 0; k < A.size(); ++k) {
        worst = std::max(worst, std::abs(A.data()[k] - B.data()[k]));
        size = std::max(size, std::abs(B.data()[k]));
    }
    return worst / size;
}

/// Changes one plane before it is written.
using Spoil = std::function<void(const FinishedPlane<double>&, MatrixView<double>)>;

/// Collective. Writes J^T J of 37 samples, spoilt, checks the file, and removes it.
CheckReport check_spoilt(const Case& c, const Spoil& spoil) {
    const auto world = mpi::Communicator::world();
    const std::string name = mpi::broadcast(world, "tangram_gram_" + std::to_string(getpid()) + ".h5");
    const std::string path = (std::filesystem::temp_directory_path() / name).string();
    Log log("none", std::make_shared<spdlog::sinks::null_sink_st>());
    const Matrix<double> X = random_samples(37, c.network.inputs(), 41);
    const KernelShape shape = make_parameter_gram_shape(37, 16, c.network, Precision::float64);
    const Distribution distribution = distribute_parameters(
        shape.panels, sample_batches(shape.samples, c.reduction), world.size(), world.rank());
    create_kernel_file(world, path, shape, {}, log);
    TileWriter writer(path, shape);
    const ReadSamples read = reader(X);
    const GramProblem problem{c.network, c.reduction, shape.panels, shape.samples, read};
    compute_gram_tiles<double>(
        problem, distribution.tiles, {1, 2, 1},
        [&](const FinishedPlane<double>& plane) {
            // The writer takes whole tiles: so may the spoiler.
            std::vector<double> copy(plane.values.data,
                                     plane.values.data + plane.values.ld * plane.values.ld);
            FinishedPlane<double> changed = plane;
            const MatrixView<double> values{copy.data(), plane.values.rows, plane.values.cols,
                                            plane.values.ld};
            spoil(plane, values);
            changed.values = values;
            writer.write(changed);
        },
        [] { return true; });
    mpi::barrier(world);
    CheckReport report;
    report.run = true;
    report.seed = 7;
    report.tolerance = 1e-10;
    const Matrix<double> check_X = random_samples(6, c.network.inputs(), 41);
    check_parameter_gram(world, path, shape, distribution, c.network, c.reduction, check_X.view(), read, 1,
                         report);
    mpi::barrier(world);
    if (world.is_root()) std::remove(path.c_str());
    return report;
}

}  // namespace

TEST_CASE("rows of J from features are those of backpropagation, wherever the parameters are cut") {
    for (const Case& c : cases()) {
        const Matrix<double> X = random_samples(9, c.network.inputs(), 17);
        const Matrix<double> J = explicit_jacobian(c, X);
        const auto blocks = parameter_blocks(c.network);
        const ReadSamples read = reader(X);
        FeaturePanels features({9, 9}, c.network, c.reduction, read);
        const FeatureView view{c.network, c.reduction, features.layout(), features.block(0), 9};
        const Index P = c.network.parameters();
        REQUIRE(J.rows() == 9 * c.reduction.sensitivities());
        std::vector<double> squares(at(P));
        add_squared_jacobian(view, blocks, squares);
        for (Index p = 0; p < P; ++p) {
            double expected = 0;
            for (Index i = 0; i < J.rows(); ++i) expected += J(i, p) * J(i, p);
            REQUIRE(squares[at(p)] == doctest::Approx(expected).epsilon(1e-12));
        }
        std::vector<double> s(16);
        for (const Index width : {Index{1}, Index{3}, Index{10}, P}) {
            for (Index first = 0; first < P; first += width) {
                const Index count = std::min(width, P - first);
                Matrix<double> rows(J.rows(), count);
                fill_jacobian_rows(view, 0, runs_of_parameters(blocks, first, count), s.data(), rows.view());
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
    const ReadSamples read = reader(X);
    const GramProblem problem{c.network, c.reduction, {c.network.parameters(), 16}, X.rows(), read};
    int planes = 0;
    int asked = 0;
    compute_gram_tiles<double>(
        problem, all_tiles(problem.parameters), {1, 1, 1}, [&](const FinishedPlane<double>&) { ++planes; },
        [&] { return ++asked <= 3; });
    CHECK(planes == 1);  // asked before and after the first tile, then before and after the second
}

TEST_CASE("every tile of the parameters has one owner, and the shards are all samples") {
    for (const int ranks : {1, 2, 3, 4, 7, 40}) {
        const Panels panels{103, 16};
        const Panels batches{1000, 204};
        std::vector<int> owners(at(panels.count() * (panels.count() + 1) / 2), 0);
        Index next = 0;
        double most = 0;
        double all = 0;
        for (int rank = 0; rank < ranks; ++rank) {
            const Distribution d = distribute_parameters(panels, batches, ranks, rank);
            double work = 0;
            for (const Tile& tile : d.tiles) {
                ++owners[at(tile_index(tile))];
                work += static_cast<double>(tile_work(panels, tile));
            }
            most = std::max(most, work);
            all += work;
            if (d.shard_samples.size() == 0) continue;
            CHECK(d.shard_samples.begin == next);
            next = d.shard_samples.end;
        }
        CHECK(next == 1000);
        CHECK(std::all_of(owners.begin(), owners.end(), [](int count) { return count == 1; }));
        if (ranks <= 4) CHECK(most * ranks / all < 1.3);
    }
    const Distribution rest = distribute_parameters({64, 16}, {5, 5}, 1, 0, TileSet(10, true));
    CHECK(rest.tiles.empty());
}

TEST_CASE("the checks of J^T J pass on what is right") {
    for (const Case& c : cases()) {
        const CheckReport report = check_spoilt(c, [](const auto&, auto) {});
        CAPTURE(first_failure(report));
        CHECK(passed(report));
        CHECK(report.components.size() == parameter_blocks(c.network).size());
        CHECK(report.trace_error < 1e-13);
    }
}

TEST_CASE("the checks of J^T J fail on a scalar, a forgotten bias, one entry, a lost symmetry") {
    const Case c = first_case();
    const auto blocks = parameter_blocks(c.network);
    const auto fails = [&](const Spoil& spoil) { return !passed(check_spoilt(c, spoil)); };
    const Spoil by_a_scalar = [](const FinishedPlane<double>&, MatrixView<double> values) {
        for (Index i = 0; i < values.rows; ++i) {
            for (Index j = 0; j < values.cols; ++j) values(i, j) *= 1 + 1e-8;
        }
    };
    CHECK(fails(by_a_scalar));
    const Spoil no_bias = [&](const FinishedPlane<double>& plane, MatrixView<double> values) {
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
    const Spoil one_pair = [&](const FinishedPlane<double>& plane, MatrixView<double> values) {
        if (plane.block == Tile{1, 0}) values(2, 3) += 1e-4;
        if (plane.block == Tile{0, 1}) values(3, 2) += 1e-4;
    };
    CHECK(fails(one_pair));
    const Spoil one_side = [&](const FinishedPlane<double>& plane, MatrixView<double> values) {
        if (plane.block == Tile{2, 1}) values(0, 0) = std::nextafter(values(0, 0), 1e9);
    };
    CHECK(fails(one_side));
}
