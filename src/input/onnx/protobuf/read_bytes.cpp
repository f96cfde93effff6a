// The bytes of an ONNX file, made whole: numbers that it keeps in files beside it ("external data": location, offset, length) are
// put where they belong.

#include "../node_order.hpp"
#include "messages.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/file_descriptor.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <map>

namespace tangram::onnx_file {

namespace {

namespace fs = std::filesystem;

/// Where a tensor's numbers lie.
struct External {
    std::string location;  ///< relative to the model's folder
    Index offset = 0;
    Index length = -1;  ///< -1: to the end of the file
};

Index parse_size(const Place& place, const char* key, const std::string& text) {
    Index size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc{} || end != text.data() + text.size() || size < 0)
        refuse(place, fmt::format("the {} of its external data, '{}', is no size", key, printable(text)));
    return size;
}

External external_of(const Place& place, const onnx::TensorProto& tensor) {
    std::map<std::string, std::string> entries;
    for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
        if (!entries.emplace(entry.key(), entry.value()).second)
            refuse(place, fmt::format("its external data has the key '{}' twice", printable(entry.key())));
    }
    External external{entries["location"]};
    if (entries.contains("offset")) external.offset = parse_size(place, "offset", entries["offset"]);
    if (entries.contains("length")) external.length = parse_size(place, "length", entries["length"]);
    return external;
}

/// The file, with all links followed; refuses what leads out of the model's folder.
fs::path inside_folder(const Place& place, const fs::path& folder, const std::string& location) {
    const std::string shown = printable(location);
    const char* advice = "keep the file in the model's folder, and name it relative to that";
    const fs::path relative(location);
    // A file name ends at a zero byte for the system, and not for what compares paths.
    if (location.empty() || location.find('\0') != location.npos)
        refuse(place, fmt::format("its external data is in no file ('{}')", shown), advice);
    const bool goes_up = std::find(relative.begin(), relative.end(), "..") != relative.end();
    std::error_code error;
    const fs::path root = fs::canonical(folder, error);
    fs::path file = error ? fs::path{} : fs::weakly_canonical(root / relative, error);
    if (error)
        refuse(place, fmt::format("its external data cannot be found ({}): {}", shown, error.message()),
               advice);
    const bool is_inside =
        std::mismatch(root.begin(), root.end(), file.begin(), file.end()).first == root.end();
    if (relative.is_absolute() || goes_up || !is_inside)
        refuse(place, fmt::format("its external data is outside the model's folder ({})", shown), advice);
    return file;
}

/// Opened without waiting for anyone, as one does at a pipe; a regular file.
FileDescriptor open_external(const Place& place, const fs::path& path, const std::string& location,
                             Index& bytes) {
    const std::string shown = printable(location);
    struct stat status {};
    FileDescriptor file(path.string(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (!file.is_open() || fstat(file.get(), &status) != 0)
        refuse(place, fmt::format("cannot read the file of its external data ({})", shown),
               "copy it too, next to the model");
    if (!S_ISREG(status.st_mode))
        refuse(place, fmt::format("the file of its external data is no regular file ({})", shown),
               "copy what it gives to a file first");
    bytes = status.st_size;
    return file;
}

/// The model while external data is put into it.
struct Filling {
    fs::path folder;
    Index total = 0;  ///< bytes, so far
    std::vector<std::string> files;
};

std::string read_external(const Place& place, const External& external, Filling& filling) {
    const fs::path path = inside_folder(place, filling.folder, external.location);
    Index there = 0;
    const FileDescriptor file = open_external(place, path, external.location, there);
    const Index rest = there - external.offset;
    const Index length = external.length < 0 ? std::max<Index>(rest, 0) : external.length;
    if (rest < 0 || length > rest) {
        refuse(place,
               fmt::format("its external data, {} bytes at {}, is not in the file ({}), which has {} bytes",
                           length, external.offset, printable(external.location), there),
               "copy the file again");
    }
    if (length > most_bytes - filling.total)
        refuse(place, "the model takes more than 2 GiB with its external data",
               "models of that size are not read");
    filling.total += length;
    std::string numbers(at(length), '\0');
    file.read_at(numbers.data(), length, external.offset);
    const std::string name = (filling.folder / external.location).lexically_normal().string();
    if (std::find(filling.files.begin(), filling.files.end(), name) == filling.files.end())
        filling.files.push_back(name);
    return numbers;
}

void fill(const Place& place, onnx::TensorProto& tensor, Filling& filling) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    if (!tensor.raw_data().empty()) refuse(place, "it holds numbers twice, in the model and in another file");
    *tensor.mutable_raw_data() = read_external(place, external_of(place, tensor), filling);
    tensor.clear_data_location();
    tensor.clear_external_data();
}

std::string whole_file(const std::string& path) {
    require_readable_file(path);
    const FileDescriptor file = open_file(path, O_RDONLY | O_CLOEXEC);
    const auto size = static_cast<Index>(fs::file_size(path));
    if (size > most_bytes)
        refuse({path, "the model"}, fmt::format("it takes {} bytes, and ONNX ends at 2 GiB", size),
               "store large tensors in a file beside it (external data)");
    std::string bytes(at(size), '\0');
    file.read_at(bytes.data(), size, 0);
    return bytes;
}

}  // namespace

Bytes read_bytes(const std::string& path) {
    Bytes bytes{whole_file(path), {}};
    onnx::ModelProto model = read_message(path, bytes.model);
    const fs::path folder = fs::path(path).parent_path();
    Filling filling{folder.empty() ? fs::path(".") : folder, static_cast<Index>(bytes.model.size()), {}};
    for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer())
        fill(place_of(path, tensor), tensor, filling);
    for (onnx::NodeProto& node : *model.mutable_graph()->mutable_node()) {
        const Node head = node_head(node);
        for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
            if (attribute.has_t()) fill(place_of(path, head, attribute), *attribute.mutable_t(), filling);
        }
    }
    if (filling.files.empty()) return bytes;
    // Lengths take bytes of their own, so that the sum may be a little more than what was counted.
    if (model.ByteSizeLong() > std::size_t{most_bytes} || !model.SerializeToString(&bytes.model))
        refuse({path, "the model"}, "it takes more than 2 GiB with its external data",
               "models of that size are not read");
    bytes.external_files = std::move(filling.files);
    return bytes;
}

}  // namespace tangram::onnx_file
