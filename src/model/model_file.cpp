// Which kind of file a model is, by its first bytes, and what holds for tensors of either kind.

#include "tangram/model/tensors.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/error.hpp"

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace tangram {

namespace {

using namespace std::string_view_literals;

/// Up to `count` bytes of `file` from `offset`.
std::string bytes_at(std::ifstream& file, std::streamoff offset, std::size_t count) {
    std::string bytes(count, '\0');
    file.clear();
    file.seekg(offset);
    file.read(bytes.data(), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

/// HDF5's signature stands at byte 0, 512, 1024, 2048, ..: before it, a file may carry a block of the user's
/// own.
bool has_hdf5_signature(std::ifstream& file, std::streamoff file_size) {
    for (std::streamoff offset = 0; offset < file_size; offset = offset == 0 ? 512 : 2 * offset) {
        if (bytes_at(file, offset, 8) == "\x89HDF\r\n\x1a\n"sv) return true;
    }
    return false;
}

[[noreturn]] void refuse_format(const std::string& path, std::string_view first) {
    if (first.starts_with("PK\x03\x04"sv) || first.starts_with("\x80\x02"sv)) {
        fail(ExitCode::bad_input,
             "a pickle or a zip archive, as PyTorch's .pt and NumPy's .npz are, is never read ({}): save the "
             "state_dict with safetensors.torch.save_file",
             path);
    }
    fail(ExitCode::bad_input,
         "neither a safetensors nor an HDF5 file ({}): save the state_dict as safetensors", path);
}

}  // namespace

ModelFile read_model(const std::string& location) {
    const auto [path, group] = split_location(location);
    require_readable_file(path);
    std::ifstream file(path, std::ios::binary);
    if (has_hdf5_signature(file, static_cast<std::streamoff>(std::filesystem::file_size(path)))) {
        return read_hdf5_model(path, group);
    }
    const std::string first = bytes_at(file, 0, 9);
    const bool starts_like_safetensors = first.size() == 9 && first.back() == '{';
    if (!starts_like_safetensors && !path.ends_with(".safetensors")) refuse_format(path, first);
    return read_safetensors(path, group);
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
