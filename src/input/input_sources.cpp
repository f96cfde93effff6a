#include "tangram/input/input_sources.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/location.hpp"
#include "tangram/support/text.hpp"

#include <hdf5.h>

#include <algorithm>
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

/// `name` as HDF5 looks for it: in the folder `beside`, or where it says. "" if it is not there.
std::string resolve(const std::string& name, const fs::path& beside) {
    std::error_code ignored;
    for (const fs::path& path : {beside / name, fs::path(name)}) {
        if (fs::is_regular_file(path, ignored)) return path.string();
    }
    return "";
}

/// Whether the folder of `path`, which may be a link itself, is `folder` or lies in it.
bool lies_in(const fs::path& path, const fs::path& folder) {
    std::error_code ignored;
    const fs::path own = fs::weakly_canonical(fs::absolute(path).parent_path(), ignored);
    const fs::path above = fs::weakly_canonical(fs::absolute(folder), ignored);
    return std::mismatch(above.begin(), above.end(), own.begin(), own.end()).first == above.end();
}

std::string file_of(const h5::Handle& object) {
    return ask_text([&](char* text, std::size_t size) { return H5Fget_name(object.get(), text, size); });
}

/// The names of files that a dataset has beside its own, as they are written there.
std::vector<std::string> raw_files(const h5::Handle& creation) {
    std::vector<std::string> names;
    const int count = H5Pget_external_count(creation.get());
    for (int k = 0; k < count; ++k) {
        std::array<char, 4096> name{};
        if (H5Pget_external(creation.get(), static_cast<unsigned>(k), name.size() - 1, name.data(), nullptr,
                            nullptr) >= 0)
            names.emplace_back(name.data());
    }
    return names;
}

/// The files and datasets that a virtual dataset is put together from.
std::vector<FileAndName> virtual_sources(const h5::Handle& creation) {
    std::size_t count = 0;
    if (H5Pget_layout(creation.get()) != H5D_VIRTUAL || H5Pget_virtual_count(creation.get(), &count) < 0)
        return {};
    std::vector<FileAndName> sources;
    for (std::size_t k = 0; k < count; ++k) {
        const auto ask = [&](auto* function) {
            return ask_text(
                [&](char* text, std::size_t size) { return function(creation.get(), k, text, size); });
        };
        sources.push_back({ask(H5Pget_virtual_filename), ask(H5Pget_virtual_dsetname)});
    }
    return sources;
}

/// Throws where `name`, written in the file `file`, leads out of its folder, or nowhere: HDF5 would take zeros without a
/// word. A link that the user made is followed anywhere, a name in a file is not. `own`: the file that the user named.
void require_inside(const std::string& name, const std::string& found, const std::string& file,
                    const std::string& own) {
    const fs::path folder = fs::absolute(file).parent_path();
    if (!lies_in(folder / name, folder) || (!found.empty() && !lies_in(found, folder))) {
        fail(
            ExitCode::bad_input,
            "a dataset whose values lie outside the folder of its file ({}: {}), where nothing is read: make one file of it, h5repack -l CONTI {} NEW.h5",
            file, printable(name), own);
    }
    const bool is_pattern = name.find('%') != std::string::npos;  // of many names, as HDF5 counts them
    if (found.empty() && !is_pattern) {
        fail(ExitCode::bad_input,
             "a dataset whose values lie in a file that is not there ({}: {}): copy it too", file,
             printable(name));
    }
}

void collect(const h5::Handle& dataset, const std::string& own, std::set<std::string>& files) {
    const std::string file = file_of(dataset);
    const h5::Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    files.insert(file);
    for (const std::string& name : raw_files(creation)) {
        const std::string path = resolve(name, "");  // HDF5 looks in the working folder only
        require_inside(name, path, file, own);
        files.insert(path);
    }
    for (const FileAndName& source : virtual_sources(creation)) {
        if (source.file == ".") continue;  // the dataset's own file
        const std::string path = resolve(source.file, fs::path(file).parent_path());
        require_inside(source.file, path, file, own);
        if (path.empty() || !files.insert(path).second) continue;  // one that was seen: circles end
        const h5::Handle opened = h5::open_readonly(path);
        if (h5::exists(opened, source.name)) collect(h5::open_dataset(opened, source.name), own, files);
    }
}

}  // namespace

bool lies_in_file(const h5::Handle& dataset, const h5::Handle& file) {
    const h5::Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
    return file_of(dataset) == file_of(file) && raw_files(creation).empty() &&
           virtual_sources(creation).empty();
}

std::vector<std::string> linked_files(const h5::Handle& dataset, const h5::Handle& root) {
    std::set<std::string> files;
    const std::string own = file_of(root);
    collect(dataset, own, files);
    std::error_code ignored;
    std::vector<std::string> others;
    for (const std::string& file : files) {
        if (file != own && !fs::equivalent(file, own, ignored)) others.push_back(file);
    }
    return others;
}

std::vector<std::string> linked_files(const std::string& location) {
    const FileAndName place = split_location(location);
    if (H5Fis_hdf5(place.file.c_str()) <= 0) return {};  // another format holds its values itself
    const h5::Handle file(H5Fopen(place.file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file.valid()) return {};  // who reads it says so
    const std::vector<std::string> names =
        place.name.empty() ? h5::list_datasets(file) : std::vector<std::string>{place.name};
    std::set<std::string> files;
    for (const std::string& name : names) {
        const h5::Handle dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
        if (!dataset.valid()) continue;
        const std::vector<std::string> others = linked_files(dataset, file);
        files.insert(others.begin(), others.end());
    }
    return {files.begin(), files.end()};
}

}  // namespace tangram
