// What turns our outputs into the user's: each relation is found, and none is found where there is none.

#include "tangram/checks/outputs_relation.hpp"

#include "tangram/network/chain.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace tangram;

namespace {

Matrix<double> random_matrix(Index rows, Index cols, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    Matrix<double> values(rows, cols);
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < cols; ++j) values(i, j) = normal(random);
    }
    return values;
}

/// g(i, c) = of(f(i, c), c).
template <class Of>
Matrix<double> changed(const Matrix<double>& f, Of of) {
    Matrix<double> g(f.rows(), f.cols());
    for (Index i = 0; i < f.rows(); ++i) {
        for (Index c = 0; c < f.cols(); ++c) g(i, c) = of(f(i, c), c);
    }
    return g;
}

std::string first_line(const OutputsRelation& relation) {
    return relation.lines.empty() ? "" : relation.lines.front();
}

/// 3 - 5 - 2 with random weights.
Network small_network(const char* hidden) {
    Chain network;
    for (const auto& [out, in] : {std::pair<Index, Index>{5, 3}, {2, 5}}) {
        Layer layer;
        layer.weight = random_matrix(out, in, static_cast<unsigned>(out));
        layer.bias = {0.1, -0.2, 0.3, -0.4, 0.5};
        layer.bias.resize(at(out));
        network.layers.push_back(std::move(layer));
    }
    network.layers.front().activation = parse_activation(hidden);
    return make_network(std::move(network));
}

/// By the definition, with tanh.
Matrix<double> outputs_with_tanh(const Network& network, const Matrix<double>& X) {
    Matrix<double> out(X.rows(), 2);
    for (Index i = 0; i < X.rows(); ++i) {
        for (Index c = 0; c < 2; ++c) {
            double sum = network.tensors[3].values.data()[c];
            for (Index h = 0; h < 5; ++h) {
                double z = network.tensors[1].values.data()[h];
                for (Index j = 0; j < 3; ++j) z += network.tensors[0].values(h, j) * X(i, j);
                sum += network.tensors[2].values(c, h) * std::tanh(z);
            }
            out(i, c) = sum;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("constants and factors between outputs are found, one by one") {
    const Matrix<double> f = random_matrix(20, 3, 1);
    const auto relation = [&](auto of) { return relate_outputs(f.view(), changed(f, of).view(), 1e-9); };
    const OutputsRelation constant = relation([](double v, Index) { return v + 2.5; });
    CHECK(constant.differs_by_constants);
    CHECK(constant.error_beyond < 1e-15);
    CHECK(first_line(constant) == "your outputs are ours plus 2.5");
    const OutputsRelation one = relation([](double v, Index c) { return c == 1 ? v - 1 : v; });
    CHECK(one.differs_by_constants);
    CHECK(one.lines == std::vector<std::string>{"your output 0 is equal to ours",
                                                "your output 1 is ours plus -1",
                                                "your output 2 is equal to ours"});
    const OutputsRelation factor = relation([](double v, Index) { return -0.5 * v; });
    CHECK_FALSE(factor.differs_by_constants);
    CHECK(factor.factor == doctest::Approx(-0.5));
    CHECK(first_line(factor) == "your outputs are -0.5 times ours");
    const OutputsRelation both = relation([](double v, Index c) { return c == 0 ? 2 * v + 1 : v; });
    CHECK_FALSE(both.differs_by_constants);
    CHECK(first_line(both) == "your output 0 is 2 times ours plus 1");
    CHECK(factor_option(small_network("relu"), 0.5) ==
          "their kernel is 0.25 times ours: --output-scale 1,0.5");
}

TEST_CASE("a softmax of ours and another order of the samples are found") {
    const Matrix<double> f = random_matrix(20, 3, 2);
    Matrix<double> p(20, 3), turned(20, 3);
    for (Index i = 0; i < 20; ++i) {
        const double sum = std::exp(f(i, 0)) + std::exp(f(i, 1)) + std::exp(f(i, 2));
        for (Index c = 0; c < 3; ++c) {
            p(i, c) = std::exp(f(i, c)) / sum;
            turned(i, c) = f(i < 2 ? i : 21 - i, c);
        }
    }
    CHECK(first_line(relate_outputs(f.view(), p.view(), 1e-9))
              .starts_with("your outputs are the softmax of ours"));
    for (Index k = 0; k < p.size(); ++k) p.data()[k] = std::log(p.data()[k]);
    CHECK(first_line(relate_outputs(f.view(), p.view(), 1e-9)).find("--output-activation log_softmax") !=
          std::string::npos);
    const std::string order = first_line(relate_outputs(f.view(), turned.view(), 1e-9));
    CHECK(order.find("another order: your row 2 is our row 19") != std::string::npos);
}

TEST_CASE("nothing is found between outputs that have nothing to do with each other, or are too few") {
    const Matrix<double> f = random_matrix(20, 2, 3), g = random_matrix(20, 2, 4);
    CHECK(relate_outputs(f.view(), g.view(), 1e-5).lines.empty());
    const auto plus_one = [](double v, Index) { return v + 1; };
    const Matrix<double> few = random_matrix(3, 2, 5);
    CHECK_FALSE(relate_outputs(few.view(), changed(few, plus_one).view(), 1e-9).differs_by_constants);
    Matrix<double> flat = changed(f, [](double, Index) { return 3.0; });
    CHECK_FALSE(relate_outputs(f.view(), flat.view(), 1e-9).differs_by_constants);
}

TEST_CASE("the activation that would give the user's outputs is named, and none where none would") {
    const Matrix<double> X = random_matrix(8, 3, 6);
    const Network network = small_network("relu");
    const Matrix<double> theirs = outputs_with_tanh(network, X);
    CHECK(fitting_activation(network, X.view(), theirs.view(), 1e-9) ==
          "your outputs are those with another activation of the hidden layers: --activation tanh");
    const Matrix<double> squashed =
        changed(outputs_with_tanh(network, X), [](double v, Index) { return 1 / (1 + std::exp(-v)); });
    CHECK(fitting_activation(small_network("tanh"), X.view(), squashed.view(), 1e-9) ==
          "your outputs are those with another activation of the output: --output-activation sigmoid");
    CHECK(fitting_activation(network, X.view(), random_matrix(8, 2, 7).view(), 1e-9).empty());
}
