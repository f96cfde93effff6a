#include "tangram/input/factors.hpp"

#include "tangram/input/input_dataset.hpp"
#include "tangram/input/tensor_choice.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

namespace tangram {

namespace {

constexpr const char* layout =
    "x (N, d_in) with s (N, R, d_out), or x (N, T, d_in) with s (N, R, T, d_out), or s or g (N, R, P)";

/// What a file says of one tensor, before anything is opened.
struct Named {
    std::string name;
    std::map<std::string, std::string> parts;  ///< "x", "s", "g": FILE[:DATASET]
};

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
    if (H5Lvisit(group.get(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_name, &names) < 0)
        fail(ExitCode::bad_input, "cannot list what the file holds ({}): {}: is it damaged?", path,
             h5::last_error());
    std::sort(names.begin(), names.end());
    return names;
}

std::string in_group(const std::string& group, const std::string& name) {
    return group.empty() || group.ends_with('/') ? group + name : group + "/" + name;
}

/// The order that the attribute `tensors` gives; throws where it does not name just these.
void order_as_said(const h5::Handle& object, const std::string& location, std::vector<Named>& all) {
    if (!h5::has_attribute(object, "tensors")) return;
    std::vector<Named> ordered;
    for (const std::string& name : h5::read_texts_attribute(object, "tensors")) {
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
        if (found == all.end())
            fail(ExitCode::bad_input,
                 "the attribute `tensors` names {}, which has no group ({}): write one, or leave it out",
                 printable(name), printable(location));
        ordered.push_back(std::move(*found));
        all.erase(found);
    }
    if (!all.empty())
        fail(ExitCode::bad_input,
             "the attribute `tensors` does not name {}, which has a group ({}): name all, or leave it out",
             printable(all.front().name), printable(location));
    all = std::move(ordered);
}

std::vector<Named> list_groups(const FileAndName& place) {
    const h5::Handle file = h5::open_readonly(place.file);
    if (!place.name.empty() && !h5::exists(file, place.name)) {
        fail(ExitCode::bad_input,
             "no such group for the factors ({}:{}): name the one that holds the tensors' groups", place.file,
             printable(place.name));
    }
    const h5::Handle group = h5::open_group(file, place.name.empty() ? "/" : place.name);
    std::vector<Named> all;
    for (const std::string& path : links_below(group, place.file)) {
        const std::size_t slash = path.rfind('/');
        const std::string part = slash == std::string::npos ? path : path.substr(slash + 1);
        if (!is_part(part)) continue;
        const std::string name = slash == std::string::npos ? "parameters" : path.substr(0, slash);
        auto found = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
        if (found == all.end()) found = all.insert(all.end(), Named{name, {}});
        found->parts[part] = place.file + ":" + in_group(place.name, path);
    }
    order_as_said(group, place.file + (place.name.empty() ? "" : ":" + place.name), all);
    return all;
}

// ---- a text

std::string beside(const std::string& text, const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(text).parent_path();
    return folder.empty() || path.starts_with('/') ? path : (folder / path).string();
}

std::vector<Named> list_lines(const std::string& path) {
    constexpr std::uintmax_t longest = 1 << 24;
    if (std::filesystem::file_size(path) > longest)
        fail(ExitCode::bad_input, "neither HDF5 nor a short text that names files ({}): {}", path,
             "write a group a tensor, or a line a tensor");
    std::ifstream file(path);
    std::vector<Named> all;
    std::string line;
    for (Index number = 1; std::getline(file, line); ++number) {
        const auto refuse = [&](const std::string& what) {
            fail(ExitCode::bad_input, "line {} {} ({}): write NAME x=FILE s=FILE, NAME s=FILE or NAME g=FILE",
                 number, what, path);
        };
        std::istringstream words(line.substr(0, line.find('#')));
        Named one;
        if (!(words >> one.name)) continue;
        if (printable(line) != line && line.find_first_of("\t\r") == std::string::npos) refuse("is no text");
        for (std::string word; words >> word;) {
            const std::size_t equals = word.find('=');
            const std::string part = word.substr(0, equals);
            if (equals == std::string::npos || !is_part(part) || equals + 1 == word.size())
                refuse(fmt::format("has '{}'", printable(word)));
            if (!one.parts.emplace(part, beside(path, word.substr(equals + 1))).second)
                refuse(fmt::format("gives {} twice", part));
        }
        if (one.parts.empty()) refuse(fmt::format("names no file for '{}'", printable(one.name)));
        const bool again =
            std::any_of(all.begin(), all.end(), [&](const Named& known) { return known.name == one.name; });
        if (again) refuse(fmt::format("has the tensor {} again", printable(one.name)));
        all.push_back(std::move(one));
    }
    return all;
}

// ---- shapes

/// A dataset of a tensor, opened.
struct Opened {
    InputDataset input;
    [[nodiscard]] const std::vector<Index>& shape() const { return input.shape; }
    [[nodiscard]] Index dims() const { return static_cast<Index>(input.shape.size()); }
};

Opened open_part(const std::string& location, const Named& named, const std::string& part) {
    Opened opened{open_input(location, fmt::format("factors {} of {}", part, printable(named.name)))};
    const bool is_empty =
        std::any_of(opened.shape().begin(), opened.shape().end(), [](Index extent) { return extent < 1; });
    if (is_empty)
        fail(ExitCode::bad_input, "an array with nothing in it ({}): store {}", describe(opened.input),
             layout);
    if (opened.input.kind == ElementKind::boolean)
        fail(ExitCode::bad_input, "truth values are no gradients ({}): store floating-point numbers",
             describe(opened.input));
    return opened;
}

/// Where the values begin, so that a dataset with two names is known as one.
std::string storage_of(const InputDataset& input) {
    if (input.array) {
        std::error_code error;
        const auto path = std::filesystem::canonical(input.location.file, error);
        return error ? "" : path.string() + ":" + input.location.name;
    }
    const haddr_t offset = H5Dget_offset(input.dataset.get());
    return offset == HADDR_UNDEF ? "" : fmt::format("{}@{}", input.location.file, offset);
}

[[noreturn]] void refuse_shape(const Opened& opened, const Named& named, const std::string& what) {
    fail(ExitCode::bad_input, "{} of {} {} ({}): store {}", "the factors", printable(named.name), what,
         describe(opened.input), layout);
}

Index product_from(const std::vector<Index>& shape, std::size_t first) {
    Index product = 1;
    for (std::size_t axis = first; axis < shape.size(); ++axis) {
        if (__builtin_mul_overflow(product, shape[axis], &product)) return -1;
    }
    return product;
}

/// Gradients themselves, (N, P) or (N, R, ..).
void settle_rows(const Opened& s, const Named& named, const std::string& part, FactorTensor& tensor,
                 Index& rows) {
    if (s.dims() < 2) refuse_shape(s, named, "have one dimension only");
    if (part == "s" && s.dims() > 3) refuse_shape(s, named, "have s of four dimensions and no x");
    rows = s.dims() == 2 ? 1 : s.shape()[1];
    tensor.shape.assign(s.shape().begin() + (s.dims() == 2 ? 1 : 2), s.shape().end());
    if (product_from(s.shape(), 1) < 0) refuse_shape(s, named, "are too many to count");
}

void settle_product(const Opened& x, const Opened& s, const Named& named, FactorTensor& tensor, Index& rows) {
    const bool has_positions = x.dims() == 3;
    if (x.dims() < 2 || x.dims() > 3) refuse_shape(x, named, "have x of neither two nor three dimensions");
    const Index expected = has_positions ? 4 : 3;
    if (s.dims() != expected && !(s.dims() == 2 && !has_positions)) {
        refuse_shape(s, named, fmt::format("have s of {} dimensions, where x has {}", s.dims(), x.dims()));
    }
    rows = s.dims() == 2 ? 1 : s.shape()[1];
    if (has_positions) {
        tensor.positions = x.shape()[1];
        if (s.shape()[2] != tensor.positions)
            refuse_shape(
                s, named,
                fmt::format("have s on {} positions, where x has {}", s.shape()[2], tensor.positions));
    }
    tensor.shape = {s.shape().back(), x.shape().back()};
    if (product_from(tensor.shape, 0) < 0 || product_from(s.shape(), 1) < 0)
        refuse_shape(s, named, "are too many to count");
}

/// All that is to be known of a tensor; N and R are those of the first.
void add_tensor(const Named& named, FactorFile& factors) {
    const auto has = [&](const char* part) { return named.parts.contains(part); };
    const auto place = [&](const char* part) { return named.parts.at(part); };
    const std::string& any = named.parts.begin()->second;
    if (has("g") && (has("x") || has("s")))
        fail(ExitCode::bad_input, "the tensor {} has g and x or s, which say the same twice ({}): keep one",
             printable(named.name), printable(any));
    if (has("x") && !has("s"))
        fail(ExitCode::bad_input, "the tensor {} has x and no s ({}): store {}", printable(named.name),
             printable(any), layout);
    const std::string part = has("g") ? "g" : "s";
    const Opened s = open_part(place(part.c_str()), named, part);
    FactorTensor tensor{named.name, "", place(part.c_str()), {}, 1, storage_of(s.input)};
    Index rows = 1;
    std::vector<const Opened*> opened{&s};
    std::optional<Opened> x;
    if (has("x")) {
        x.emplace(open_part(place("x"), named, "x"));
        tensor.x = place("x");
        settle_product(*x, s, named, tensor, rows);
        opened.push_back(&*x);
    } else {
        settle_rows(s, named, part, tensor, rows);
    }
    for (const Opened* one : opened) {
        if (factors.samples == 0) factors.samples = one->shape().front();
        if (one->shape().front() == factors.samples) continue;
        fail(ExitCode::bad_input,
             "factors of {} samples ({}), where those of {} are of {}: give every tensor the same samples",
             one->shape().front(), describe(one->input),
             printable((factors.tensors.empty() ? tensor : factors.tensors.front()).name), factors.samples);
    }
    if (factors.tensors.empty()) factors.rows = rows;
    if (rows != factors.rows) {
        fail(ExitCode::bad_input,
             "factors of {} rows a sample ({}), where those of {} have {}: give every tensor the same rows",
             rows, describe(s.input), printable(factors.tensors.front().name), factors.rows);
    }
    factors.tensors.push_back(std::move(tensor));
}

/// Leaves those that --wrt and --frozen choose.
void choose(const GraphOptions& chosen, const std::string& location, std::vector<Named>& all) {
    std::set<std::string> names;
    for (const Named& one : all) names.insert(one.name);
    require_that_patterns_match(chosen, names, location);
    std::erase_if(all, [&](const Named& one) {
        const bool is_chosen = chosen.wrt.empty() || matches_any(one.name, chosen.wrt);
        return !is_chosen || matches_any(one.name, chosen.frozen);
    });
    if (all.empty())
        fail(ExitCode::bad_input,
             "no tensor is left ({}): nothing to take a kernel of: --wrt and --frozen leave none",
             printable(location));
}

}  // namespace

FactorFile read_factors(const std::string& location, const GraphOptions& chosen) {
    const FileAndName place = split_location(location);
    require_readable_file(place.file);
    if (std::filesystem::file_size(place.file) == 0)
        fail(ExitCode::bad_input, "the file of factors is empty ({}): write it again", place.file);
    const bool is_hdf5 = H5Fis_hdf5(place.file.c_str()) > 0;
    if (!is_hdf5 && !place.name.empty())
        fail(ExitCode::bad_input, "a text that names files has no groups ({}): leave :{} out", place.file,
             printable(place.name));
    std::vector<Named> all = is_hdf5 ? list_groups(place) : list_lines(place.file);
    if (all.empty())
        fail(ExitCode::bad_input, "no factors in it ({}): {}", printable(location),
             is_hdf5 ? "store a group a tensor with datasets x and s, or g"
                     : "write a line a tensor: NAME x=FILE s=FILE");
    choose(chosen, location, all);
    FactorFile factors;
    factors.location = location;
    for (const Named& named : all) {
        add_tensor(named, factors);
        if (is_hdf5) continue;
        for (const auto& [part, where] : named.parts) {
            const std::string file = split_location(where).file;
            const auto& known = factors.other_files;
            if (std::find(known.begin(), known.end(), file) == known.end())
                factors.other_files.push_back(file);
        }
    }
    return factors;
}

void require_same_tensors(const FactorFile& train, const FactorFile& test) {
    const auto text = [](const FactorTensor& tensor) {
        return fmt::format("{} {}{}", printable(tensor.name), shape_text(tensor.shape),
                           tensor.positions > 1 ? fmt::format(" on {} positions", tensor.positions) : "");
    };
    if (train.rows != test.rows)
        fail(ExitCode::bad_input,
             "test factors of {} rows a sample ({}), where those of the samples have {} ({}): give as many",
             test.rows, printable(test.location), train.rows, printable(train.location));
    const std::size_t most = std::max(train.tensors.size(), test.tensors.size());
    for (std::size_t k = 0; k < most; ++k) {
        const std::string ours = k < train.tensors.size() ? text(train.tensors[k]) : "no more";
        const std::string theirs = k < test.tensors.size() ? text(test.tensors[k]) : "no more";
        if (ours == theirs && train.tensors[k].is_product() == test.tensors[k].is_product()) continue;
        fail(
            ExitCode::bad_input,
            "the test factors have {} ({}), where those of the samples have {} ({}): give the same tensors, in the same form and order",
            theirs, printable(test.location), ours, printable(train.location));
    }
}

std::string describe(const FactorFile& factors) {
    std::size_t width = 6;
    for (const FactorTensor& tensor : factors.tensors) width = std::max(width, printable(tensor.name).size());
    std::string table = fmt::format("{:<{}}  {:<16}  {}\n", "tensor", width, "shape", "given as");
    for (const FactorTensor& tensor : factors.tensors) {
        const std::string how = !tensor.is_product() ? "gradients"
                                : tensor.positions == 1
                                    ? "x and s"
                                    : fmt::format("x and s on {} positions", tensor.positions);
        table +=
            fmt::format("{:<{}}  {:<16}  {}\n", printable(tensor.name), width, shape_text(tensor.shape), how);
    }
    return table;
}

}  // namespace tangram
