// The reference's activations against PyTorch's values (printed by torch.autograd in float64) and their
// limits.

#include "tangram/tangent/reference/jacobian.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <iterator>
#include <string>

using namespace tangram;

namespace {

struct Known {
    const char* name;
    std::array<DualValue, 3> at;  ///< at z = -1.3, 0, 0.7
};

constexpr Known known[] = {
    {"identity", {{{-1.3, 1}, {0, 1}, {0.7, 1}}}},
    {"relu", {{{0, 0}, {0, 0}, {0.7, 1}}}},
    {"leaky_relu:0.2", {{{-0.26, 0.2}, {0, 0.2}, {0.7, 1}}}},
    {"elu:1.5", {{{-1.0912023104489812, 0.40879768955101892}, {0, 1.5}, {0.7, 1}}}},
    {"selu",
     {{{-1.2789613751543256, 0.47913796569305123},
       {0, 1.7580993408473766},
       {0.73549069114883625, 1.0507009873554805}}}},
    {"tanh",
     {{{-0.86172315931330634, 0.25743319670309406}, {0, 1}, {0.6043677771171635, 0.63473958998245861}}}},
    {"sigmoid",
     {{{0.21416501695744139, 0.16829836246906024}, {0.5, 0.25}, {0.66818777216816616, 0.22171287329310904}}}},
    {"erf",
     {{{-0.93400794494065242, 0.20820798679606964},
       {0, 1.1283791670955126},
       {0.67780119383741844, 0.69127486041053865}}}},
    {"gelu",
     {{{-0.12584062996129339, -0.12597868507653925}, {0, 0.5}, {0.53062544344384888, 0.97661410113365987}}}},
    {"gelu_tanh",
     {{{-0.12607098768269059, -0.12587806978401672}, {0, 0.5}, {0.53057013470511671, 0.97635721865610403}}}},
    {"silu",
     {{{-0.27841452204467382, -0.0046228542523369187},
       {0, 0.5},
       {0.46773144051771626, 0.82338678347334249}}}},
    {"softplus:2",
     {{{0.035822345983834908, 0.069138420343346815},
       {0.34657359027997264, 0.5},
       {0.81020870495922548, 0.80218388855858169}}}},
    {"sin",
     {{{-0.96355818541719296, 0.26749882862458735}, {0, 1}, {0.64421768723769102, 0.7648421872844885}}}},
    {"relu_normalized",
     {{{-0.68333169612148092, 0}, {-0.68333169612148092, 0}, {0.51566928919328292, 1.7128585504496627}}}},
    {"mish",
     {{{-0.30738246474949588, -0.026400962159801551},
       {0, 0.59999999999999998},
       {0.56114837764385184, 0.9687948682001859}}}},
    {"softsign",
     {{{-0.56521739130434789, 0.1890359168241966}, {0, 1}, {0.41176470588235292, 0.34602076124567477}}}},
    {"cos",
     {{{0.26749882862458735, 0.96355818541719296}, {1, -0}, {0.7648421872844885, -0.64421768723769102}}}},
    {"hardtanh", {{{-1, 0}, {0, 1}, {0.69999999999999996, 1}}}},
    {"relu6", {{{0, 0}, {0, 0}, {0.69999999999999996, 1}}}},
    {"hardswish",
     {{{-0.36833333333333335, 0.066666666666666652}, {0, 0.5}, {0.43166666666666664, 0.73333333333333328}}}},
    {"hardsigmoid",
     {{{0.28333333333333333, 0.16666666666666666},
       {0.5, 0.16666666666666666},
       {0.6166666666666667, 0.16666666666666666}}}},
    {"log_cosh",
     {{{0.67849751140772452, -0.86172315931330634}, {0, 0}, {0.22727022935850563, 0.60436777711716339}}}},
    {"celu:1.5", {{{-0.8694744232369771, 0.4203503845086819}, {0, 1}, {0.69999999999999996, 1}}}},
};

}  // namespace

TEST_CASE("reference activations and their dual-number derivatives are PyTorch's, at kinks too") {
    CHECK(std::size(known) == activation_names().size());
    const double points[] = {-1.3, 0, 0.7};
    for (const Known& activation : known) {
        CAPTURE(activation.name);
        for (std::size_t i = 0; i < 3; ++i) {
            const DualValue found = reference_activation(parse_activation(activation.name), points[i]);
            CHECK(std::abs(found.value - activation.at[i].value) < 1e-15);
            CHECK(std::abs(found.derivative - activation.at[i].derivative) < 1e-15);
        }
    }
}

TEST_CASE("reference activations reach their limits at huge arguments, without NaN") {
    for (const std::string& name : activation_names()) {
        CAPTURE(name);
        const Activation activation = parse_activation(name);
        for (const double z : {1e3, 1e4, 1e200}) {
            const DualValue above = reference_activation(activation, z);
            const DualValue below = reference_activation(activation, -z);
            CHECK(std::isfinite(above.value));
            CHECK(std::isfinite(above.derivative));
            CHECK(std::isfinite(below.value));
            CHECK(std::isfinite(below.derivative));
            if (name == "gelu" || name == "gelu_tanh" || name == "silu" || name == "softplus" ||
                name == "relu") {
                CHECK(above.value == z);
                CHECK(above.derivative == 1);
                CHECK(below.value == 0);
                CHECK(below.derivative == 0);
            }
            if (name == "tanh" || name == "erf" || name == "sigmoid") {
                CHECK(above.value == 1);
                CHECK(above.derivative == 0);
                CHECK(below.derivative == 0);
            }
        }
    }
}

TEST_CASE("derivatives of saturated units keep their digits") {
    const auto derivative = [](const char* name, double z) {
        return reference_activation(parse_activation(name), z).derivative;
    };
    for (const double sign : {-1.0, 1.0}) {
        CHECK(derivative("sigmoid", sign * 400) / std::exp(-400.0) == doctest::Approx(1).epsilon(1e-13));
        CHECK(derivative("tanh", sign * 100) / (4 * std::exp(-200.0)) == doctest::Approx(1).epsilon(1e-13));
    }
}
