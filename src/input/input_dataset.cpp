#include "tangram/input/input_dataset.hpp"

#include "file_format.hpp"
#include "hdf5_input.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/idx.hpp"
#include "tangram/support/npy.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

namespace tangram {

namespace {

/// The member of a .npz archive; one that was not named is chosen where it is the only one.
NumberArray open_archive(InputDataset& input, const std::string& what) {
    FileAndName& place = input.location;
    if (place.name.empty()) {
        const std::vector<std::string> names = npz_names(place.file);
        if (names.size() != 1) {
            fail(ExitCode::bad_input,
                 "the archive of the {} is named without an array ({}): write FILE:NAME; it holds {}", what,
                 place.file, names.empty() ? "none" : name_some(names));
        }
        place.name = names.front();
        input.is_chosen = true;
    }
    return open_npz(place.file, place.name);
}

/// An array of a file that is not HDF5; nothing where it is.
std::shared_ptr<const NumberArray> open_array(InputDataset& input, const std::string& what) {
    const FileAndName& place = input.location;
    const FileFormat format = recognise_format(place.file);
    if (format == FileFormat::hdf5) return nullptr;
    if (format == FileFormat::npz) return std::make_shared<const NumberArray>(open_archive(input, what));
    if (format != FileFormat::npy && format != FileFormat::idx) refuse_format(place.file, format, what);
    if (!place.name.empty()) {
        fail(ExitCode::bad_input, "this file holds one array, which has no name ({}): name the {} as {}",
             place.file, what, place.file);
    }
    if (format == FileFormat::npy) return std::make_shared<const NumberArray>(open_npy(place.file));
    return std::make_shared<const NumberArray>(std::move(*open_idx(place.file)));
}

/// Rows of an input whose rows lie along the last axis of the file: read as they lie, then turned.
void read_transposed(const InputDataset& input, Index first, MatrixView<double> out) {
    constexpr Index piece_values = Index{1} << 22;
    const std::size_t axes = input.shape.size();
    const Index piece = std::max<Index>(1, piece_values / std::max<Index>(1, out.cols));
    std::vector<double> lying;
    for (Index done = 0; done < out.rows; done += piece) {
        const Index rows = std::min(piece, out.rows - done);
        std::vector<Index> start(axes, 0), count = input.shape;
        start.back() = first + done;
        count.back() = rows;
        lying.resize(at(rows * out.cols));
        read_box(input, start, count, lying.data());
        // Column j counts the other axes with the last of them slowest: the file's entry `k` has them the other way round.
        std::vector<Index> index(axes - 1, 0);
        for (Index k = 0; k < out.cols; ++k) {
            Index column = 0;
            for (std::size_t axis = axes - 1; axis-- > 0;) column = column * input.shape[axis] + index[axis];
            for (Index i = 0; i < rows; ++i) out(done + i, column) = lying[at(k * rows + i)];
            for (std::size_t axis = axes - 1; axis-- > 0;) {
                if (++index[axis] < input.shape[axis]) break;
                index[axis] = 0;
            }
        }
    }
}

/// Rows [first, first + out.rows).
void read_run(const InputDataset& input, Index first, MatrixView<double> out) {
    if (input.transposed) return read_transposed(input, first, out);
    if (!input.array && input.kind != ElementKind::boolean) return h5::read_rows(input.dataset, first, out);
    std::vector<Index> start(input.shape.size(), 0), count = input.shape;
    start.front() = first;
    count.front() = out.rows;
    read_box(input, start, count, out.data);
}

}  // namespace

std::vector<Index> InputDataset::shape_by_rows() const {
    std::vector<Index> by_rows = shape;
    if (transposed) std::reverse(by_rows.begin(), by_rows.end());
    return by_rows;
}

InputDataset open_input(const std::string& location, const std::string& what) {
    InputDataset input;
    input.location = split_location(location);
    require_readable_file(input.location.file);
    input.array = open_array(input, what);
    if (!input.array) {
        open_hdf5_input(input, what);
    } else {
        const ElementType& type = input.array->type();
        input.shape = input.array->shape();
        input.kind = type.kind;
        input.integers = type.kind == ElementKind::integer;
        input.is_half = type.kind == ElementKind::real && type.bytes == 2;
        input.element_bytes = type.bytes;
        if (type.kind == ElementKind::text) {
            fail(ExitCode::bad_input, "the {} are strings ({}): store integers or floating-point numbers",
                 what, describe(input));
        }
    }
    if (input.shape.empty()) {
        fail(ExitCode::bad_input, "the {} are a single value or nothing ({}): store one row a sample", what,
             describe(input));
    }
    return input;
}

std::vector<std::string> read_texts(const std::string& location) {
    FileAndName place = split_location(location);
    require_readable_file(place.file);
    const FileFormat format = recognise_format(place.file);
    if (format == FileFormat::hdf5) return read_hdf5_texts(place);
    if (format != FileFormat::npy && format != FileFormat::npz) return {};
    InputDataset input;
    input.location = place;
    const NumberArray array =
        format == FileFormat::npy ? open_npy(place.file) : open_archive(input, "labels");
    if (array.type().kind != ElementKind::text || !is_list(array.shape())) return {};
    return array.read_texts();
}

std::string describe(const InputDataset& input) {
    const std::string name = input.location.name.empty() ? "" : ":" + printable(input.location.name);
    return fmt::format("{}{}, {}", input.location.file, name, shape_text(input.shape));
}

Index flattened_width(const InputDataset& input) {
    Index width = 1;
    const std::vector<Index> shape = input.shape_by_rows();
    for (std::size_t axis = 1; axis < shape.size(); ++axis) {
        if (__builtin_mul_overflow(width, shape[axis], &width)) {
            fail(ExitCode::bad_input, "rows too wide to count ({}): check the dataset", describe(input));
        }
    }
    return width;
}

void read_box(const InputDataset& input, std::span<const Index> start, std::span<const Index> count,
              double* out) {
    if (input.array) return input.array->read_box(start, count, out);
    const std::vector<hsize_t> first(start.begin(), start.end());
    const std::vector<hsize_t> extent(count.begin(), count.end());
    const h5::Handle file_space(H5Dget_space(input.dataset.get()), H5Sclose);
    h5::require(
        H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, first.data(), nullptr, extent.data(), nullptr),
        "selecting a part of " + describe(input));
    const h5::Handle memory_space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                                  H5Sclose);
    h5::require(H5Dread(input.dataset.get(), H5T_NATIVE_DOUBLE, memory_space.get(), file_space.get(),
                        H5P_DEFAULT, out),
                "reading " + describe(input));
}

