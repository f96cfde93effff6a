#pragma once
// The modules of a model file, as chain.cpp puts them in order: their tensors, and what about them a list of tensors cannot
// tell.

#include "tangram/input/layer_order.hpp"
#include "tangram/input/tensors.hpp"

#include <string>
#include <vector>

namespace tangram {

/// The tensors of one module; `bias` may be missing.
struct Module {
    std::string name;
    Tensor* weight = nullptr;
    Tensor* bias = nullptr;

    [[nodiscard]] ModuleWidths widths() const { return {name, weight->shape[1], weight->shape[0]}; }
};

/// What to do about weights that are (in, out): square ones among them do not show it.
inline constexpr const char* mend_kernels =
    "weights must be (out, in), a Keras kernel is (in, out): name all of them kernel instead of weight, also the square ones, and they are read transposed";

/// "fc1" of "fc1.weight"; "" of "weight".
std::string module_of(const std::string& tensor_name);
/// "weight" of "fc1.weight".
std::string kind_of(const std::string& tensor_name);
/// Whether a tensor of this name is the matrix of a layer: `weight`, or `kernel` as Keras and Flax call it.
bool is_weight_name(const std::string& tensor_name);

/// "file:fc1.weight, (128, 64)", for messages.
std::string where(const std::string& path, const Tensor& tensor);
/// "fc1.weight (128, 64)".
std::string name_and_shape(const Tensor& tensor);

/// Throws Error(bad_input) on the first tensor that is no weight (out, in) and no bias (out) of a fully connected layer,
/// naming what it seems to be: a normalization, a convolution, ...
void refuse_other_modules(const ModelFile& model);

/// The module that each weight and bias belongs to, in natural order. Bare `weight` and `bias` are a module
/// without a name. Throws Error(bad_input) on a name that cannot be used.
std::vector<Module> pair_tensors(ModelFile& model);

/// Throws Error(bad_input) unless the weight is (out, in) and the bias, if any, (out).
void check_module(const std::string& path, const Module& module);

// ---- what to do about layers that make no chain (chain_advice.cpp): lists of positions in `modules`
/// The layers as --layers takes them.
std::string as_list(const std::vector<Module>& modules, const std::vector<std::size_t>& order);
/// Names the parts FILE:GROUP that make a chain; where there are none, says what tells more.
std::string how_to_choose(const ModelFile& model);
/// "; or .. name one: FILE:GROUP", "" where no group makes a chain.
std::string and_groups(const ModelFile& model);
/// Says that one of the layers takes what another gives together with something earlier; "" if none does.
std::string joined_inputs(const std::vector<Module>& modules);
/// Says how to choose where `rest` are other outputs beside the chain's; "" where they are not.
std::string heads(const std::vector<Module>& modules, const std::vector<std::size_t>& chain,
                  const std::vector<std::size_t>& rest);

// ---- what is suspicious about a chain (chain_suspicions.cpp)
/// Throws Error(bad_input) where the layers are the same chain several times: several networks, not one.
void refuse_repetition(const std::string& path, const std::vector<Module>& ordered);

/// What in a chain is suspicious, a line each: blocks that may be residual, modules between that have no tensors, equal
/// tensors.
std::vector<std::string> suspicions(const std::vector<Module>& ordered);

/// Throws Error(bad_input) where layers of the chain shared a tensor in the checkpoint (metadata `tangram.shared`).
/// `all_layers`: the layers are all that the file has, so that a tensor that was written once counts too.
void refuse_shared_tensors(const ModelFile& model, const std::vector<Module>& ordered, bool all_layers);

}  // namespace tangram
