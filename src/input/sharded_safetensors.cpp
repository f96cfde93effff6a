#include "sharded_safetensors.hpp"

#include "tangram/input/safetensors_header.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

namespace tangram {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
    fail(ExitCode::bad_input, "not an index of safetensors files ({}): {}: save the model again", path, what);
}

/// Tensor by tensor, the file that holds it.
std::map<std::string, std::string> read_weight_map(const std::string& path) {
    constexpr std::uintmax_t longest = 100'000'000;
    require_readable_file(path);
    if (fs::file_size(path) > longest) refuse(path, "it is larger than any index");
    std::ifstream file(path, std::ios::binary);
    try {
        const nlohmann::json index = nlohmann::json::parse(file);
        return index.at("weight_map").get<std::map<std::string, std::string>>();
    } catch (const nlohmann::json::exception&) {
        refuse(path, "its weight_map cannot be read");
    }
}

}  // namespace

bool is_index(const std::string& path) {
    return path.ends_with(".index.json");
}

std::vector<std::string> read_index(const std::string& path) {
    std::vector<std::string> files;
    for (const auto& [tensor, file] : read_weight_map(path)) {
        const bool is_plain = !file.empty() && file != "." && file != ".." &&
                              file.find('/') == std::string::npos && printable(file) == file;
        if (!is_plain) refuse(path, fmt::format("'{}' is no file of its own folder", printable(file)));
        files.push_back((fs::path(path).parent_path() / file).string());
    }
    std::sort(files.begin(), files.end());
    files.erase(std::unique(files.begin(), files.end()), files.end());
    if (files.empty()) refuse(path, "it names no file");
    return files;
}

void refuse_part(const std::string& path) {
    static const std::regex part("(.*)-([0-9]{5})-of-([0-9]{5})(\\.safetensors)");
    const std::string name = fs::path(path).filename().string();
    std::smatch found;
    if (name.size() > 255 || !std::regex_match(name, found, part) || std::stoi(found[3]) < 2) return;
    const std::string index =
        (fs::path(path).parent_path() / (found[1].str() + ".safetensors.index.json")).string();
    std::error_code ignored;
    fail(ExitCode::bad_input, "this is part {} of {} of a model ({}): {}", std::stoi(found[2]),
         std::stoi(found[3]), path,
         fs::exists(index, ignored)
             ? "name its index, " + index
             : "get all parts and " + fs::path(index).filename().string() + ", and name that");
}

ModelFile read_sharded(const std::string& path, const std::string& group) {
    const std::map<std::string, std::string> wanted = read_weight_map(path);
    ModelFile model{path, {}, {}};
    std::size_t found = 0;
    for (const std::string& file : read_index(path)) {
        const SafetensorsHeader header = read_safetensors_header(file);
        const std::string name = fs::path(file).filename().string();
        for (const TensorEntry& entry : header.entries) {
            const auto place = wanted.find(entry.name);
            if (place == wanted.end() || place->second != name)
                refuse(path, fmt::format("{} has a tensor '{}' that it does not name", name,
                                         printable(entry.name)));
            ++found;
        }
        const bool has_group = std::any_of(
            header.entries.begin(), header.entries.end(),
            [&](const TensorEntry& entry) { return group.empty() || entry.name.starts_with(group + '.'); });
        if (!has_group) continue;
        ModelFile part = read_safetensors(file, group);
        std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(model.tensors));
        model.metadata.merge(part.metadata);
    }
    if (found != wanted.size())
        refuse(path, fmt::format("it names {} tensors, and its files hold {} of them", wanted.size(), found));
    if (model.tensors.empty()) {
        fail(ExitCode::bad_input, "no tensors under the module '{}' ({}): name another, or none",
             printable(group), path);
    }
    return model;
}

}  // namespace tangram
