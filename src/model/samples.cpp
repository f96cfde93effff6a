#include "tangram/model/samples.hpp"

#include "tangram/model/input_dataset.hpp"
#include "tangram/model/text.hpp"
#include "tangram/support/error.hpp"

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
        fail(ExitCode::bad_input, "--rows {} goes beyond the {} rows there are ({}): choose fewer", rows,
             samples.rows(), describe(samples));
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
    std::vector<std::int64_t> rows;
    try {
        rows = h5::read_integers(indices.dataset);
    } catch (const Error& error) {
        fail(ExitCode::bad_input, "cannot read the row numbers ({}): {}", describe(indices),
             printable(error.what()));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] >= 0 && rows[i] < samples.rows()) continue;
        fail(ExitCode::bad_input,
             "row number {} at position {} ({}) is not a row of the samples ({}): give rows from 0 to {}",
             rows[i], i, describe(indices), describe(samples), samples.rows() - 1);
    }
    return rows;
}

void check_width(const InputDataset& samples, Index width, Index expected_width) {
    if (samples.shape.size() < 2) {
        fail(ExitCode::bad_input, "samples of one dimension only ({}): store one row a sample, (N, {})",
             describe(samples), expected_width);
    }
    if (width != expected_width) {
        fail(ExitCode::bad_input,
             "samples of width {} ({}) do not fit the network, whose first layer takes {}: choose other "
             "samples or another model",
             width, describe(samples), expected_width);
    }
}

}  // namespace

SampleSelection select_samples(const SampleOptions& options, Index expected_width) {
    if (!options.rows.empty() && !options.indices.empty()) {
        fail(ExitCode::usage, "--rows and --indices both choose the samples: give one of them");
    }
    const InputDataset samples = open_input(options.location, "samples");
    SampleSelection selection;
    selection.dataset_rows = samples.rows();
    selection.width = flattened_width(samples);
    selection.integers = samples.integers;
    check_width(samples, selection.width, expected_width);
    selection.rows = options.indices.empty() ? rows_in_range(samples, options.rows)
                                             : rows_listed(samples, options.indices);
    return selection;
}

void read_samples(const SampleOptions& options, const SampleSelection& selection, Index first,
                  MatrixView<double> out) {
    assert(first >= 0 && first + out.rows <= selection.count() && out.cols == selection.width);
    const std::span<const std::int64_t> rows =
        std::span(selection.rows)
            .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(out.rows));
    const InputDataset samples = open_input(options.location, "samples");
    read_input_rows(samples, rows, out);
    require_finite(samples, rows, out);
    if (!options.scale && !options.shift) return;

    const double scale = options.scale.value_or(1.0);
    const double shift = options.shift.value_or(0.0);
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j) {
            out(i, j) = scale * out(i, j) + shift;
            if (std::isfinite(out(i, j))) continue;
            fail(ExitCode::bad_input,
                 "row {}, column {} is {} after scaling ({}): give a smaller --data-scale or --data-shift",
                 rows[static_cast<std::size_t>(i)], j, out(i, j), describe(samples));
        }
    }
}

}  // namespace tangram
