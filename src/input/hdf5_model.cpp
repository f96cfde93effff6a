// Models in HDF5: groups, each with a dataset `weight` (out, in) and optionally `bias`.

#include "chain_modules.hpp"
#include "keras.hpp"
#include "tangram/input/input_sources.hpp"
#include "tangram/input/tensors.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <optional>

namespace tangram {

namespace {

struct Link {
    std::string path;  ///< relative to the group
    bool is_hard = true;
};

herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
    static_cast<std::vector<Link>*>(links)->push_back({name, info->type == H5L_TYPE_HARD});
    return 0;
}

/// Every link below `group`. A cycle of groups ends where it closes; links by name are listed, not followed.
std::vector<Link> links_below(const std::string& path, const h5::Handle& group) {
    std::vector<Link> links;
    if (H5Lvisit(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_link, &links) < 0) {
        fail(ExitCode::bad_input, "cannot list what the file holds ({}): {}: is it damaged?", path,
             h5::last_error());
    }
    std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) { return a.path < b.path; });
    return links;
}

h5::Handle open_object(const h5::Handle& location, const std::string& path) {
    return {H5Oopen(location.get(), path.c_str(), H5P_DEFAULT), H5Oclose};
}

/// "layer1.weight" of "layer1/weight", "dense.kernel" of "dense/kernel:0".
std::string tensor_name(std::string path) {
    std::replace(path.begin(), path.end(), '/', '.');
    if (path.ends_with(":0")) path.resize(path.size() - 2);
    return path;
}

/// The groups that look like models: those with a group under them that has a `weight`.
std::string candidate_groups(const std::string& path, const h5::Handle& file) {
    std::vector<std::string> groups;
    for (const Link& link : links_below(path, file)) {
        if (!is_weight_name(tensor_name(link.path))) continue;
        const std::size_t module_end = link.path.rfind('/');
        const std::size_t group_end =
            module_end == std::string::npos ? module_end : link.path.rfind('/', module_end - 1);
        if (group_end != std::string::npos) groups.push_back(link.path.substr(0, group_end));
    }
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups.empty() ? "no group of it holds layers" : "groups that hold layers: " + name_some(groups);
}

h5::Handle open_model_group(const std::string& path, const h5::Handle& file, const std::string& group) {
    const std::string name = group.empty() ? "/" : group;
    h5::Handle object = open_object(file, name);
    if (!object.valid()) {
        fail(ExitCode::bad_input, "no such group ({}:{}): {}", path, printable(group),
             candidate_groups(path, file));
    }
    if (H5Iget_type(object.get()) != H5I_GROUP) {
        fail(ExitCode::bad_input, "this is a dataset, not a group with layers ({}:{}): {}", path,
             printable(group), candidate_groups(path, file));
    }
    return object;
}

/// Where a tensor is, for messages: "file:group/layer1/weight".
std::string where(const std::string& path, const std::string& group, const std::string& link) {
    return fmt::format("{}:{}{}{}", path, printable(group), group.empty() || group.ends_with('/') ? "" : "/",
                       printable(link));
}

/// Whether values of this shape can be in the file: damaged extents must not be believed, and gzip packs no
/// better than 1032 to 1.
bool is_plausible(const h5::Handle& dataset, const std::vector<Index>& shape) {
    const h5::Handle file(H5Iget_file_id(dataset.get()), H5Fclose);
    hsize_t file_bytes = 0;
    if (H5Fget_filesize(file.get(), &file_bytes) < 0) return false;
    double bytes = static_cast<double>(h5::element_bytes(dataset));
    for (const Index extent : shape) bytes *= static_cast<double>(extent);
    return bytes <= 1100.0 * static_cast<double>(file_bytes);
}

