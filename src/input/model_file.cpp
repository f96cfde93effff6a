// Which reader a model's file goes to, and what holds for tensors of either kind.

#include "chain_modules.hpp"
#include "file_format.hpp"
#include "keras.hpp"
#include "sharded_safetensors.hpp"
#include "tangram/input/tensors.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"
#include "tangram/support/zip.hpp"

#include <hdf5_hl.h>

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

[[noreturn]] void refuse_model(const std::string& path, FileFormat format) {
    if (format == FileFormat::zip || format == FileFormat::pickle) {
        fail(
            ExitCode::bad_input,
            "a pickle or a zip archive, as PyTorch's .pt and NumPy's .npz are, is never read ({}): convert it with jobs/to_safetensors.py",
            path);
    }
    fail(
        ExitCode::bad_input,
        "neither a safetensors nor an HDF5 nor a Keras nor an ONNX file ({}): save the state_dict as safetensors, or export the model as ONNX",
        path);
}

/// A .keras file.
ModelFile read_keras_archive(const std::string& path, const std::string& group) {
    const std::vector<ZipMember> members = read_zip(path);
    const auto member = [&](const char* name) {
        return std::find_if(members.begin(), members.end(),
                            [&](const ZipMember& m) { return m.name == name; });
    };
    const auto weights = member("model.weights.h5"), config = member("config.json");
    if (weights == members.end() || config == members.end()) {
        fail(ExitCode::bad_input,
             "a Keras archive without model.weights.h5 and config.json ({}): save the model again", path);
    }
    std::string image = read_member(path, *weights);
    const h5::Handle file(H5LTopen_file_image(image.data(), image.size(),
                                              H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE),
                          H5Fclose);
    if (!file.valid()) {
        fail(ExitCode::bad_input, "cannot open the weights in a Keras archive ({}): {}: is it whole?", path,
             printable(h5::last_error()));
    }
    ModelFile model = read_hdf5_model(path, file, group, true);
    const auto metadata = member("metadata.json");
    const std::string version = metadata == members.end() ? "" : keras_version(read_member(path, *metadata));
    apply_keras_config(model, read_member(path, *config), version);
    return model;
}

/// Swaps the axes of every matrix named `kernel`, (in, out).
void transpose_kernels(ModelFile& model) {
    std::vector<std::string> names;
    for (Tensor& tensor : model.tensors) {
        if (kind_of(tensor.name) != "kernel" || tensor.shape.size() != 2) continue;
        const Index in = tensor.shape[0], out = tensor.shape[1];
        std::vector<double> turned(tensor.values.size());
        for (Index i = 0; i < in; ++i) {
            for (Index o = 0; o < out; ++o) turned[at(o * in + i)] = tensor.values[at(i * out + o)];
        }
        tensor.values = std::move(turned);
        tensor.shape = {out, in};
        names.push_back(tensor.name);
    }
    if (names.empty()) return;
    model.notes.push_back(fmt::format("model: {} (in, out), as Keras and Flax have them, are read transposed",
                                      name_some(names)));
}

ModelFile read_any(const std::string& path, const std::string& group) {
    require_readable_file(path);
    if (is_index(path)) return read_sharded(path, group);
    const FileFormat format = recognise_start(path);
    if (format == FileFormat::hdf5) return read_hdf5_model(path, group);
    if (format == FileFormat::zip && path.ends_with(".keras")) return read_keras_archive(path, group);
    // What is called so and does not begin so is damaged, and its reader says best how.
    if (format != FileFormat::safetensors && !path.ends_with(".safetensors")) refuse_model(path, format);
    refuse_part(path);
    return read_safetensors(path, group);
}

}  // namespace

ModelFile read_model(const std::string& location) {
    const auto [path, group] = split_location(location);
    ModelFile model = read_any(path, group);
    model.group = group;
    transpose_kernels(model);
    if (!model.linked.empty()) {
        const std::vector<std::string> linked(model.linked.begin(), model.linked.end());
        model.notes.push_back(fmt::format("model: links in {} lead to {}, where tensors are read too", path,
                                          name_some(linked)));
    }
    return model;
}

std::vector<std::string> model_files(const std::string& path) {
    std::vector<std::string> files{path};
    if (!is_index(path)) return files;
    const std::vector<std::string> parts = read_index(path);
    files.insert(files.end(), parts.begin(), parts.end());
    return files;
}

void require_finite(const std::string& place, const Tensor& tensor, bool is_half) {
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
        if (std::isfinite(tensor.values[i])) continue;
        std::vector<Index> index(tensor.shape.size());
        auto rest = static_cast<Index>(i);
        for (std::size_t axis = index.size(); axis-- > 0; rest /= tensor.shape[axis]) {
            index[axis] = rest % tensor.shape[axis];
        }
        fail(ExitCode::bad_input, "the weights hold {} at index {} ({}, {}): {}", tensor.values[i],
             shape_text(index), place, shape_text(tensor.shape),
             is_half && std::isinf(tensor.values[i]) ? half_overflow : "train or export the model again");
    }
}

}  // namespace tangram
