#pragma once
// Models that Keras saved: version 2's .h5, version 3's .weights.h5, and .keras, a zip archive of a .weights.h5 and the
// configuration. Layers in their order, with kernel (in, out) and bias; what the configuration says of activations becomes
// metadata, as a safetensors file may have it.

#include "tangram/input/tensors.hpp"
#include "tangram/support/hdf5.hpp"

#include <functional>
#include <string>

namespace tangram {

/// Reads one dataset of the file as a tensor of that name; `link` is its path from the group that was opened.
using ReadTensor = std::function<Tensor(const std::string& name, const std::string& link)>;

/// Whether `root`, a file or a group of it, is laid out as Keras does.
bool is_keras(const h5::Handle& root);

/// The tensors below `root`, named "dense.kernel", "dense.bias".
ModelFile read_keras(const std::string& path, const h5::Handle& root, const ReadTensor& read);

/// Fills activations into the metadata from Keras' configuration, a JSON text, as `version` of Keras ("" if unknown) means
/// it. Throws Error(bad_input) on a layer that is no dense one, naming it, and on layers that are no chain.
void apply_keras_config(ModelFile& model, const std::string& config, const std::string& version);

/// The version in an archive's metadata.json; "" where it has none.
std::string keras_version(const std::string& metadata);

}  // namespace tangram
