#include "factor_listing.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace tangram {

namespace {

bool is_part(const std::string& name) {
    return name == "x" || name == "s" || name == "g";
}

// ---- HDF5

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

/// Every link below, sorted: a dataset that has two names is there by both.
std::vector<std::string> links_below(const h5::Handle& group, const std::string& path) {
    std::vector<std::string> names;
    if (H5Lvisit(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_name, &names) < 0) {
        fail(ExitCode::bad_input, "cannot list what the file holds ({}): {}: is it damaged?", path,
             h5::last_error());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// What the links of a file lead to.
struct Links {
    std::vector<std::string> parts;   ///< datasets called x, s or g, and what leads nowhere
    std::vector<std::string> others;  ///< datasets of other names
};

/// Throws where a link leads to a group whose members are not among these: another file's, or one that has a name already.
void require_followed(const h5::Handle& group, const std::string& link, const std::vector<std::string>& links,
                      const std::string& path) {
    H5G_info_t its{};
    if (H5Gget_info(group.get(), &its) < 0 || its.nlinks == 0) return;
    const auto next = std::lower_bound(links.begin(), links.end(), link + "/");
    if (next != links.end() && next->starts_with(link + "/")) return;
    fail(ExitCode::bad_input,
         "a link leads to a group of another file, or to one that has another name ({}:{}): {}", path,
         printable(link), "write a group of its own, with links to its datasets");
}

Links look_at_links(const h5::Handle& group, const std::string& path) {
    Links found;
    const std::vector<std::string> links = links_below(group, path);
    for (const std::string& link : links) {
        const bool leads_somewhere = H5Oexists_by_name(group.get(), link.c_str(), H5P_DEFAULT) > 0;
        const h5::Handle item = leads_somewhere ? h5::open_item(group, link) : h5::Handle();
        const H5I_type_t type = leads_somewhere ? H5Iget_type(item.get()) : H5I_DATASET;
        if (type == H5I_GROUP) {
            require_followed(item, link, links, path);
        } else if (type == H5I_DATASET) {
            const bool is_named = is_part(link.substr(link.rfind('/') + 1));
            (is_named ? found.parts : found.others).push_back(link);
        }
    }
    return found;
}

std::string in_group(const std::string& group, const std::string& name) {
    return group.empty() || group.ends_with('/') ? group + name : group + "/" + name;
}

/// The order that the attribute `tensors` gives; throws where it does not name just these.
void order_as_said(const h5::Handle& object, const std::string& location, std::vector<NamedFactors>& all) {
    if (!h5::has_attribute(object, "tensors")) return;
    if (!h5::has_text_attribute(object, "tensors")) {
        fail(ExitCode::bad_input,
             "the attribute `tensors` is no list of names ({}): store the tensors' names, or leave it out",
             printable(location));
    }
    std::vector<NamedFactors> ordered;
    for (const std::string& name : h5::read_texts_attribute(object, "tensors")) {
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const NamedFactors& one) { return one.name == name; });
        const bool is_again = std::any_of(ordered.begin(), ordered.end(),
                                          [&](const NamedFactors& one) { return one.name == name; });
        if (is_again || found == all.end()) {
            fail(ExitCode::bad_input, "the attribute `tensors` names {}{} ({}): {}", printable(name),
                 is_again ? " twice" : ", which has no group", printable(location),
                 is_again ? "name each once, or leave the attribute out" : "write one, or leave it out");
        }
        ordered.push_back(std::move(*found));
        all.erase(found);
    }
    if (!all.empty()) {
        fail(ExitCode::bad_input,
             "the attribute `tensors` does not name {}, which has a group ({}): name all, or leave it out",
             printable(all.front().name), printable(location));
    }
    all = std::move(ordered);
}

std::string beside(const std::string& text, const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(text).parent_path();
    return folder.empty() || path.starts_with('/') ? path : (folder / path).string();
}

}  // namespace

std::vector<NamedFactors> list_groups(const FileAndName& place, std::vector<std::string>& notes) {
    const h5::Handle file = h5::open_readonly(place.file);
    if (!place.name.empty() && !h5::exists(file, place.name)) {
        fail(ExitCode::bad_input,
             "no such group for the factors ({}:{}): name the one that holds the tensors' groups", place.file,
             printable(place.name));
    }
    const h5::Handle group = h5::open_group(file, place.name.empty() ? "/" : place.name);
    const std::string location = place.file + (place.name.empty() ? "" : ":" + place.name);
    std::vector<NamedFactors> all;
    const Links links = look_at_links(group, place.file);
    for (const std::string& path : links.parts) {
        const std::size_t slash = path.rfind('/');
        const std::string part = slash == std::string::npos ? path : path.substr(slash + 1);
        const std::string name = slash == std::string::npos ? "parameters" : path.substr(0, slash);
        auto found =
            std::find_if(all.begin(), all.end(), [&](const NamedFactors& one) { return one.name == name; });
        if (found == all.end()) found = all.insert(all.end(), NamedFactors{name, {}});
        if (!found->parts.emplace(part, place.file + ":" + in_group(place.name, path)).second) {
            fail(ExitCode::bad_input, "{} of the tensor {} is there twice ({}:{}): rename one", part,
                 printable(name), place.file, printable(path));
        }
    }
    order_as_said(group, location, all);
    if (!links.others.empty()) {
        notes.push_back(fmt::format("{}: {} not called x, s or g and left out: {}", printable(location),
                                    links.others.size() == 1 ? "a dataset is" : "datasets are",
                                    name_some(links.others)));
    }
    return all;
}

std::vector<NamedFactors> list_lines(const std::string& path) {
    constexpr std::uintmax_t longest = 1 << 24;
    if (std::filesystem::file_size(path) > longest) {
        fail(ExitCode::bad_input, "neither HDF5 nor a short text that names files ({}): {}", path,
             "write a group a tensor, or a line a tensor");
    }
    std::ifstream file(path);
    std::vector<NamedFactors> all;
    std::string line;
    for (Index number = 1; std::getline(file, line); ++number) {
        const auto refuse = [&](const std::string& what) {
            fail(ExitCode::bad_input, "line {} {} ({}): write NAME x=FILE s=FILE, NAME s=FILE or NAME g=FILE",
                 number, what, path);
        };
        std::istringstream words(line.substr(0, line.find('#')));
        NamedFactors one;
        if (!(words >> one.name)) continue;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        std::replace(line.begin(), line.end(), '\t', ' ');
        if (without_controls(line) != line) refuse("is no text");
        for (std::string word; words >> word;) {
            const std::size_t equals = word.find('=');
            const std::string part = word.substr(0, equals);
            if (equals == std::string::npos || !is_part(part) || equals + 1 == word.size())
                refuse(fmt::format("has '{}'", printable(word)));
            if (!one.parts.emplace(part, beside(path, word.substr(equals + 1))).second)
                refuse(fmt::format("gives {} twice", part));
        }
        if (one.parts.empty()) refuse(fmt::format("names no file for '{}'", printable(one.name)));
        const bool again = std::any_of(all.begin(), all.end(),
                                       [&](const NamedFactors& known) { return known.name == one.name; });
        if (again) refuse(fmt::format("has the tensor {} again", printable(one.name)));
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace tangram
