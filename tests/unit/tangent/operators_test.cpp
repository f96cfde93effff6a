// Each operator's pull-back is the adjoint of its derivative, sample by sample and row by row,
//
//   sum_j S[i r, j] dF[i, j] = sum over inputs k, entries e of pulled_k[i r, e] V_k[i, e]      dF: F's change along V
//
// with dF by central differences of the forward pass.

#include "tangram/tangent/operators.hpp"

#include "random_networks.hpp"
#include "worst.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

/// A network of one node that sees its inputs as they are given.
Network dense(Index in, Index out, bool bias) {
    Network network;
    network.values.push_back({"input", in});
    Matrix<double> W(out, in);
    fill_random(W.view(), 3);
    std::vector<Index> tensors{add_tensor(network, "W", {out, in}, std::move(W))};
    if (bias) {
        Matrix<double> B(out, 1);
        fill_random(B.view(), 4);
        tensors.push_back(add_tensor(network, "B", {out}, std::move(B)));
    }
    network.output = add_node(network, Dense{1.7, -0.6}, "dense", {0}, tensors, out);
    return network;
}

Network activation(const std::string& phi, Index width) {
    Network network;
    network.values.push_back({"input", width});
    network.output = add_activation(network, phi, 0, -1.3);
    return network;
}

Network softmax(bool logarithm, Index width) {
    Network network;
    network.values.push_back({"input", width});
    network.output =
        add_node(network, Softmax{logarithm, -1.3}, logarithm ? "log_softmax" : "softmax", {0}, {}, width);
    return network;
}

Network sum(Index width) {
    Network network;
    network.values.push_back({"x", width});
    network.values.push_back({"y", width});
    network.output = add_sum(network, 0, 1);
    return network;
}

Network product(Index width) {
    Network network;
    network.values.push_back({"x", width});
    network.values.push_back({"y", width});
    network.output = add_product(network, 0, 1);
    return network;
}

/// The only node of the network, and the arrays of n samples.
struct Application {
    Application(const Network& of, Index n) : network(of), node(of.nodes.front()) {
        const Index d = network.values[at(node.output)].size;
        output = Matrix<double>(n, d);
        kept = Matrix<double>(n, routines_of(node.op).kept_values(d));
    }
    void forward(const std::vector<Matrix<double>>& given) {
        inputs.clear();
        views.clear();
        for (const Matrix<double>& input : given) {
            Matrix<double> copy(input.rows(), input.cols());
            std::copy_n(input.data(), input.size(), copy.data());
            inputs.push_back(std::move(copy));
        }
        for (const Matrix<double>& input : std::as_const(inputs)) views.push_back(input.view());
        routines_of(node.op).forward({network, node, views, output.view(), kept.view()});
    }
    /// Adds to `to` where `adds`.
    void pull_back(const Matrix<double>& S, std::vector<Matrix<double>>& to, bool adds) {
        std::vector<Contribution> contributions;
        for (Matrix<double>& one : to) contributions.push_back({one.view(), adds});
        routines_of(node.op).pull_back(
            {network, node, views, S.view(), std::as_const(kept).view(), contributions});
    }
    const Network& network;
    const Node& node;
    std::vector<Matrix<double>> inputs;
    std::vector<ConstMatrixView<double>> views;
    Matrix<double> output, kept;
};

/// [k]: (n, d_k), in (-size, size).
std::vector<Matrix<double>> arrays_of_inputs(const Network& network, Index n, std::uint64_t seed,
                                             double size = 1) {
    std::vector<Matrix<double>> all;
    for (const Index input : network.nodes.front().inputs) {
        all.push_back(random_samples(n, network.values[at(input)].size, seed++));
        for (Index k = 0; k < all.back().size(); ++k) all.back().data()[k] *= size;
    }
    return all;
}

/// x + h v
std::vector<Matrix<double>> moved(const std::vector<Matrix<double>>& x, const std::vector<Matrix<double>>& v,
                                  double h) {
    std::vector<Matrix<double>> all;
    for (std::size_t k = 0; k < x.size(); ++k) {
        all.emplace_back(x[k].rows(), x[k].cols());
        for (Index e = 0; e < x[k].size(); ++e) all[k].data()[e] = x[k].data()[e] + h * v[k].data()[e];
    }
    return all;
}

/// The largest relative error of the identity, for n samples of R rows whose entries are of this size.
double adjoint_error(const Network& network, Index n, Index R, double size = 1) {
    const auto x = arrays_of_inputs(network, n, 21, size);
    const auto v = arrays_of_inputs(network, n, 31, size);
    const double h = 1e-5;
    Application up(network, n), down(network, n), here(network, n);
    up.forward(moved(x, v, h));
    down.forward(moved(x, v, -h));
    here.forward(x);
    const Matrix<double> S = random_samples(n * R, here.output.cols(), 41);
    auto pulled = arrays_of_inputs(network, n * R, 51);  // what was there must not matter
    here.pull_back(S, pulled, false);
    double worst = 0;
    for (Index row = 0; row < n * R; ++row) {
        double expected = 0, found = 0, terms = 0;
        for (Index j = 0; j < S.cols(); ++j) {
            const double dF = (up.output(row / R, j) - down.output(row / R, j)) / (2 * h);
            expected += S(row, j) * dF;
            terms += std::abs(S(row, j) * dF);
        }
        for (std::size_t k = 0; k < pulled.size(); ++k) {
            for (Index e = 0; e < pulled[k].cols(); ++e) found += pulled[k](row, e) * v[k](row / R, e);
        }
        const double error = std::abs(found - expected) / terms;
        keep_worst(worst, error);
    }
    return worst;
}

