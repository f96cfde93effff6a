#pragma once
// One operator case: a model, what it is given and what it must give, as tests/reference/onnx_operator_cases.py writes them; and
// the networks that are made of it.

#include "input/onnx/lowered_model.hpp"
#include "tangram/support/hdf5.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tangram::test {

struct Array {
    std::string name;
    onnx_file::Shape shape;
    std::vector<double> values;
};

struct Case {
    std::string name;
    onnx_file::Model model;
    double tolerance =
        0;  ///< of its outputs, relative to the largest or 1: wider than 1e-6 where they are float16's
    std::vector<Array> inputs, outputs;
};

std::vector<std::string> case_names(const h5::Handle& file);
Case read_case(const h5::Handle& file, const std::string& name);

/// How a network is made of it: every input x that varies is a sample's x + theta, a parameter theta = 0, so that d/dtheta is
/// d/dx; all others are parameters themselves, which all samples share.
struct Variant {
    std::string name;            ///< for messages
    std::vector<bool> varies{};  ///< [input]
};
/// All inputs vary; and where there are several, each of them alone.
std::vector<Variant> variants_of(const Case& its);

/// One output of it.
struct CaseNetwork {
    Network network{};
    std::vector<double> sample{};  ///< the inputs that vary, one after the other
    onnx_file::Shape shape{};      ///< of the output, as the network says it
    std::optional<std::vector<double>>
        numbers{};        ///< the output, where it depends on no input: nothing else is set then
    bool shared = false;  ///< the output depends on no sample: there is no network then
};
CaseNetwork make_network(const Case& its, const Variant& variant, const std::string& output);

}  // namespace tangram::test
