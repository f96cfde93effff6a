#include "tangram/input/samples.hpp"

#include "sample_scaling.hpp"
#include "tangram/input/input_dataset.hpp"
#include "tangram/network/other_networks.hpp"
#include "tangram/network/stored_rows.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <numeric>
#include <span>

namespace tangram {

namespace {

struct RowRange {
    std::optional<Index> first, last;  ///< half-open
};

/// A count without a sign; nothing for an empty text. Throws Error(usage) naming all of --rows.
std::optional<Index> parse_row(std::string_view text, const std::string& rows) {
    if (text.empty()) return std::nullopt;
    Index value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
        fail(ExitCode::usage, "--rows '{}' is not A:B with row numbers from 0: write, for example, 0:1000",
             printable(rows));
    }
    return value;
}

RowRange parse_rows(const std::string& rows) {
    const std::size_t colon = rows.find(':');
    if (colon == std::string::npos) {
        fail(ExitCode::usage, "--rows '{}' has no colon: write A:B, half-open, for example 0:1000",
             printable(rows));
    }
    const std::string_view text = rows;
    const RowRange range{parse_row(text.substr(0, colon), rows), parse_row(text.substr(colon + 1), rows)};
    if (range.last && range.first.value_or(0) >= *range.last) {
        fail(ExitCode::usage,
             "--rows {} holds no row: the first must be less than the last, which is not included", rows);
    }
    return range;
}

std::vector<std::int64_t> rows_in_range(const InputDataset& samples, const std::string& rows) {
    const RowRange range = rows.empty() ? RowRange{} : parse_rows(rows);
    if (samples.rows() == 0) {
        fail(ExitCode::bad_input, "no samples, for the dataset has no rows ({}): store one row a sample",
             describe(samples));
    }
    const Index first = range.first.value_or(0);
    const Index last = range.last.value_or(samples.rows());
    if (last > samples.rows() || first >= samples.rows()) {
        fail(ExitCode::bad_input, "rows {} go beyond the {} rows there are ({}): choose fewer", rows,
             samples.rows(), describe(samples));
    }
    constexpr Index most = Index{1} << 33;  // their kernel would take 2^66 entries
    if (last - first > most) {
        fail(ExitCode::no_resources,
             "more samples than any kernel can have, {} ({}): choose some with --rows", last - first,
             describe(samples));
    }
    std::vector<std::int64_t> selected(static_cast<std::size_t>(last - first));
    std::iota(selected.begin(), selected.end(), first);
    return selected;
}

std::vector<std::int64_t> rows_listed(const InputDataset& samples, const std::string& location) {
    const InputDataset indices = open_input(location, "row numbers");
    if (!indices.integers || indices.shape.size() != 1 || indices.rows() == 0) {
        fail(ExitCode::bad_input,
             "row numbers must be a one-dimensional list of integers, at least one ({}): store one",
             describe(indices));
    }
    std::vector<double> values(at(indices.rows()));
    std::vector<std::int64_t> all(values.size());
    std::iota(all.begin(), all.end(), std::int64_t{0});
    read_input_rows(indices, all, {values.data(), indices.rows(), 1, 1});
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] >= 0 && values[i] < static_cast<double>(samples.rows())) continue;
        fail(ExitCode::bad_input,
             "row number {} at position {} ({}) is not a row of the samples ({}): give rows from 0 to {}",
             values[i], i, describe(indices), describe(samples), samples.rows() - 1);
    }
    return {values.begin(), values.end()};
}

/// The product of `extents`; -1 beyond 63 bits.
Index product(std::span<const Index> extents) {
    Index all = 1;
    for (const Index extent : extents) {
        if (__builtin_mul_overflow(all, extent, &all)) return -1;
    }
    return all;
}

/// Whether rows lie along the last axis: as the user says; else where only that fits the network. A square matrix of
/// MATLAB's may be either.
bool lies_transposed(const InputDataset& input, const SampleOptions& options, Index expected_width) {
    if (options.transpose) return *options.transpose && input.shape.size() > 1;
    if (input.shape.size() < 2 || options.locations.size() > 1) return false;
    const std::span<const Index> shape = input.shape;
    const bool fits = product(shape.subspan(1)) == expected_width;
    const bool fits_transposed = product(shape.first(shape.size() - 1)) == expected_width;
    if (fits && fits_transposed && input.has_matlab_class && shape.size() == 2) {
        fail(
            ExitCode::bad_input,
            "the samples are a square matrix of MATLAB's, whose columns in the file are rows in MATLAB ({}): give --transpose if a sample is a row in MATLAB, --no-transpose if it is a column",
            describe(input));
    }
    return fits_transposed && !fits && (shape.size() == 2 || input.has_matlab_class);
}

