// The values of safetensors files: read into float64, written as F32.

#include "tangram/input/safetensors_header.hpp"
#include "tangram/input/tensors.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/half.hpp"
#include "tangram/support/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <utility>

namespace tangram {

namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors data is little-endian and read as it lies");

template <class Stored, class Convert>
std::vector<double> convert_all(const std::vector<char>& bytes, Convert convert) {
    std::vector<double> values(bytes.size() / sizeof(Stored));
    for (std::size_t i = 0; i < values.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
        values[i] = convert(stored);
    }
    return values;
}

std::vector<double> to_doubles(const std::string& path, const TensorEntry& entry,
                               const std::vector<char>& bytes) {
    if (entry.dtype == "F64") return convert_all<double>(bytes, std::identity{});
    if (entry.dtype == "F32") return convert_all<float>(bytes, [](float value) { return double{value}; });
    if (entry.dtype == "F16") return convert_all<std::uint16_t>(bytes, from_half);
    if (entry.dtype == "BF16") return convert_all<std::uint16_t>(bytes, from_bfloat);
    fail(ExitCode::bad_input, "a tensor of dtype {} ({}:{}, {}): weights must be F64, F32, F16 or BF16",
         entry.dtype, path, printable(entry.name), shape_text(entry.shape));
}

Tensor read_tensor(const std::string& path, std::ifstream& file, Index data_start, const TensorEntry& entry) {
    const bool is_float = entry.dtype.starts_with('F') || entry.dtype.starts_with("BF");
    if (!is_float && !is_parameter_name(entry.name)) return {entry.name, entry.shape, {}};
    std::vector<char> bytes(static_cast<std::size_t>(entry.end - entry.begin));
    file.seekg(data_start + entry.begin);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file) {
        fail(ExitCode::bad_input, "cannot read a tensor ({}:{}, {}): is the file still being written?", path,
             printable(entry.name), shape_text(entry.shape));
    }
    Tensor tensor{entry.name, entry.shape, to_doubles(path, entry, bytes)};
    require_finite(path + ":" + printable(entry.name), tensor, entry.dtype == "F16");
    return tensor;
}

/// The modules that the tensors belong to: "a.b" of "a.b.weight", each once.
std::vector<std::string> modules_of(const std::vector<TensorEntry>& entries) {
    std::vector<std::string> modules;
    for (const TensorEntry& entry : entries) {
        const std::size_t dot = entry.name.rfind('.');
        if (dot != std::string::npos) modules.push_back(entry.name.substr(0, dot));
    }
    std::sort(modules.begin(), modules.end());
    modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
    return modules;
}

/// Keeps the entries under `group`. Their names keep the prefix, so that errors name what is in the file.
void keep_group(const std::string& path, const std::string& group, std::vector<TensorEntry>& entries) {
    const std::vector<std::string> modules = modules_of(entries);
    std::erase_if(entries, [&](const TensorEntry& entry) { return !entry.name.starts_with(group + '.'); });
    if (entries.empty()) {
        fail(ExitCode::bad_input, "no tensors under the module '{}' ({}): its modules are {}",
             printable(group), path, modules.empty() ? "none" : name_some(modules));
    }
}

}  // namespace

ModelFile read_safetensors(const std::string& path, const std::string& group) {
    SafetensorsHeader header = read_safetensors_header(path);
    if (!group.empty()) keep_group(path, group, header.entries);
    std::ifstream file(path, std::ios::binary);
    ModelFile model{path, {}, std::move(header.metadata)};
    for (const TensorEntry& entry : header.entries) {
        model.tensors.push_back(read_tensor(path, file, header.data_start, entry));
        if (!group.empty()) model.tensors.back().name.erase(0, group.size() + 1);
    }
    return model;
}

void write_safetensors(const std::string& path, const std::vector<Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::size_t end = 0;
    for (const Tensor& tensor : tensors) {
        const std::size_t begin = std::exchange(end, end + tensor.values.size() * sizeof(float));
        header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');

    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    const std::uint64_t length = text.size();
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file << text;
    for (const Tensor& tensor : tensors) {
        const std::vector<float> values(tensor.values.begin(), tensor.values.end());
        file.write(reinterpret_cast<const char*>(values.data()),
                   static_cast<std::streamsize>(values.size() * sizeof(float)));
    }
    file.close();
    if (!file) {
        fail(ExitCode::io, "cannot write the model ({}): {}: choose another --output", path,
             std::strerror(errno));
    }
}

}  // namespace tangram
