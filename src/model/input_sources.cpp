#include "tangram/model/input_sources.hpp"

#include <array>
#include <filesystem>
#include <set>

namespace tangram {

namespace fs = std::filesystem;

namespace {

/// Text from an HDF5 call that tells its length first: length(nullptr, 0), then (buffer, size).
template <class Ask>
std::string ask_text(Ask ask) {
    const ssize_t length = ask(nullptr, std::size_t{0});
    if (length <= 0) return "";
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    ask(text.data(), text.size());
    text.resize(static_cast<std::size_t>(length));
    return text;
}

/// `name` as HDF5 looks for it: where it says, or beside the file that refers to it. "" if it is not there.
std::string resolve(const std::string& name, const fs::path& beside) {
    std::error_code ignored;
    for (const fs::path& path : {fs::path(name), beside.parent_path() / name}) {
        if (fs::is_regular_file(path, ignored)) return path.string();
    }
    return "";
}

void collect(const h5::Handle& dataset, std::set<std::string>& files) {
    const std::string file =
        ask_text([&](char* text, std::size_t size) { return H5Fget_name(dataset.get(), text, size); });
    const h5::Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    const auto add = [&](const std::string& name) {
        const std::string path = resolve(name, file);
        return !path.empty() && files.insert(path).second ? path : std::string();
    };
    add(file);
    const int external = H5Pget_external_count(creation.get());
    for (int k = 0; k < external; ++k) {
        std::array<char, 4096> name{};
        if (H5Pget_external(creation.get(), static_cast<unsigned>(k), name.size() - 1, name.data(), nullptr,
                            nullptr) >= 0)
            add(name.data());
    }
    std::size_t sources = 0;
    if (H5Pget_layout(creation.get()) != H5D_VIRTUAL || H5Pget_virtual_count(creation.get(), &sources) < 0)
        return;
    for (std::size_t k = 0; k < sources; ++k) {
        const std::string name = ask_text([&](char* text, std::size_t size) {
            return H5Pget_virtual_filename(creation.get(), k, text, size);
        });
        const std::string source = ask_text([&](char* text, std::size_t size) {
            return H5Pget_virtual_dsetname(creation.get(), k, text, size);
        });
        const std::string path = add(name);  // "" for one that was seen, so that circles end
        if (path.empty()) continue;
        const h5::Handle opened = h5::open_readonly(path);
        if (h5::exists(opened, source)) collect(h5::open_dataset(opened, source), files);
    }
}

}  // namespace

std::vector<std::string> linked_files(const InputDataset& input) {
    std::set<std::string> files;
    collect(input.dataset, files);
    std::error_code ignored;
    std::vector<std::string> others;
    for (const std::string& file : files) {
        if (!fs::equivalent(file, input.location.file, ignored)) others.push_back(file);
    }
    return others;
}

}  // namespace tangram