/// (N, H, W, C) with three or four channels, where (N, C, H, W) is not as likely.
bool has_channels_last(const std::vector<Index>& shape) {
    const auto is_channels = [](Index extent) { return extent == 3 || extent == 4; };
    if (shape.size() != 4 || !is_channels(shape[3]) || shape[1] < 2 || shape[2] < 2) return false;
    const bool are_square_images = shape[1] == shape[2] && shape[2] != shape[3];
    return !is_channels(shape[1]) || are_square_images;
}

/// What is read of one dataset, and what of it the user should be told.
SampleSource make_source(InputDataset& input, const SampleOptions& options, Index expected_width,
                         std::vector<std::string>& notes) {
    if (input.is_chosen) notes.push_back(fmt::format("samples: {}, the only dataset there", describe(input)));
    input.transposed = lies_transposed(input, options, expected_width);
    if (input.transposed && !options.transpose) {
        notes.push_back(
            fmt::format("samples: {} is read as {} samples of {}, transposed, for the network takes {}",
                        describe(input), input.rows(), flattened_width(input), expected_width));
    }
    const std::vector<Index> shape = input.shape_by_rows();
    const FileAndName& place = input.location;
    SampleSource source;
    source.location = place.name.empty() ? place.file : place.file + ":" + place.name;
    source.transposed = input.transposed;
    source.width = flattened_width(input);
    if (options.channels_first && shape.size() < 3) {
        fail(ExitCode::usage,
             "--channels-first needs samples of three or more dimensions, (N, H, W, C) ({}): drop it",
             describe(input));
    }
    if (shape.size() > 2) source.channels = options.channels_first ? shape.back() : shape[1];
    if (!options.channels_first && has_channels_last(shape)) {
        notes.push_back(fmt::format(
            "samples: {} look like images with their channels last: a network trained in PyTorch on (N, C, H, W) needs --channels-first",
            describe(input)));
    }
    return source;
}

void check_width(const InputDataset& first, const SampleOptions& options, Index width, Index expected_width) {
    if (first.shape.size() < 2 && width != expected_width) {
        fail(ExitCode::bad_input, "samples of one dimension only ({}): store one row a sample, (N, {})",
             describe(first), expected_width);
    }
    if (width == expected_width) return;
    if (options.locations.size() > 1) {
        fail(
            ExitCode::bad_input,
            "the samples' columns, joined, are {} ({}), but the network's first layer takes {}: name other datasets",
            width, data_text(options), expected_width);
    }
    if (first.shape.size() > 2 && first.shape.back() == expected_width) {
        fail(
            ExitCode::bad_input,
            "samples of width {} ({}), where the network's first layer takes {}, their last axis: a layer that is applied at every position shares its weights among them, which a state_dict does not tell; {}",
            width, describe(first), expected_width, a_graph_tells);
    }
    fail(
        ExitCode::bad_input,
        "samples of width {} ({}) do not fit the network, whose first layer takes {}: choose other samples or another model",
        width, describe(first), expected_width);
}

void check_rows(const InputDataset& first, const InputDataset& other) {
    if (first.rows() == other.rows()) return;
    fail(
        ExitCode::bad_input,
        "the datasets of the samples have {} and {} rows ({}; {}): their columns are joined, so give them one row a sample each",
        first.rows(), other.rows(), describe(first), describe(other));
}

/// Opens source `k` as the selection says, an array that is open already again.
InputDataset open_source(const SampleSelection& selection, std::size_t k) {
    const SampleSource& source = selection.sources[k];
    selection.open_arrays.resize(selection.sources.size());
    InputDataset input = open_input(source.location, "samples");
    input.transposed = source.transposed;
    if (input.array) {
        std::shared_ptr<const NumberArray>& kept = selection.open_arrays[k];
        if (!kept) kept = input.array;
        input.array = kept;
    }
    return input;
}