std::vector<Network> all_nodes() {
    std::vector<Network> all;
    all.push_back(dense(4, 3, true));
    all.push_back(dense(1, 5, false));
    all.push_back(dense(6, 1, true));
    all.push_back(sum(4));
    all.push_back(sum(1));
    all.push_back(product(4));
    all.push_back(product(1));
    all.push_back(softmax(false, 4));
    all.push_back(softmax(true, 4));
    for (const char* phi : {"tanh", "identity", "gelu", "sin", "softplus", "silu", "erf", "sigmoid"})
        all.push_back(activation(phi, 5));
    return all;
}

}  // namespace

TEST_CASE("every pull-back is the adjoint of the operator's derivative") {
    for (const Network& network : all_nodes()) {
        CAPTURE(network.nodes.front().name);
        for (const Index n : {1, 2, 7}) {
            for (const Index R : {1, 3}) CHECK(adjoint_error(network, n, R) < 1e-8);
        }
    }
}

TEST_CASE("softmax of very large, very small and very different numbers is finite, and adds up to one") {
    for (const double size : {1e-160, 1.0, 700.0, 1e150}) {
        for (const bool logarithm : {false, true}) {
            CAPTURE(size);
            CAPTURE(logarithm);
            const Network network = softmax(logarithm, 5);
            Application applied(network, 3);
            applied.forward(arrays_of_inputs(network, 3, 25, size));
            auto pulled = arrays_of_inputs(network, 3, 55);
            applied.pull_back(random_samples(3, 5, 45), pulled, false);
            for (Index i = 0; i < 3; ++i) {
                double sum = 0;
                for (Index j = 0; j < 5; ++j) {
                    const double x = applied.output(i, j) / -1.3;
                    sum += logarithm ? std::exp(x) : x;
                    CHECK(std::isfinite(x));
                    CHECK(std::isfinite(pulled[0](i, j)));
                }
                CHECK(sum == doctest::Approx(1).epsilon(1e-14));
            }
        }
    }
}

TEST_CASE("linear operators pull back whatever the size of their inputs") {
    const Network linear[] = {dense(4, 3, false), sum(4), activation("identity", 5)};
    for (const double size : {1e-160, 1e150}) {
        for (const Network& network : linear) CHECK(adjoint_error(network, 3, 2, size) < 1e-8);
    }
}

TEST_CASE("a pull-back adds to what other consumers have left, where it is told to") {
    for (const Network& network : all_nodes()) {
        CAPTURE(network.nodes.front().name);
        Application applied(network, 3);
        applied.forward(arrays_of_inputs(network, 3, 22));
        const Matrix<double> S = random_samples(6, applied.output.cols(), 42);
        auto alone = arrays_of_inputs(network, 6, 52);
        const auto before = arrays_of_inputs(network, 6, 62);
        auto added = arrays_of_inputs(network, 6, 62);
        applied.pull_back(S, alone, false);
        applied.pull_back(S, added, true);
        for (std::size_t k = 0; k < alone.size(); ++k) {
            for (Index e = 0; e < alone[k].size(); ++e)
                CHECK(added[k].data()[e] ==
                      doctest::Approx(before[k].data()[e] + alone[k].data()[e]).epsilon(1e-14));
        }
    }
}

TEST_CASE("what works in place leaves there what it leaves elsewhere") {
    int in_place = 0;
    for (const Network& network : all_nodes()) {
        if (!routines_of(network.nodes.front().op).works_in_place) continue;
        ++in_place;
        Application applied(network, 3);
        applied.forward(arrays_of_inputs(network, 3, 23));
        Matrix<double> S = random_samples(6, applied.output.cols(), 43);
        auto elsewhere = arrays_of_inputs(network, 6, 53);
        applied.pull_back(S, elsewhere, false);
        const std::vector<Contribution> here{{S.view(), false}};
        routines_of(applied.node.op)
            .pull_back({network, applied.node, applied.views, std::as_const(S).view(),
                        std::as_const(applied.kept).view(), here});
        CHECK(std::equal(S.data(), S.data() + S.size(), elsewhere[0].data()));
    }
    CHECK(in_place == 10);  // the activations, and softmax
}

TEST_CASE("an input that nobody asks for is left out of a pull-back, and the other has what it has with it") {
    const Network networks[] = {sum(3), product(3)};
    for (const Network& network : networks) {
        CAPTURE(network.nodes.front().name);
        Application applied(network, 2);
        applied.forward(arrays_of_inputs(network, 2, 24));
        const Matrix<double> S = random_samples(4, 3, 44);
        auto both = arrays_of_inputs(network, 4, 54);
        applied.pull_back(S, both, false);
        for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
            Matrix<double> alone(4, 3);
            std::vector<Contribution> to(2);
            to[k] = {alone.view(), false};
            routines_of(applied.node.op)
                .pull_back(
                    {network, applied.node, applied.views, S.view(), std::as_const(applied.kept).view(), to});
            CHECK(std::equal(alone.data(), alone.data() + alone.size(), both[k].data()));
        }
    }
}
