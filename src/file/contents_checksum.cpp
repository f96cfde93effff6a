#include "tangram/file/contents_checksum.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/file_descriptor.hpp"
#include "tangram/support/hash.hpp"

#include <fcntl.h>

#include <algorithm>
#include <vector>

namespace tangram {

namespace {

/// Bytes of a dataset that are in memory at once.
constexpr Index slice_bytes = Index{1} << 26;

/// Of /checksums: a line for each group and dataset, its checksum and its path.
constexpr const char* objects_attribute = "objects";
constexpr std::size_t first_of_path = 17;  // of such a line

/// What tells a type that tangram writes from the others; returns false for one whose values are not covered.
bool add_type(RunningChecksum& sum, const h5::Handle& type) {
    const H5T_class_t kind = H5Tget_class(type.get());
    const bool is_text = H5Tis_variable_str(type.get()) > 0;
    sum.add(static_cast<std::uint64_t>(kind));
    sum.add(is_text ? 0 : std::uint64_t{H5Tget_size(type.get())});
    if (kind == H5T_INTEGER) sum.add(static_cast<std::uint64_t>(H5Tget_sign(type.get())));
    if (kind == H5T_INTEGER || kind == H5T_FLOAT)
        sum.add(static_cast<std::uint64_t>(H5Tget_order(type.get())));
    return kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_STRING;
}

std::vector<hsize_t> add_space(RunningChecksum& sum, const h5::Handle& space) {
    std::vector<hsize_t> extent(at(std::max(H5Sget_simple_extent_ndims(space.get()), 0)));
    H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr);
    sum.add(static_cast<std::uint64_t>(H5Sget_simple_extent_type(space.get())));
    sum.add(std::uint64_t{extent.size()});
    for (const hsize_t length : extent) sum.add(std::uint64_t{length});
    return extent;
}

/// Strings that HDF5 allocated, given back at the end.
class Texts {
public:
    explicit Texts(Index count) : texts_(at(count), nullptr) {}
    ~Texts() {
        for (char* text : texts_) H5free_memory(text);
    }
    Texts(const Texts&) = delete;
    Texts& operator=(const Texts&) = delete;
    [[nodiscard]] char** data() { return texts_.data(); }
    void add_to(RunningChecksum& sum) const {
        for (const char* text : texts_) sum.add(std::string(text == nullptr ? "" : text));
    }

private:
    std::vector<char*> texts_;
};

/// Which scales each axis has: lists of references, one list an axis.
void add_references(RunningChecksum& sum, const h5::Handle& attribute, const h5::Handle& type,
                    const h5::Handle& space, Index count, const std::string& doing) {
    std::vector<hvl_t> lists(at(count));
    h5::require(H5Aread(attribute.get(), type.get(), lists.data()), doing);
    for (const hvl_t& list : lists) {
        sum.add(std::uint64_t{list.len});
        sum.add_bytes(list.p, list.len * sizeof(hobj_ref_t));
    }
    H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, lists.data());
}

bool is_list_of_references(const h5::Handle& type) {
    if (H5Tget_class(type.get()) != H5T_VLEN) return false;
    const h5::Handle element(H5Tget_super(type.get()), H5Tclose);
    return H5Tequal(element.get(), H5T_STD_REF_OBJ) > 0;
}

void add_attribute(RunningChecksum& sum, const h5::Handle& object, const std::string& name) {
    const h5::Handle attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) fail(ExitCode::io, "cannot open the attribute {}: {}", name, h5::last_error());
    const h5::Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const h5::Handle space(H5Aget_space(attribute.get()), H5Sclose);
    sum.add(name);
    const bool covered = add_type(sum, type);
    add_space(sum, space);
    const hssize_t count = H5Sget_simple_extent_npoints(space.get());
    const std::string doing = "reading the attribute " + name;
    if (is_list_of_references(type) && count > 0) add_references(sum, attribute, type, space, count, doing);
    if (!covered || count <= 0) return;
    if (H5Tis_variable_str(type.get()) > 0) {
        Texts texts(count);
        h5::require(H5Aread(attribute.get(), type.get(), texts.data()), doing);
        texts.add_to(sum);
        return;
    }
    std::vector<char> values(at(count) * H5Tget_size(type.get()));
    h5::require(H5Aread(attribute.get(), type.get(), values.data()), doing);
    sum.add_bytes(values.data(), values.size());
}

void add_texts(RunningChecksum& sum, const h5::Handle& dataset, const h5::Handle& type,
               const h5::Handle& space, const std::string& path) {
    Texts texts(H5Sget_simple_extent_npoints(space.get()));
    h5::require(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()),
                "reading " + path);
    texts.add_to(sum);
    // The lengths as the dataset has them: a text ends at its first zero, wherever that comes from.
    hsize_t bytes = 0;
    h5::require(H5Dvlen_get_buf_size(dataset.get(), type.get(), space.get(), &bytes), "measuring " + path);
    sum.add(std::uint64_t{bytes});
}

