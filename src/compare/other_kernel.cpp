#include "tangram/compare/other_kernel.hpp"

#include "tangram/grid/shape.hpp"
#include "tangram/input/input_dataset.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace tangram {

struct OtherSource {
    InputDataset dataset;
};

namespace {

/// Of a kernel file of ours, which has many datasets, /ntk is meant.
InputDataset open_kernel(const std::string& location) {
    const FileAndName place = split_location(location);
    const bool is_hdf5 = H5Fis_hdf5(place.file.c_str()) > 0;
    return open_input(place.name.empty() && is_hdf5 ? location + ":ntk" : location, "other kernel");
}

/// How a kernel of this shape lies; nothing if it cannot be one of these samples.
std::optional<OtherLayout> whole_layout(const std::vector<Index>& shape, const OurKernel& ours) {
    const Index M = ours.row_samples;
    const Index N = ours.column_samples;
    const Index C = ours.outputs;
    using Extents = std::vector<Index>;
    if (shape == Extents{ours.rows(), ours.columns()}) return OtherLayout::rows;
    if (shape == Extents{M, N, C}) return OtherLayout::output_diagonal;
    if (ours.rows_per_sample() == C) {
        if (shape == Extents{M, N, C, C}) return OtherLayout::blocks;
        if (shape == Extents{M, C, N, C}) return OtherLayout::flat_blocks;
    }
    if (shape == Extents{M, N}) return OtherLayout::one_row_a_sample;
    return std::nullopt;
}

std::optional<OtherLayout> part_layout(const std::vector<Index>& shape, const OurKernel& ours) {
    const bool fits = shape.size() == 2 && shape[0] > 0 && shape[1] > 0 && shape[0] <= ours.rows() &&
                      shape[1] <= ours.columns();
    return fits ? std::optional(OtherLayout::part) : std::nullopt;
}

OurKernel transpose_of(OurKernel ours) {
    std::swap(ours.row_samples, ours.column_samples);
    return ours;
}

}  // namespace

OtherKernel::OtherKernel(const std::string& location, OurKernel ours)
    : location_(location),
      ours_(std::move(ours)),
      source_(std::make_unique<OtherSource>(OtherSource{open_kernel(location)})),
      rows_per_sample_(ours_.rows_per_sample()) {
    shape_ = source_->dataset.shape;
    for (const auto& layout_of : {whole_layout, part_layout}) {
        const auto as_it_lies = layout_of(shape_, ours_);
        const auto transposed = ours_.symmetric ? std::nullopt : layout_of(shape_, transpose_of(ours_));
        if (!as_it_lies && !transposed) continue;
        layout_ = as_it_lies ? *as_it_lies : *transposed;
        is_transposed_ = !as_it_lies;
        fits_both_ways_ = as_it_lies && transposed;
        if (layout_ == OtherLayout::one_row_a_sample) rows_per_sample_ = 1;
        return;
    }
    refuse_shape();
}

void OtherKernel::refuse_shape() const {
    const Index M = ours_.row_samples;
    const Index N = ours_.column_samples;
    const Index C = ours_.outputs;
    std::vector<std::vector<Index>> shapes{{ours_.rows(), ours_.columns()}};
    if (ours_.rows_per_sample() > 1) shapes.insert(shapes.end(), {{M, C, N, C}, {M, N, C, C}});
    if (C > 1) shapes.push_back({M, N, C});
    std::vector<std::string> possible;
    for (const std::vector<Index>& shape : shapes) possible.push_back(shape_text(shape));
    fail(
        ExitCode::bad_input,
        "the other kernel has not the shape of this one, and is no part of it ({}, {} where {}{} is needed): give the kernel of the same samples and reduction, or say with --like which reduction it is of",
        location_, shape_text(shape_), fmt::join(possible, " or "),
        ours_.symmetric ? "" : ", or a transpose,");
}

OtherKernel::~OtherKernel() = default;
OtherKernel::OtherKernel(OtherKernel&&) noexcept = default;

void OtherKernel::read(Index row, Index col, MatrixView<double> out) const {
    if (!is_transposed_) return read_as_it_lies(row, col, out);
    Matrix<double> lying(out.cols, out.rows);
    read_as_it_lies(col, row, lying.view());
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j) out(i, j) = lying(j, i);
    }
}

