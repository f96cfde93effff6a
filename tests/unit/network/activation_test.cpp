// The activations against their definitions, written out naively in long double, and derivatives against
// differences of those.

#include "tangram/network/activation.hpp"

#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

using namespace tangram;
using test::error_of;
using test::says;

namespace {

using Real = long double;
constexpr Real pi = std::numbers::pi_v<Real>;

struct Definition {
    const char* name;
    Real (*phi)(Real);
};

Real normal_cdf(Real z) {
    return 0.5L * (1 + std::erf(z / std::sqrt(2.0L)));
}

const std::vector<Definition> definitions{
    {"identity", [](Real z) { return z; }},
    {"relu", [](Real z) { return z > 0 ? z : 0; }},
    {"leaky_relu", [](Real z) { return z > 0 ? z : z * static_cast<Real>(0.01); }},
    {"leaky_relu:-0.5", [](Real z) { return z > 0 ? z : -z / 2; }},
    {"elu", [](Real z) { return z > 0 ? z : std::exp(z) - 1; }},
    {"elu:2.5", [](Real z) { return z > 0 ? z : 2.5L * (std::exp(z) - 1); }},
    {"selu",
     [](Real z) {
         return 1.0507009873554804934193349852946L *
                (z > 0 ? z : 1.6732632423543772848170429916717L * (std::exp(z) - 1));
     }},
    {"tanh", [](Real z) { return std::sinh(z) / std::cosh(z); }},
    {"sigmoid", [](Real z) { return 1 / (1 + std::exp(-z)); }},
    {"erf", [](Real z) { return std::erf(z); }},
    {"gelu", [](Real z) { return z * normal_cdf(z); }},
    {"gelu_tanh",
     [](Real z) { return 0.5L * z * (1 + std::tanh(std::sqrt(2 / pi) * (z + 0.044715L * z * z * z))); }},
    {"silu", [](Real z) { return z / (1 + std::exp(-z)); }},
    {"softplus", [](Real z) { return std::log(1 + std::exp(z)); }},
    {"softplus:3", [](Real z) { return std::log(1 + std::exp(3 * z)) / 3; }},
    {"sin", [](Real z) { return std::sin(z); }},
    {"relu_normalized",
     [](Real z) { return std::sqrt(2 * pi / (pi - 1)) * ((z > 0 ? z : 0) - 1 / std::sqrt(2 * pi)); }},
    {"mish", [](Real z) { return z * std::tanh(std::log(1 + std::exp(z))); }},
    {"softsign", [](Real z) { return z / (1 + std::abs(z)); }},
    {"cos", [](Real z) { return std::cos(z); }},
    {"hardtanh", [](Real z) { return std::min(1.0L, std::max(-1.0L, z)); }},
    {"relu6", [](Real z) { return std::min(6.0L, std::max(0.0L, z)); }},
    {"hardswish", [](Real z) { return z * std::min(6.0L, std::max(0.0L, z + 3)) / 6; }},
    {"hardsigmoid", [](Real z) { return std::min(6.0L, std::max(0.0L, z + 3)) / 6; }},
    {"log_cosh", [](Real z) { return std::log(std::cosh(z)); }},
    {"celu", [](Real z) { return z > 0 ? z : std::exp(z) - 1; }},
    {"celu:2.5", [](Real z) { return z > 0 ? z : 2.5L * (std::exp(z / 2.5L) - 1); }},
};

/// Central differences of sixth order: the error is of order h^6.
Real derivative(Real (*phi)(Real), Real z) {
    const Real h = 2e-3L;
    return (45 * (phi(z + h) - phi(z - h)) - 9 * (phi(z + 2 * h) - phi(z - 2 * h)) +
            (phi(z + 3 * h) - phi(z - 3 * h))) /
           (60 * h);
}

struct Point {
    double x;
    double dx;
};

Point at(const std::string& name, double z, double scale = 1) {
    Point point{};
    activate(parse_activation(name), scale, {&z, 1}, {&point.x, 1}, {&point.dx, 1});
    return point;
}

}  // namespace

