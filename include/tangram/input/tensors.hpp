#pragma once
// The named tensors of a model file, and the chain of layers that they make.

#include "tangram/network/chain.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/location.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace tangram {

/// One tensor of a model file, converted to float64. `values` is row-major; of tensors that are no weights and no
/// biases by their names, there may be none.
struct Tensor {
    std::string name;  ///< with the prefix of the group dropped
    std::vector<Index> shape;
    std::vector<double> values;
};

struct ModelFile {
    std::string path;
    std::vector<Tensor> tensors;
    std::map<std::string, std::string> metadata;  ///< safetensors' __metadata__
    std::vector<std::string> notes{};             ///< what of the reading the user should be told
    std::string group{};                          ///< the part of FILE:GROUP that was kept
    char separator = '.';                         ///< of modules in a name: '/' in HDF5
    std::set<std::string> linked{};               ///< other files that tensors lie in, behind links of HDF5's
};

/// Reads FILE or FILE:GROUP: safetensors, the index of one in several files, HDF5 or Keras (by its first bytes). With a
/// group, keeps the tensors under it. Matrices named `kernel` are (in, out) and come out transposed, with a note. Throws
/// Error(bad_input) naming file, tensor and shape.
ModelFile read_model(const std::string& location);

/// The same for a file of a known format; `group` is empty for the whole file.
ModelFile read_safetensors(const std::string& path, const std::string& group = "");
ModelFile read_hdf5_model(const std::string& path, const std::string& group = "");

/// Of a file that is open, in memory if `is_image`, which then holds all tensors itself; `path` is for messages.
ModelFile read_hdf5_model(const std::string& path, const h5::Handle& file, const std::string& group,
                          bool is_image = false);

/// The files that a model consists of: `path` and, if it is an index, the parts that it names.
std::vector<std::string> model_files(const std::string& path);

/// Whether a tensor of this name is the matrix or the bias of a layer: its values are read.
bool is_parameter_name(const std::string& tensor_name);

/// Throws Error(bad_input) naming `place` (file and tensor) and index of the first value that is NaN or infinite.
/// `is_half`: it is stored in float16, whose range ends early.
void require_finite(const std::string& place, const Tensor& tensor, bool is_half);

/// The network that the tensors make: `.weight` and `.bias` paired, layers in the order that the names settle
/// (or those in `layer_order` alone), widths chained. Activations and scales are left for configure(). What is suspicious
/// about it goes to `notes`, a line each. Throws Error(bad_input) naming whatever does not fit.
Chain chain_layers(ModelFile model, const std::vector<std::string>& layer_order,
                   std::vector<std::string>* notes = nullptr);

/// `given` with the gaps filled from the model file's metadata. Throws Error(bad_input) on metadata that
/// cannot be read.
NetworkOptions with_metadata_defaults(NetworkOptions given, const ModelFile& model);

/// Writes a safetensors file (F32), tensors in the order given. Throws Error(io).
void write_safetensors(const std::string& path, const std::vector<Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace tangram
