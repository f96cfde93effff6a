#include "tangram/input/safetensors_header.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace tangram {

namespace {

using nlohmann::json;

constexpr Index longest_header = 100'000'000;

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
    fail(ExitCode::bad_input, "not a whole safetensors file ({}): {}: export the model again", path, what);
}

std::string quoted(const std::string& name) {
    return fmt::format("tensor '{}'", printable(name));
}

/// The JSON text; everything before it has been checked.
std::string read_header_text(const std::string& path, Index file_size) {
    if (file_size == 0) refuse(path, "the file is empty");
    if (file_size < 8) refuse(path, fmt::format("{} bytes are too few for a header", file_size));
    std::ifstream file(path, std::ios::binary);
    std::array<char, 8> prefix{};
    file.read(prefix.data(), 8);
    std::uint64_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = length << 8U | static_cast<unsigned char>(prefix[i]);
    if (!file) refuse(path, "its first 8 bytes cannot be read");
    if (length > longest_header) {
        refuse(path,
               fmt::format("its header claims {} bytes, more than the {} allowed", length, longest_header));
    }
    if (static_cast<Index>(length) > file_size - 8) {
        refuse(path, fmt::format("its header claims {} bytes, but the file has {}", length, file_size));
    }
    std::string text(length, '\0');
    file.read(text.data(), static_cast<std::streamsize>(length));
    if (!file) refuse(path, "its header cannot be read");
    if (!text.starts_with('{')) refuse(path, "its header does not start with '{'");
    return text;
}

/// The header as JSON. The library keeps the last of two equal keys, so the keys are watched while it parses.
json parse_header(const std::string& path, const std::string& text) {
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
        if (depth > 3) refuse(path, "its header is nested too deeply");
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
            refuse(path,
                   fmt::format("its header has the key '{}' twice", printable(parsed.get<std::string>())));
        }
        return true;
    };
    try {
        return json::parse(text, watch);
    } catch (const json::exception& error) {
        const std::string message = error.what();
        const std::size_t tag = message.find("] ");
        refuse(path, "its header is not JSON: " +
                         printable(tag == message.npos ? message : message.substr(tag + 2)));
    }
}

std::map<std::string, std::string> read_metadata(const std::string& path, const json& value) {
    std::map<std::string, std::string> metadata;
    if (!value.is_object()) refuse(path, "its __metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) {
            refuse(path, fmt::format("its __metadata__ '{}' is not a string", printable(key)));
        }
        metadata[key] = text.get<std::string>();
    }
    return metadata;
}

/// Array `key` of a tensor as sizes. A sign, a fraction or more than 63 bits is refused.
std::vector<Index> read_sizes(const std::string& path, const std::string& name, const json& entry,
                              const char* key) {
    std::vector<Index> sizes;
    if (!entry.at(key).is_array()) refuse(path, fmt::format("{}: {} is not a list", quoted(name), key));
    for (const json& value : entry.at(key)) {
        if (!value.is_number_unsigned() ||
            value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<Index>::max()}) {
            refuse(path, fmt::format("{}: {} holds something that is not a size", quoted(name), key));
        }
        sizes.push_back(value.get<Index>());
    }
    return sizes;
}

/// Bytes of one value, also of the dtypes that are not read, so that the layout of the whole file can be
/// checked.
std::optional<Index> dtype_bytes(const std::string& dtype) {
    static constexpr std::array<std::pair<const char*, Index>, 17> known{{{"F64", 8},
                                                                          {"F32", 4},
                                                                          {"F16", 2},
                                                                          {"BF16", 2},
                                                                          {"I64", 8},
                                                                          {"U64", 8},
                                                                          {"C64", 8},
                                                                          {"I32", 4},
                                                                          {"U32", 4},
                                                                          {"I16", 2},
                                                                          {"U16", 2},
                                                                          {"I8", 1},
                                                                          {"U8", 1},
                                                                          {"BOOL", 1},
                                                                          {"F8_E4M3", 1},
                                                                          {"F8_E5M2", 1},
                                                                          {"F8_E8M0", 1}}};
    for (const auto& [name, bytes] : known) {
        if (dtype == name) return bytes;
    }
    return std::nullopt;
}

TensorEntry read_entry(const std::string& path, const std::string& name, const json& value) {
    if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
        !value.contains("data_offsets")) {
        refuse(path, quoted(name) + " does not have exactly dtype, shape and data_offsets");
    }
    if (!value.at("dtype").is_string()) refuse(path, quoted(name) + ": dtype is not a string");
    const std::vector<Index> offsets = read_sizes(path, name, value, "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1]) {
        refuse(path, quoted(name) + ": data_offsets is not [begin, end] with begin <= end");
    }
    return {name, value.at("dtype").get<std::string>(), read_sizes(path, name, value, "shape"), offsets[0],
            offsets[1]};
}

void check_size(const std::string& path, const TensorEntry& entry) {
    const std::optional<Index> value_bytes = dtype_bytes(entry.dtype);
    if (!value_bytes) {
        fail(ExitCode::bad_input, "unknown dtype '{}' ({}:{}, {}): store the tensor as F32",
             printable(entry.dtype), path, printable(entry.name), shape_text(entry.shape));
    }
    Index bytes = *value_bytes;
    for (const Index extent : entry.shape) {
        if (__builtin_mul_overflow(bytes, extent, &bytes)) {
            refuse(path,
                   fmt::format("{}: the shape {} overflows", quoted(entry.name), shape_text(entry.shape)));
        }
    }
    if (bytes != entry.end - entry.begin) {
        refuse(path, fmt::format("{} of shape {} and dtype {} takes {} bytes, but its data_offsets span {}",
                                 quoted(entry.name), shape_text(entry.shape), entry.dtype, bytes,
                                 entry.end - entry.begin));
    }
}

/// `entries` are in the order of their offsets.
void check_layout(const std::string& path, const std::vector<TensorEntry>& entries, Index data_bytes) {
    Index end = 0;
    for (const TensorEntry& entry : entries) {
        if (entry.begin != end) {
            refuse(path, fmt::format("{} starts at byte {} of the data, but the one before it ends at {}",
                                     quoted(entry.name), entry.begin, end));
        }
        end = entry.end;
    }
    if (end != data_bytes) {
        refuse(path,
               fmt::format("its tensors take {} bytes, but {} bytes of data are there", end, data_bytes));
    }
}

}  // namespace

SafetensorsHeader read_safetensors_header(const std::string& path) {
    require_readable_file(path);
    const auto file_size = static_cast<Index>(std::filesystem::file_size(path));
    const std::string text = read_header_text(path, file_size);

    SafetensorsHeader header;
    header.data_start = 8 + static_cast<Index>(text.size());
    const json parsed = parse_header(path, text);
    for (const auto& [name, value] : parsed.items()) {
        if (name == "__metadata__") {
            header.metadata = read_metadata(path, value);
        } else {
            header.entries.push_back(read_entry(path, name, value));
            check_size(path, header.entries.back());
        }
    }
    std::sort(header.entries.begin(), header.entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    check_layout(path, header.entries, file_size - header.data_start);
    return header;
}

}  // namespace tangram
