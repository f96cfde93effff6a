#include "tangram/input/factors.hpp"

#include "factor_listing.hpp"
#include "tangram/input/input_dataset.hpp"
#include "tangram/input/tensor_choice.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

namespace tangram {

namespace {

constexpr const char* layout =
    "x (N, d_in) with s (N, R, d_out), or x (N, T, d_in) with s (N, R, T, d_out), or s or g (N, R, P)";

// ---- shapes

/// A dataset of a tensor, opened.
struct Opened {
    InputDataset input;
    [[nodiscard]] const std::vector<Index>& shape() const { return input.shape; }
    [[nodiscard]] Index dims() const { return static_cast<Index>(input.shape.size()); }
};

Opened open_part(const std::string& location, const NamedFactors& named, const std::string& part) {
    Opened opened{open_input(location, fmt::format("factors {} of {}", part, printable(named.name)))};
    const bool is_empty =
        std::any_of(opened.shape().begin(), opened.shape().end(), [](Index extent) { return extent < 1; });
    if (is_empty) {
        fail(ExitCode::bad_input, "an array with nothing in it ({}): store {}", describe(opened.input),
             layout);
    }
    if (opened.input.kind == ElementKind::boolean) {
        fail(ExitCode::bad_input, "truth values are no gradients ({}): store floating-point numbers",
             describe(opened.input));
    }
    return opened;
}

/// Which object of which file it is, so that a dataset with two names is known as one.
std::string storage_of(const InputDataset& input) {
    if (input.array) {
        std::error_code error;
        const auto path = std::filesystem::canonical(input.location.file, error);
        return error ? "" : path.string() + ":" + input.location.name;
    }
    H5O_info_t object{};
    if (H5Oget_info2(input.dataset.get(), &object, H5O_INFO_BASIC) < 0) return "";
    return fmt::format("{}@{}", object.fileno, object.addr);
}

[[noreturn]] void refuse_shape(const Opened& opened, const NamedFactors& named, const std::string& what) {
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
void settle_rows(const Opened& s, const NamedFactors& named, const std::string& part, FactorTensor& tensor,
                 Index& rows) {
    if (s.dims() < 2) refuse_shape(s, named, "have one dimension only");
    if (part == "s" && s.dims() > 3) refuse_shape(s, named, "have s of four dimensions and no x");
    rows = s.dims() == 2 ? 1 : s.shape()[1];
    tensor.shape.assign(s.shape().begin() + (s.dims() == 2 ? 1 : 2), s.shape().end());
    if (product_from(s.shape(), 1) < 0) refuse_shape(s, named, "are too many to count");
}

void settle_product(const Opened& x, const Opened& s, const NamedFactors& named, FactorTensor& tensor,
                    Index& rows) {
    const bool has_positions = x.dims() == 3;
    if (x.dims() < 2 || x.dims() > 3) refuse_shape(x, named, "have x of neither two nor three dimensions");
    const Index expected = has_positions ? 4 : 3;
    if (s.dims() != expected && !(s.dims() == 2 && !has_positions)) {
        refuse_shape(s, named, fmt::format("have s of {} dimensions, where x has {}", s.dims(), x.dims()));
    }
    rows = s.dims() == 2 ? 1 : s.shape()[1];
    if (has_positions) {
        tensor.positions = x.shape()[1];
        if (s.shape()[2] != tensor.positions) {
            refuse_shape(
                s, named,
                fmt::format("have s on {} positions, where x has {}", s.shape()[2], tensor.positions));
        }
    }
    tensor.shape = {s.shape().back(), x.shape().back()};
    if (product_from(tensor.shape, 0) < 0 || product_from(s.shape(), 1) < 0)
        refuse_shape(s, named, "are too many to count");
}

/// All that is to be known of a tensor; N and R are those of the first.
void add_tensor(const NamedFactors& named, FactorFile& factors) {
    const auto has = [&](const char* part) { return named.parts.contains(part); };
    const auto place = [&](const char* part) { return named.parts.at(part); };
    const std::string& any = named.parts.begin()->second;
    if (has("g") && (has("x") || has("s"))) {
        fail(ExitCode::bad_input, "the tensor {} has g and x or s, which say the same twice ({}): keep one",
             printable(named.name), printable(any));
    }
    if (has("x") && !has("s")) {
        fail(ExitCode::bad_input, "the tensor {} has x and no s ({}): store {}", printable(named.name),
             printable(any), layout);
    }
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
void choose(const GraphOptions& chosen, const std::string& location, std::vector<NamedFactors>& all) {
    std::set<std::string> names;
    for (const NamedFactors& one : all) names.insert(one.name);
    require_that_patterns_match(chosen, names, location);
    std::erase_if(all, [&](const NamedFactors& one) {
        const bool is_chosen = chosen.wrt.empty() || matches_any(one.name, chosen.wrt);
        return !is_chosen || matches_any(one.name, chosen.frozen);
    });
    if (all.empty()) {
        fail(ExitCode::bad_input,
             "no tensor is left ({}): nothing to take a kernel of: --wrt and --frozen leave none",
             printable(location));
    }
}

}  // namespace

FactorFile read_factors(const std::string& location, const GraphOptions& chosen) {
    const FileAndName place = split_location(location);
    require_readable_file(place.file);
    if (std::filesystem::file_size(place.file) == 0)
        fail(ExitCode::bad_input, "the file of factors is empty ({}): write it again", place.file);
    const bool is_hdf5 = H5Fis_hdf5(place.file.c_str()) > 0;
    if (!is_hdf5 && !place.name.empty()) {
        fail(ExitCode::bad_input, "a text that names files has no groups ({}): leave :{} out", place.file,
             printable(place.name));
    }
    FactorFile factors;
    factors.location = location;
    std::vector<NamedFactors> all = is_hdf5 ? list_groups(place, factors.notes) : list_lines(place.file);
    if (all.empty()) {
        fail(ExitCode::bad_input, "no factors in it ({}): {}", printable(location),
             is_hdf5 ? "store a group a tensor with datasets x and s, or g"
                     : "write a line a tensor: NAME x=FILE s=FILE");
    }
    choose(chosen, location, all);
    for (const NamedFactors& named : all) {
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
    if (train.rows != test.rows) {
        fail(ExitCode::bad_input,
             "test factors of {} rows a sample ({}), where those of the samples have {} ({}): give as many",
             test.rows, printable(test.location), train.rows, printable(train.location));
    }
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