TEST_CASE("every activation and its derivative agree with the definition") {
    for (const Definition& definition : definitions) {
        INFO(definition.name);
        for (int i = -59; i <= 59; i += 2) {   // never 0, where some have a kink
            const double z = i / 10.0 + 0.03;  // nor another kink within the differences
            INFO(z);
            const Point point = at(definition.name, z, 0.75);
            CHECK(std::abs(point.x - 0.75L * definition.phi(z)) <=
                  4e-15L * (1 + std::abs(definition.phi(z))));
            CHECK(std::abs(point.dx - 0.75L * derivative(definition.phi, z)) <= 1e-12L);
        }
    }
}

TEST_CASE("the table of definitions leaves out no activation") {
    for (const std::string& name : activation_names()) {
        INFO(name);
        bool found = false;
        for (const Definition& definition : definitions) found = found || name == definition.name;
        CHECK(found);
    }
    CHECK(activation_names().size() == 23);
}

TEST_CASE("derivatives at a kink are PyTorch's") {
    CHECK(at("relu", 0).dx == 0);
    CHECK(at("relu", -0.0).dx == 0);
    CHECK(at("relu_normalized", 0).dx == 0);
    CHECK(at("leaky_relu", 0).dx == 0.01);
    CHECK(at("leaky_relu:0.2", 0).dx == 0.2);
    CHECK(at("elu", 0).dx == 1);
    CHECK(at("elu:0.5", 0).dx == 0.5);
    for (const double bound : {-1.0, 1.0}) CHECK(at("hardtanh", bound).dx == 0);
    for (const double bound : {0.0, 6.0}) CHECK(at("relu6", bound).dx == 0);
    for (const double bound : {-3.0, 3.0}) CHECK(at("hardsigmoid", bound).dx == 0);
    CHECK(at("hardswish", -3).dx == -0.5);
    CHECK(at("hardswish", 3).dx == 1.5);
    CHECK(at("celu:2.5", 0).dx == 1);
    CHECK(at("selu", 0).dx == doctest::Approx(1.0507009873554805 * 1.6732632423543772).epsilon(1e-15));
}

TEST_CASE("softplus is linear beyond PyTorch's threshold, and not before") {
    CHECK(at("softplus", 20.5).x == 20.5);
    CHECK(at("softplus", 20.5).dx == 1);
    CHECK(at("softplus", 19.5).x > 19.5);
    CHECK(at("softplus", 19.5).dx < 1);
    CHECK(at("softplus:100", 0.21).x == 0.21);
    CHECK(at("softplus:0.1", 30).x > 30);
}

TEST_CASE("no finite preactivation gives a NaN, an infinity or a wrong limit") {
    for (const double z : {750.0, 4e4, 1e200, std::numeric_limits<double>::max()}) {
        for (const std::string& name : activation_names()) {
            INFO(name, " ", z);
            for (const double argument : {z, -z}) {
                const Point point = at(name, argument, 0.5);
                CHECK(std::isfinite(point.x));
                CHECK(std::isfinite(point.dx));
            }
        }
        for (const char* name : {"tanh", "erf", "sigmoid"}) {
            CHECK(at(name, z).x == 1);
            CHECK(at(name, z).dx == 0);
            CHECK(at(name, -z).x == (std::string(name) == "sigmoid" ? 0 : -1));
            CHECK(at(name, -z).dx == 0);
        }
        for (const char* name : {"relu", "gelu", "gelu_tanh", "silu", "softplus", "elu"}) {
            CHECK(at(name, z).x == z);
            CHECK(at(name, z).dx == 1);
            CHECK(at(name, -z).x == (std::string(name) == "elu" ? -1 : 0));
            CHECK(at(name, -z).dx == 0);
        }
    }
}