/// The stored bytes, some rows at a time.
void add_numbers(RunningChecksum& sum, const h5::Handle& dataset, const h5::Handle& type,
                 const h5::Handle& space, std::vector<hsize_t> extent, const std::string& path) {
    if (extent.empty()) extent.push_back(1);
    const auto all_bytes =
        H5Sget_simple_extent_npoints(space.get()) * static_cast<Index>(H5Tget_size(type.get()));
    const auto rows = static_cast<Index>(extent[0]);
    const Index row_bytes = all_bytes / rows;
    const Index rows_at_once = std::clamp<Index>(slice_bytes / row_bytes, 1, rows);
    std::vector<char> values(at(rows_at_once * row_bytes));
    std::vector<hsize_t> start(extent.size(), 0);
    const h5::Handle file_space(H5Scopy(space.get()), H5Sclose);
    for (Index first = 0; first < rows; first += rows_at_once) {
        const Index count = std::min(rows_at_once, rows - first);
        start[0] = static_cast<hsize_t>(first);
        extent[0] = static_cast<hsize_t>(count);
        if (H5Sget_simple_extent_ndims(space.get()) > 0) {
            h5::require(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                            extent.data(), nullptr),
                        "selecting rows of " + path);
        }
        const h5::Handle memory_space(
            H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose);
        h5::require(H5Dread(dataset.get(), type.get(), memory_space.get(), file_space.get(), H5P_DEFAULT,
                            values.data()),
                    "reading " + path);
        sum.add_bytes(values.data(), at(count * row_bytes));
    }
}

void add_dataset(RunningChecksum& sum, const h5::Handle& dataset, const std::string& path, bool holds_tiles) {
    const h5::Handle type(H5Dget_type(dataset.get()), H5Tclose);
    const h5::Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const bool covered = add_type(sum, type);
    const std::vector<hsize_t> extent = add_space(sum, space);
    if (!covered || holds_tiles || H5Sget_simple_extent_npoints(space.get()) <= 0) return;
    if (H5Tis_variable_str(type.get()) > 0) {
        add_texts(sum, dataset, type, space, path);
    } else {
        add_numbers(sum, dataset, type, space, extent, path);
    }
}

void require_sensible_lengths(const FileDescriptor& bytes, const h5::Handle& dataset,
                              const std::string& path) {
    constexpr std::uint32_t longest_text = std::uint32_t{1} << 20U;
    constexpr Index reference_bytes = 16;  // length (4), address (8) and number (4) in the global heap
    const h5::Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const Index count = H5Sget_simple_extent_npoints(space.get());
    if (count <= 0) return;
    std::vector<unsigned char> references(at(count * reference_bytes));
    bytes.read_at(references.data(), count * reference_bytes, h5::data_offset(dataset));
    for (std::size_t k = 0; k < references.size(); k += at(reference_bytes)) {
        std::uint32_t length = 0;
        for (std::size_t byte = 4; byte-- > 0;) length = length << 8U | references[k + byte];
        if (length > longest_text) fail(ExitCode::io, "a text in {} has {} bytes", path, length);
    }
}

/// All groups and datasets, by path.
std::vector<std::string> paths_of(const h5::Handle& file) {
    std::vector<std::string> paths;
    for (const std::string& name : h5::list_objects(file)) paths.push_back(name == "." ? "/" : "/" + name);
    return paths;
}

/// `left_out`: attributes of /checksums.
void add_object(RunningChecksum& sum, const h5::Handle& file, const std::string& path,
                const std::set<std::string>& matrices, const std::set<std::string>& left_out) {
    const h5::Handle object = h5::open_item(file, path);
    sum.add(path);
    for (const std::string& attribute : h5::attribute_names(object)) {
        if (path == "/checksums" && left_out.contains(attribute)) continue;
        add_attribute(sum, object, attribute);
    }
    if (H5Iget_type(object.get()) != H5I_DATASET) return;
    add_dataset(sum, object, path, matrices.count(path) > 0);
}

/// A line for each group and dataset: its own checksum and its path.
std::vector<std::string> lines_of(const h5::Handle& file, const std::set<std::string>& matrices) {
    std::vector<std::string> lines;
    for (const std::string& path : paths_of(file)) {
        RunningChecksum sum;
        add_object(sum, file, path, matrices, {contents_attribute, objects_attribute});
        lines.push_back(fmt::format("{:016x} {}", sum.value(), path));
    }
    return lines;
}

}  // namespace

std::uint64_t contents_checksum(const h5::Handle& file, const std::set<std::string>& matrices) {
    RunningChecksum sum;
    for (const std::string& path : paths_of(file))
        add_object(sum, file, path, matrices, {contents_attribute});
    return sum.value();
}

void record_contents(const h5::Handle& file, const std::set<std::string>& matrices) {
    const h5::Handle group = h5::open_group(file, "/checksums");
    std::string table;
    for (const std::string& line : lines_of(file, matrices)) table.append(line).append(1, '\n');
    h5::write_attribute(group, objects_attribute, table);
    h5::write_attribute(group, contents_attribute, contents_checksum(file, matrices));
}

std::vector<std::string> changed_objects(const h5::Handle& file, const std::set<std::string>& matrices) {
    const h5::Handle group = h5::open_group(file, "/checksums");
    if (!h5::has_attribute(group, objects_attribute)) return {};
    const std::string table = h5::read_text_attribute(group, objects_attribute);
    std::vector<std::string> changed;
    for (std::string line : lines_of(file, matrices)) {
        const std::string path = line.substr(first_of_path);
        if (table.find(line.append(1, '\n')) == std::string::npos) changed.push_back(path);
    }
    return changed;
}

void require_sensible_texts(const h5::Handle& file, const std::string& path) {
    const FileDescriptor bytes = open_file(path, O_RDONLY);
    for (const std::string& name : h5::list_datasets(file)) {
        const h5::Handle dataset = h5::open_dataset(file, name);
        if (h5::is_text(dataset)) require_sensible_lengths(bytes, dataset, "/" + name);
    }
}

}  // namespace tangram
