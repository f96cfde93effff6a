#pragma once
// The named tensors of a model file, and the chain of layers that they make.

#include "tangram/model/location.hpp"
#include "tangram/model/network.hpp"

#include <map>
#include <string>
#include <vector>

namespace tangram {

/// One tensor of a model file, converted to float64. `values` is row-major.
struct Tensor {
    std::string name;  ///< with the prefix of the group dropped
    std::vector<Index> shape;
    std::vector<double> values;
};

struct ModelFile {
    std::string path;
    std::vector<Tensor> tensors;
    std::map<std::string, std::string> metadata;  ///< safetensors' __metadata__
};

/// Reads FILE or FILE:GROUP, safetensors or HDF5 (by its first bytes). With a group, keeps the tensors under
/// it. Throws Error(bad_input) naming file, tensor and shape.
ModelFile read_model(const std::string& location);

/// The same for a file of a known format; `group` is empty for the whole file.
ModelFile read_safetensors(const std::string& path, const std::string& group = "");
ModelFile read_hdf5_model(const std::string& path, const std::string& group = "");

/// Throws Error(bad_input) naming `place` (file and tensor) and index of the first value that is NaN or infinite.
/// `is_half`: it is stored in float16, whose range ends early.
void require_finite(const std::string& place, const Tensor& tensor, bool is_half);

/// The network that the tensors make: `.weight` and `.bias` paired, layers in the order that the names settle
/// (or in `layer_order`), widths chained. Activations and scales are left for configure(). Throws
/// Error(bad_input) naming whatever does not fit.
Network chain_layers(ModelFile model, const std::vector<std::string>& layer_order);

/// `given` with the gaps filled from the model file's metadata. Throws Error(bad_input) on metadata that
/// cannot be read.
NetworkOptions with_metadata_defaults(NetworkOptions given, const ModelFile& model);

/// Writes a safetensors file (F32), tensors in the order given. Throws Error(io).
void write_safetensors(const std::string& path, const std::vector<Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace tangram