TEST_CASE("the tails keep their relative precision") {
    const double e = std::exp(-40.0);
    CHECK(at("sigmoid", -40).x == doctest::Approx(e).epsilon(1e-14));
    CHECK(at("sigmoid", 40).dx == doctest::Approx(e).epsilon(1e-14));
    CHECK(at("tanh", 20).dx == doctest::Approx(4 * e).epsilon(1e-14));
    CHECK(at("softplus", -40).x == doctest::Approx(e).epsilon(1e-14));
    CHECK(at("elu", -1e-20).x == doctest::Approx(-1e-20).epsilon(1e-14));
    CHECK(at("gelu", -10).x == doctest::Approx(-10 * 7.619853024160526e-24).epsilon(1e-12));
}

TEST_CASE("a NaN is passed on and not turned into a number") {
    for (const std::string& name : activation_names()) {
        INFO(name);
        CHECK(std::isnan(at(name, std::nan("")).x));
    }
}

TEST_CASE("activations read back from their own text") {
    for (const Definition& definition : definitions) {
        INFO(definition.name);
        CHECK(to_string(parse_activation(definition.name)) == definition.name);
    }
    CHECK(parse_activation("leaky_relu").parameter == 0.01);
    CHECK(to_string(parse_activation("leaky_relu:0.010")) == "leaky_relu");
    for (const auto& [alias, name] :
         std::vector<std::pair<const char*, const char*>>{{"swish", "silu"},
                                                          {"linear", "identity"},
                                                          {"none", "identity"},
                                                          {"gelu_new", "gelu_tanh"},
                                                          {"gelu_pytorch_tanh", "gelu_tanh"}})
        CHECK(to_string(parse_activation(alias)) == name);
    const Activation third{ActivationKind::elu, 1.0 / 3.0};
    CHECK(parse_activation(to_string(third)) == third);
}

TEST_CASE("what is no activation is refused with exit code 2") {
    const auto refusal = [](const std::string& text) {
        return error_of(ExitCode::usage, [&] { parse_activation(text); });
    };
    CHECK(says(refusal("rleu"), "did you mean relu?"));
    CHECK(says(refusal("LeakyReLU"), "did you mean leaky_relu?"));
    CHECK(says(refusal("rleu"), "softplus, sin, relu_normalized"));
    for (const char* other : {"softmin", "exp", "prelu", "tan", "logsigmoid", "nothing_like_it"}) {
        INFO(other);
        CHECK(says(refusal(other), "unknown activation"));
        CHECK(refusal(other).find("did you mean") == std::string::npos);
    }
    CHECK(says(refusal("softmax"), "--output-activation softmax or log_softmax"));
    for (const char* text :
         {"", "Relu", "relu ", "relu:", "relu:1", "identity:0", "elu:", "elu:x", "elu:1x", "elu:nan",
          "elu:inf", "elu:1e999", "elu:1:2", "leaky_relu: 1", "softplus:0", "softplus:-1", ":", ":1"}) {
        INFO(text);
        CHECK(says(refusal(text), ""));
    }
    CHECK(says(refusal("a\nb\x1b[31m"), "'a?b?[31m'"));
}

TEST_CASE("a kink is where the derivative jumps") {
    for (const std::string& name : activation_names()) {
        INFO(name);
        std::vector<double> jumps;
        for (int half = -40; half <= 40; ++half) {  // those that there are lie at integers
            const double z = 0.5 * half, step = 1e-7;
            if (std::abs(at(name, z + step).dx - at(name, z - step).dx) > 1e-3) jumps.push_back(z);
        }
        CHECK(kinks(parse_activation(name)) == jumps);
        CHECK(has_kink(parse_activation(name)) == !jumps.empty());
    }
    CHECK(has_kink(parse_activation("elu:0.5")));
    CHECK_FALSE(has_kink(parse_activation("leaky_relu:1")));
}
