#pragma once
// The bytes of safetensors files, put together from the format.

#include "array_files.hpp"
#include "tangram/input/tensors.hpp"
#include "temporary_file.hpp"

#include <string>
#include <vector>

namespace tangram::test {

/// A whole file: the length of its header, the header, the data.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
    return little(header.size(), 8) + header + data;
}

/// Numbers by their bits, one after another.
template <class Bits>
std::string packed(const std::vector<Bits>& values) {
    std::string text;
    for (const Bits value : values) text += little(value, sizeof(Bits));
    return text;
}

/// A tensor's entry in a header.
inline std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                         const std::string& offsets) {
    return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
}

inline ModelFile read_bytes(const std::string& bytes, const std::string& group = "") {
    const TemporaryFile file("m.safetensors", bytes);
    return read_model(group.empty() ? file.path() : file.path() + ":" + group);
}

}  // namespace tangram::test