Tensor read_tensor(const std::string& name, const std::string& place, const h5::Handle& dataset) {
    const h5::Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const std::vector<Index> shape = h5::shape(dataset);
    // Eight bytes hold every float that float64 does; a longer one would be rounded without a word.
    if (h5::element_class(dataset) != h5::ElementClass::real || h5::element_bytes(dataset) > 8) {
        fail(ExitCode::bad_input,
             "weights are not floating-point numbers of at most 64 bits ({}, {}): store floats", place,
             shape_text(shape));
    }
    if (!is_plausible(dataset, shape)) {
        fail(ExitCode::bad_input, "a tensor larger than its file can hold ({}, {}): is the file damaged?",
             place, shape_text(shape));
    }
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) {
        fail(ExitCode::bad_input, "a tensor without values ({}): store (out, in) weights", place);
    }
    Tensor tensor{name, shape, {}};
    try {
        tensor.values = h5::read_doubles(dataset);
    } catch (const Error& error) {
        fail(ExitCode::bad_input, "cannot read a tensor ({}, {}): {}: is the file whole?", place,
             shape_text(shape), printable(error.what()));
    }
    return tensor;
}

/// The values behind `dataset`, and what other files they lie in.
Tensor read_values(ModelFile& model, const std::string& name, const std::string& place,
                   const h5::Handle& dataset, const h5::Handle& root, bool is_image) {
    if (!is_parameter_name(name)) return Tensor{name, h5::shape(dataset), {}};
    if (is_image && !lies_in_file(dataset, root)) {
        fail(ExitCode::bad_input,
             "a tensor in an archive that lies in another file ({}): save the model again", place);
    }
    const std::vector<std::string> linked =
        is_image ? std::vector<std::string>{} : linked_files(dataset, root);
    model.linked.insert(linked.begin(), linked.end());
    Tensor tensor = read_tensor(name, place, dataset);
    require_finite(place, tensor, h5::is_half(dataset));
    return tensor;
}

/// What `link` leads to; nothing where it is a group, whose own links are listed too.
std::optional<h5::Handle> open_link(const std::string& place, const h5::Handle& group, const Link& link) {
    h5::Handle object = open_object(group, link.path);
    if (!object.valid()) {
        fail(ExitCode::bad_input, "a link leads nowhere ({}): {}: is it a link to a file that is gone?",
             place, printable(h5::last_error()));
    }
    const H5I_type_t type = H5Iget_type(object.get());
    if (type == H5I_GROUP && link.is_hard) return std::nullopt;
    if (type != H5I_DATASET) {
        fail(
            ExitCode::bad_input,
            "neither a weight nor a bias ({}): name the model's group as FILE:GROUP, and keep in it only groups with the datasets weight and bias",
            place);
    }
    return object;
}

}  // namespace

ModelFile read_hdf5_model(const std::string& path, const std::string& group) {
    require_readable_file(path);
    const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file.valid()) {
        fail(ExitCode::bad_input, "cannot open as HDF5 ({}): {}: is it whole?", path, h5::last_error());
    }
    return read_hdf5_model(path, file, group);
}

ModelFile read_hdf5_model(const std::string& path, const h5::Handle& file, const std::string& group,
                          bool is_image) {
    const h5::Handle root = open_model_group(path, file, group);
    ModelFile model{path, {}, {}};
    const auto values = [&](const std::string& name, const std::string& place, const h5::Handle& dataset) {
        return read_values(model, name, place, dataset, file, is_image);
    };
    if (is_keras(root)) {
        ModelFile keras = read_keras(path, root, [&](const std::string& name, const std::string& link) {
            return values(name, where(path, group, link), h5::open_dataset(root, link));
        });
        keras.linked = std::move(model.linked);
        return keras;
    }
    model.separator = '/';
    for (const Link& link : links_below(path, root)) {
        const std::string place = where(path, group, link.path);
        if (const std::optional<h5::Handle> object = open_link(place, root, link))
            model.tensors.push_back(values(tensor_name(link.path), place, *object));
    }
    return model;
}

}  // namespace tangram
