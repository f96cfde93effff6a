#include "tangram/output/other_kernel.hpp"

#include "tangram/model/input_dataset.hpp"
#include "tangram/model/text.hpp"
#include "tangram/output/npy.hpp"
#include "tangram/output/schema.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace tangram {

/// One of the two kinds of file.
struct OtherSource {
    std::optional<NpyFile> npy;
    std::optional<InputDataset> dataset;
};

namespace {

void read_box(const OtherSource& source, std::span<const Index> start, std::span<const Index> count,
              double* out) {
    if (source.npy) return source.npy->read_box(start, count, out);
    const std::vector<hsize_t> first(start.begin(), start.end());
    const std::vector<hsize_t> extent(count.begin(), count.end());
    const h5::Handle& dataset = source.dataset->dataset;
    const h5::Handle file_space(H5Dget_space(dataset.get()), H5Sclose);
    h5::require(
        H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, first.data(), nullptr, extent.data(), nullptr),
        "selecting a part of the other kernel");
    const h5::Handle memory_space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                                  H5Sclose);
    h5::require(
        H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, memory_space.get(), file_space.get(), H5P_DEFAULT, out),
        "reading " + describe(*source.dataset));
}

OtherSource open_source(const std::string& location) {
    OtherSource source;
    if (split_location(location).name.empty() && location.ends_with(".npy")) {
        source.npy.emplace(location);
    } else {
        const bool names_dataset = !split_location(location).name.empty();
        source.dataset = open_input(names_dataset ? location : location + ":ntk", "other kernel");
    }
    return source;
}

}  // namespace

OtherKernel::OtherKernel(const std::string& location, Index samples, Index rows_per_sample)
    : location_(location),
      source_(std::make_unique<OtherSource>(open_source(location))),
      rows_per_sample_(rows_per_sample) {
    shape_ = source_->npy ? source_->npy->shape() : source_->dataset->shape;
    const Index N = samples;
    const Index C = rows_per_sample;
    const std::vector<std::vector<Index>> possible{{N * C, N * C}, {N, C, N, C}, {N, N, C, C}};
    if (std::find(possible.begin(), possible.end(), shape_) != possible.end()) return;
    std::string wanted = shape_text(possible[0]);
    if (C > 1) wanted += fmt::format(", {} or {}", shape_text(possible[1]), shape_text(possible[2]));
    fail(ExitCode::bad_input,
         "the other kernel has not the shape of this one ({}, {} where {} is needed): give the kernel of the "
         "same samples "
         "and reduction, or say with --like which reduction it is of",
         location, shape_text(shape_), wanted);
}

OtherKernel::~OtherKernel() = default;
OtherKernel::OtherKernel(OtherKernel&&) noexcept = default;

void OtherKernel::read(Index row, Index col, MatrixView<double> out) const {
    if (out.rows == 0 || out.cols == 0) return;
    if (shape_.size() == 2) {
        std::vector<double> box(at(out.rows * out.cols));
        read_box(*source_, std::array{row, col}, std::array{out.rows, out.cols}, box.data());
        for (Index i = 0; i < out.rows; ++i) std::copy_n(box.data() + i * out.cols, out.cols, out.row(i));
    } else {
        read_blocks(row, col, out);
    }
    for (Index i = 0; i < out.rows; ++i) {
        for (Index j = 0; j < out.cols; ++j) {
            if (std::isfinite(out(i, j))) continue;
            fail(ExitCode::bad_input, "the other kernel has {} at row {}, column {} ({}): mend it first",
                 std::isnan(out(i, j)) ? "a NaN" : "an infinity", row + i, col + j, description());
        }
    }
}

/// Of the four-dimensional layouts: the entries of samples i, j and outputs r, s, at i C + r and j C + s.
void OtherKernel::read_blocks(Index row, Index col, MatrixView<double> out) const {
    const Index C = rows_per_sample_;
    const bool one_row = out.rows == 1 && C > 1;
    const Index samples_down = one_row ? 1 : out.rows / C;
    const Index samples_across = out.cols / C;
    const Index first_output = one_row ? row % C : 0;
    const Index outputs_down = one_row ? 1 : C;
    const bool is_flat = shape_[1] == C && shape_[3] == C && !(shape_[1] == shape_[0]);  // (N, C, N, C)
    std::vector<double> box(at(out.rows * out.cols));
    if (is_flat) {
        read_box(*source_, std::array{row / C, first_output, col / C, Index{0}},
                 std::array{samples_down, outputs_down, samples_across, C}, box.data());
        for (Index i = 0; i < out.rows; ++i) std::copy_n(box.data() + i * out.cols, out.cols, out.row(i));
        return;
    }
    read_box(*source_, std::array{row / C, col / C, first_output, Index{0}},
             std::array{samples_down, samples_across, outputs_down, C}, box.data());
    const double* entry = box.data();
    for (Index i = 0; i < samples_down; ++i) {
        for (Index j = 0; j < samples_across; ++j) {
            for (Index r = 0; r < outputs_down; ++r) {
                for (Index s = 0; s < C; ++s) out(i * outputs_down + r, j * C + s) = *entry++;
            }
        }
    }
}

double OtherKernel::rounding_unit() const {
    const bool is_integer = source_->npy ? source_->npy->dtype()[1] != 'f' : source_->dataset->integers;
    const Index bytes =
        source_->npy ? source_->npy->entry_bytes() : h5::element_bytes(source_->dataset->dataset);
    if (is_integer || bytes >= 8) return tangram::rounding_unit(Precision::float64);
    return bytes == 4 ? tangram::rounding_unit(Precision::float32) : 1.0 / 1024;
}

std::string OtherKernel::description() const {
    const double unit = rounding_unit();
    const char* precision = unit > 1e-4 ? "float16" : unit > 1e-10 ? "float32" : "float64";
    return fmt::format("{}, {}, {}", location_, shape_text(shape_), precision);
}

}  // namespace tangram
