#include "sample_scaling.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace tangram {

namespace {

struct ScalingList {
    const char* flag;
    const std::vector<double>& values;
};

std::array<ScalingList, 4> scaling_lists(const SampleOptions& options) {
    return {{{"--data-scale", options.scale},
             {"--data-shift", options.shift},
             {"--data-mean", options.mean},
             {"--data-std", options.std}}};
}

bool fits_channels(const std::vector<double>& values, const SampleSelection& selection) {
    return std::all_of(selection.sources.begin(), selection.sources.end(), [&](const SampleSource& source) {
        return static_cast<Index>(values.size()) == source.channels;
    });
}

void check_length(const ScalingList& list, const SampleOptions& options, const SampleSelection& selection) {
    const auto count = static_cast<Index>(list.values.size());
    if (count <= 1 || count == selection.width || fits_channels(list.values, selection)) return;
    const Index channels = selection.sources.front().channels;
    const std::string of_channels =
        channels > 1 ? fmt::format("one for each of {} channels, ", channels) : "";
    const std::vector<Index> shape = open_input(selection.sources.front().location, "samples").shape;
    const bool are_last = !options.channels_first && shape.size() > 2 && shape.back() == count;
    fail(ExitCode::usage, "{} has {} numbers ({}, {}): give one, {}or one for each of {} columns{}",
         list.flag, count, data_text(options), shape_text(shape), of_channels, selection.width,
         are_last ? "; with --channels-first the last axis holds the channels" : "");
}

/// The number of a list for column `column` of all, which is column `own` of its source.
double pick(const std::vector<double>& values, double fallback, const SampleSelection& selection,
            const SampleSource& source, Index own, Index column) {
    if (values.empty()) return fallback;
    if (values.size() == 1) return values.front();
    if (static_cast<Index>(values.size()) == selection.width) return values[at(column)];
    return values[at(own / (source.width / source.channels))];
}

}  // namespace

void check_scaling(const SampleOptions& options, const SampleSelection& selection) {
    for (const ScalingList& list : scaling_lists(options)) check_length(list, options, selection);
    const bool subtracts_fractions = std::any_of(options.mean.begin(), options.mean.end(),
                                                 [](double mean) { return mean > 0 && mean < 1; });
    if (!selection.integers || !options.scale.empty() || !subtracts_fractions) return;
    fail(
        ExitCode::bad_input,
        "the samples are integers, and a mean below 1 is subtracted ({}): images are usually divided by 255 before: give --data-scale 1/255 --data-mean {} too, or --data-scale 1 if they are used as they are",
        data_text(options), fmt::to_string(fmt::join(options.mean, ",")));
}

void scale_block(const SampleOptions& options, const SampleSelection& selection, const SampleSource& source,
                 Index first_column, MatrixView<double> block) {
    const auto lists = scaling_lists(options);
    if (std::all_of(lists.begin(), lists.end(), [](const auto& list) { return list.values.empty(); })) return;
    for (Index j = 0; j < block.cols; ++j) {
        const auto of = [&](const std::vector<double>& values, double fallback) {
            return pick(values, fallback, selection, source, j, first_column + j);
        };
        const double scale = of(options.scale, 1), shift = of(options.shift, 0);
        const double mean = of(options.mean, 0), deviation = of(options.std, 1);
        for (Index i = 0; i < block.rows; ++i) block(i, j) = (scale * block(i, j) + shift - mean) / deviation;
    }
}

void put_channels_first(Index channels, MatrixView<double> block) {
    const Index places = block.cols / channels;
    std::vector<double> row(at(block.cols));
    for (Index i = 0; i < block.rows; ++i) {
        std::copy_n(block.row(i), block.cols, row.begin());
        for (Index place = 0; place < places; ++place) {
            for (Index c = 0; c < channels; ++c) block(i, c * places + place) = row[at(place * channels + c)];
        }
    }
}

}  // namespace tangram
