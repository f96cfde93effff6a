#include "stored_factors.hpp"

#include "tangram/input/input_dataset.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace tangram {

namespace {

/// A part of the dataset's entries, along every axis of the file.
struct Box {
    std::vector<Index> start, count;
};

Index entries_behind(const std::vector<Index>& shape, std::size_t axis) {
    Index entries = 1;
    for (std::size_t k = axis + 1; k < shape.size(); ++k) entries *= shape[k];
    return entries;
}

/// Entries [first, first + count) of what lies behind the leading axes, row-major, one box after the other.
void read_span(const InputDataset& input, Box box, std::size_t axis, Index first, Index count, double* out) {
    const Index inner = entries_behind(input.shape, axis);
    const auto read = [&](Index index, Index many) {
        box.start[axis] = index;
        box.count[axis] = many;
        for (std::size_t k = axis + 1; k < input.shape.size(); ++k) {
            box.start[k] = 0;
            box.count[k] = input.shape[k];
        }
        read_box(input, box.start, box.count, out);
        out += many * inner;
    };
    const auto read_within = [&](Index index, Index from, Index many) {
        box.start[axis] = index;
        box.count[axis] = 1;
        read_span(input, box, axis + 1, from, many, out);
        out += many;
    };
    const Index end = first + count;
    if (first % inner != 0) {
        const Index many = std::min(inner - first % inner, count);
        read_within(first / inner, first % inner, many);
        first += many;
    }
    if (const Index whole = (end - first) / inner; whole > 0) {
        read(first / inner, whole);
        first += whole * inner;
    }
    if (first < end) read_within(first / inner, 0, end - first);
}

/// Of a sample's rows, entries `first` to `first` + width of the `of_row` of each.
void require_finite(const InputDataset& input, Index row, Index first, std::span<const double> values,
                    Index width, Index of_row) {
    double watch = 0;  // stays 0 unless a value is infinite or NaN
#pragma omp simd reduction(+ : watch)
    for (std::size_t k = 0; k < values.size(); ++k) watch += values[k] * 0.0;
    if (watch == 0.0) return;
    const auto wrong =
        std::find_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
    const Index k = wrong - values.begin();
    fail(ExitCode::bad_input, "row {}, column {} holds {} ({}): remove it, or choose other rows", row,
         k / width * of_row + first + k % width, *wrong, describe(input));
}

/// The datasets, opened by the first who reads, once each.
struct Files {
    std::vector<std::string> locations;
    std::vector<std::optional<InputDataset>> inputs;
    std::shared_ptr<std::mutex> reading;
    Index rows = 1;      ///< R
    Index of_train = 0;  ///< samples of the first file
    const InputDataset& open(std::size_t file) {
        if (!inputs[file]) inputs[file] = open_input(locations[file], "factors");
        return *inputs[file];
    }

    void read_samples(const InputDataset& input, Index number, Index n, Index first,
                      MatrixView<double> out) const {
        const std::size_t leading = input.shape.size() == 2 ? 1 : 2;
        if (input.shape.size() <= 3) {
            Box box{{number}, {n}};
            if (leading == 2) {
                box.start.push_back(0);
                box.count.push_back(rows);
            }
            box.start.push_back(first);
            box.count.push_back(out.cols);
            read_box(input, box.start, box.count, out.data);
        } else {
            for (Index k = 0; k < n * rows; ++k) {
                Box box{std::vector<Index>(input.shape.size()), std::vector<Index>(input.shape.size(), 1)};
                box.start[0] = number + k / rows;
                box.start[1] = k % rows;
                read_span(input, box, leading, first, out.cols, out.row(k));
            }
        }
        for (Index k = 0; k < n; ++k)
            require_finite(input, number + k, first, {out.row(k * rows), at(rows * out.cols)}, out.cols,
                           entries_behind(input.shape, leading - 1));
    }

    void read(std::span<const Index> numbers, Index first, MatrixView<double> out) {
        const std::lock_guard lock(*reading);
        for (std::size_t k = 0; k < numbers.size();) {
            const bool is_test = numbers[k] >= of_train;
            std::size_t n = 1;
            while (k + n < numbers.size() && numbers[k + n] == numbers[k] + static_cast<Index>(n) &&
                   (numbers[k + n] >= of_train) == is_test)
                ++n;
            const InputDataset& input = open(is_test ? 1 : 0);
            read_samples(input, numbers[k] - (is_test ? of_train : 0), static_cast<Index>(n), first,
                         out.row_block(static_cast<Index>(k) * rows, static_cast<Index>(n) * rows));
            k += n;
        }
    }
};

}  // namespace

std::shared_ptr<const StoredRows> stored_rows(const FactorTensor& tensor, const FactorFile& train,
                                              const FactorTensor* test_tensor,
                                              std::shared_ptr<std::mutex> reading) {
    auto files = std::make_shared<Files>();
    files->locations = {tensor.s};
    if (test_tensor != nullptr) files->locations.push_back(test_tensor->s);
    files->inputs.resize(files->locations.size());
    files->reading = std::move(reading);
    files->rows = train.rows;
    files->of_train = train.samples;
    auto rows = std::make_shared<StoredRows>();
    rows->rows = train.rows;
    rows->width = tensor.size();
    rows->read = [files](std::span<const Index> numbers, Index first, MatrixView<double> out) {
        files->read(numbers, first, out);
    };
    return rows;
}

}  // namespace tangram