/// Of ids and masks, before anything else could make them fail where nobody knows the row any more.
void require_kind(const InputDataset& input, SampleKind kind, std::span<const std::int64_t> rows,
                  ConstMatrixView<double> block) {
    const bool are_truths = kind == SampleKind::booleans;
    for (Index i = 0; i < block.rows; ++i) {
        for (Index j = 0; j < block.cols; ++j) {
            const double value = block(i, j);
            if (are_truths ? value == 0 || value == 1 : value == std::trunc(value)) continue;
            fail(ExitCode::bad_input, "row {}, column {} holds {} ({}), where the model takes {}: {}",
                 rows[static_cast<std::size_t>(i)], j, value, describe(input),
                 are_truths ? "truth values" : "integers", are_truths ? "store 0 and 1" : "store integers");
        }
    }
}

/// Samples of one source, flattened and scaled, into `out` (n, its width), contiguous.
void read_source(const SampleOptions& options, const SampleSelection& selection, std::size_t k,
                 Index first_column, std::span<const std::int64_t> rows, MatrixView<double> out) {
    const SampleSource& source = selection.sources[k];
    if (options.kind(k) == SampleKind::row_number) {
        for (Index i = 0; out.data != nullptr && i < out.rows; ++i)
            put_row_number(options.first_number + rows[static_cast<std::size_t>(i)], out.row(i));
        return;
    }
    const InputDataset input = open_source(selection, k);
    read_input_rows(input, rows, out);
    require_finite(input, rows, out);
    if (options.kind(k) != SampleKind::numbers) return require_kind(input, options.kind(k), rows, out);
    if (options.channels_first) put_channels_first(source.channels, out);
    scale_block(options, selection, source, first_column, out);
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j) {
            if (std::isfinite(out(i, j))) continue;
            fail(ExitCode::bad_input,
                 "row {}, column {} is {} after scaling ({}): give a smaller --data-scale or --data-shift",
                 rows[static_cast<std::size_t>(i)], j, out(i, j), describe(input));
        }
    }
}

}  // namespace

std::string data_text(const SampleOptions& options) {
    if (!options.name.empty()) return printable(options.name);
    return printable(fmt::format("{}", fmt::join(options.locations, " + ")));
}

SampleSelection select_samples(const SampleOptions& options, Index expected_width) {
    if (!options.rows.empty() && !options.indices.empty()) {
        fail(ExitCode::usage, "--rows and --indices both choose the samples: give one of them");
    }
    SampleSelection selection;
    std::vector<InputDataset> inputs;
    for (const std::string& location : options.locations) {
        inputs.push_back(open_input(location, "samples"));
        selection.sources.push_back(make_source(inputs.back(), options, expected_width, selection.notes));
        if (options.kind(selection.sources.size() - 1) == SampleKind::row_number)
            selection.sources.back().width = selection.sources.back().channels = row_number_columns;
        check_rows(inputs.front(), inputs.back());
        if (__builtin_add_overflow(selection.width, selection.sources.back().width, &selection.width))
            selection.width = -1;
        const bool are_numbers = options.kind(selection.sources.size() - 1) == SampleKind::numbers;
        selection.integers |= inputs.back().integers && are_numbers;
    }
    const InputDataset& first = inputs.front();
    selection.dataset_rows = first.rows();
    check_width(first, options, selection.width, expected_width);
    check_scaling(options, selection);
    if (selection.integers && options.scale.empty() && options.std.empty()) {
        selection.notes.emplace_back(
            "the samples are integers and are used as they are: --data-scale and --data-shift rescale them");
    }
    selection.rows =
        options.indices.empty() ? rows_in_range(first, options.rows) : rows_listed(first, options.indices);
    return selection;
}

void read_samples(const SampleOptions& options, const SampleSelection& selection, Index first,
                  MatrixView<double> out) {
    assert(first >= 0 && first + out.rows <= selection.count() && out.cols == selection.width);
    const std::span<const std::int64_t> rows =
        std::span(selection.rows)
            .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(out.rows));
    if (selection.sources.size() == 1) return read_source(options, selection, 0, 0, rows, out);
    Index column = 0;
    for (std::size_t k = 0; k < selection.sources.size(); ++k) {
        const Index width = selection.sources[k].width;
        Matrix<double> part(out.rows, width);
        read_source(options, selection, k, column, rows, part.view());
        for (Index i = 0; i < out.rows; ++i) std::copy_n(part.view().row(i), width, out.row(i) + column);
        column += width;
    }
}

}  // namespace tangram
