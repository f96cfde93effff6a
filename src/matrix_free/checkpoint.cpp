#include "tangram/matrix_free/checkpoint.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"

#include <array>
#include <filesystem>

namespace tangram {

namespace {

constexpr const char* format = "tangram checkpoint";

}  // namespace

void save_checkpoint(const std::string& path, const std::string& identity, const CheckpointArrays& arrays) {
    const std::string written = path + ".new";
    h5::Handle file = h5::create_serial(written);
    const h5::Handle root = h5::open_group(file, "/");
    h5::write_attribute(root, "format", std::string(format));
    h5::write_attribute(root, "identity", identity);
    for (const auto& [name, array] : arrays) {
        const std::array<Index, 2> dims{array.rows(), array.cols()};
        h5::write_dataset(file, "/" + name, std::span<const double>(array.data(), at(array.size())), dims);
    }
    file.close(written);
    std::error_code failed;
    std::filesystem::rename(written, path, failed);
    if (failed) fail(ExitCode::io, "cannot replace the checkpoint ({}): {}", path, failed.message());
}

std::optional<CheckpointArrays> load_checkpoint(const std::string& path, const std::string& identity) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return std::nullopt;
    const h5::Handle file = h5::open_readonly(path);
    const h5::Handle root = h5::open_group(file, "/");
    if (!h5::has_attribute(root, "format") || h5::read_text_attribute(root, "format") != format)
        fail(ExitCode::bad_input, "not a checkpoint ({}): remove it, or run without --resume", path);
    if (h5::read_text_attribute(root, "identity") != identity) {
        fail(
            ExitCode::usage,
            "the checkpoint is of another network, other samples or options ({}): give those, or --overwrite without --resume",
            path);
    }
    CheckpointArrays arrays;
    for (const std::string& name : h5::list_datasets(root)) {
        const h5::Handle dataset = h5::open_dataset(file, "/" + name);
        const std::vector<Index> shape = h5::shape(dataset);
        if (shape.size() != 2)
            fail(ExitCode::bad_input, "the checkpoint is damaged ({}:{}): run without --resume", path, name);
        Matrix<double> array(shape[0], shape[1]);
        if (array.size() > 0) h5::read_rows(dataset, 0, array.view());
        arrays.emplace(name, std::move(array));
    }
    return arrays;
}

}  // namespace tangram