void read_input_rows(const InputDataset& input, std::span<const std::int64_t> rows, MatrixView<double> out) {
    assert(static_cast<Index>(rows.size()) == out.rows && out.ld == out.cols &&
           out.cols == flattened_width(input));
    std::vector<std::size_t> position(rows.size());
    std::iota(position.begin(), position.end(), std::size_t{0});
    std::stable_sort(position.begin(), position.end(),
                     [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });

    for (std::size_t i = 0; i < position.size();) {
        // A run: rows that follow each other in the file and in `out`.
        const std::size_t first = position[i];
        std::size_t run = 1;
        while (i + run < position.size() && position[i + run] == first + run &&
               rows[first + run] == rows[first] + static_cast<std::int64_t>(run)) {
            ++run;
        }
        try {
            read_run(input, rows[first], out.row_block(static_cast<Index>(first), static_cast<Index>(run)));
        } catch (const Error& error) {
            fail(ExitCode::bad_input, "cannot read rows {} to {} ({}): {}: is the file whole?", rows[first],
                 rows[first + run - 1], describe(input), printable(error.what()));
        }
        i += run;
    }
}

void require_finite(const InputDataset& input, std::span<const std::int64_t> rows,
                    ConstMatrixView<double> block) {
    for (Index i = 0; i < block.rows; ++i) {
        for (Index j = 0; j < block.cols; ++j) {
            if (std::isfinite(block(i, j))) continue;
            const bool overflowed = std::isinf(block(i, j)) && input.is_half;
            fail(ExitCode::bad_input, "row {}, column {} holds {} ({}): {}",
                 rows[static_cast<std::size_t>(i)], j, block(i, j), describe(input),
                 overflowed ? half_overflow : "remove it, or choose other rows");
        }
    }
}

}  // namespace tangram