void OtherKernel::read_as_it_lies(Index row, Index col, MatrixView<double> out) const {
    if (out.data == nullptr || out.rows == 0 || out.cols == 0) return;
    const Index C = rows_per_sample_;
    if (layout_ == OtherLayout::output_diagonal)
        read_diagonal(row, col, out);
    else if (shape_.size() == 2)
        read_matrix(row, col, out);
    else
        read_blocks(row, col, out);
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j) {
            const bool absent = !has_all_entries() && (row + i) % C != (col + j) % C;
            if (absent || std::isfinite(out(i, j))) continue;
            fail(ExitCode::bad_input, "the other kernel has {} at row {}, column {} ({}): mend it first",
                 std::isnan(out(i, j)) ? "a NaN" : "an infinity", row + i, col + j, description());
        }
    }
}

void OtherKernel::read_matrix(Index row, Index col, MatrixView<double> out) const {
    std::vector<double> box(at(out.rows * out.cols));
    read_box(source_->dataset, std::array{row, col}, std::array{out.rows, out.cols}, box.data());
    for (Index i = 0; i < out.rows; ++i) std::copy_n(box.data() + i * out.cols, out.cols, out.row(i));
}

void OtherKernel::read_diagonal(Index row, Index col, MatrixView<double> out) const {
    const Index R = rows_per_sample_;
    const Index outputs = shape_[2];
    const Index first_row = row / R;
    const Index first_col = col / R;
    const Index across = (col + out.cols - 1) / R - first_col + 1;
    const Index down = (row + out.rows - 1) / R - first_row + 1;
    std::vector<double> box(at(down * across * outputs));
    read_box(source_->dataset, std::array{first_row, first_col, Index{0}}, std::array{down, across, outputs},
             box.data());
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j) {
            const Index r = (row + i) % R;
            const double* const entry =
                box.data() + (((row + i) / R - first_row) * across + (col + j) / R - first_col) * outputs;
            if (R > 1) {
                out(i, j) = r == (col + j) % R ? entry[r] : std::numeric_limits<double>::quiet_NaN();
            } else if (ours_.logit >= 0) {
                out(i, j) = entry[ours_.logit];
            } else {
                const double sum = std::accumulate(entry, entry + outputs, 0.0);
                out(i, j) = ours_.reduction == "mean" ? sum / static_cast<double>(outputs) : sum;
            }
        }
    }
}

/// Of the four-dimensional layouts: the entries of samples i, j and outputs r, s, at i C + r and j C + s.
void OtherKernel::read_blocks(Index row, Index col, MatrixView<double> out) const {
    const Index C = rows_per_sample_;
    const Index outputs_down = out.rows == 1 ? 1 : C;
    const Index outputs_across = out.cols == 1 ? 1 : C;
    const Index samples_down = out.rows / outputs_down;
    const Index samples_across = out.cols / outputs_across;
    std::vector<double> box(at(out.rows * out.cols));
    if (layout_ == OtherLayout::flat_blocks) {
        read_box(source_->dataset, std::array{row / C, row % C, col / C, col % C},
                 std::array{samples_down, outputs_down, samples_across, outputs_across}, box.data());
        for (Index i = 0; i < out.rows; ++i) std::copy_n(box.data() + i * out.cols, out.cols, out.row(i));
        return;
    }
    read_box(source_->dataset, std::array{row / C, col / C, row % C, col % C},
             std::array{samples_down, samples_across, outputs_down, outputs_across}, box.data());
    const double* entry = box.data();
    for (Index i = 0; i < samples_down; ++i) {
        for (Index j = 0; j < samples_across; ++j) {
            for (Index r = 0; r < outputs_down; ++r) {
                for (Index s = 0; s < outputs_across; ++s)
                    out(i * outputs_down + r, j * outputs_across + s) = *entry++;
            }
        }
    }
}

double OtherKernel::rounding_unit() const {
    const bool is_integer = source_->dataset.kind != ElementKind::real;
    const Index bytes = source_->dataset.element_bytes;
    if (is_integer || bytes >= 8) return tangram::rounding_unit(Precision::float64);
    return bytes == 4 ? tangram::rounding_unit(Precision::float32) : 1.0 / 1024;
}

std::string OtherKernel::description() const {
    const double unit = rounding_unit();
    const char* precision = unit > 1e-4 ? "float16" : unit > 1e-10 ? "float32" : "float64";
    return fmt::format("{}, {}, {}", location_, shape_text(shape_), precision);
}

}  // namespace tangram
