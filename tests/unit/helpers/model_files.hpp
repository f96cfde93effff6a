#pragma once
// Model files as tests make them: the shapes matter, the values are all the same.

#include "tangram/input/tensors.hpp"

#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tangram::test {

inline Tensor tensor(const std::string& name, const std::vector<Index>& shape) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    return {name, shape, std::vector<double>(static_cast<std::size_t>(size), 0.5)};
}

inline ModelFile model_of(const std::vector<std::pair<std::string, std::vector<Index>>>& shapes) {
    ModelFile model{"m.safetensors", {}, {}};
    for (const auto& [name, shape] : shapes) model.tensors.push_back(tensor(name, shape));
    return model;
}

/// The weights `names` = {module, out, in}.
inline ModelFile weights(const std::vector<std::tuple<std::string, Index, Index>>& modules) {
    ModelFile model{"m.safetensors", {}, {}};
    for (const auto& [name, out, in] : modules) model.tensors.push_back(tensor(name + ".weight", {out, in}));
    return model;
}

}  // namespace tangram::test
