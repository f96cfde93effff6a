#include "tangram/tangent/patches.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tangram {

namespace {

/// Steps `index` to the next of a row-major block of these extents.
void advance(std::vector<Index>& index, const std::vector<Index>& extents) {
    for (std::size_t axis = extents.size(); axis-- > 0;) {
        if (++index[axis] < extents[axis]) return;
        index[axis] = 0;
    }
}

/// Where along an axis the tap sees x from the position; may lie outside.
Index seen(const Convolve& op, std::size_t axis, Index position, Index tap) {
    return op.strides[axis] * position + op.dilations[axis] * tap - op.pads[axis];
}

/// The pixel that begins the row of x that the tap sees from a row of positions, or -1 where that lies outside.
Index row_of_pixels(const Convolve& op, const std::vector<Index>& tap, const std::vector<Index>& position) {
    Index row = 0;
    for (std::size_t axis = 0; axis + 1 < op.in.size(); ++axis) {
        const Index here = seen(op, axis, position[axis], tap[axis]);
        if (here < 0 || here >= op.in[axis]) return -1;
        row = row * op.in[axis] + here;
    }
    return row * op.in.back();
}

/// Adds a run to those of its tap, or makes the last one longer.
void append(Patches& patches, const PatchRun& run) {
    if (patches.first.back() < static_cast<Index>(patches.runs.size())) {
        PatchRun& last = patches.runs.back();
        if (last.position + last.length == run.position &&
            last.pixel + last.length * patches.step == run.pixel) {
            last.length += run.length;
            return;
        }
    }
    patches.runs.push_back(run);
}

void append_tap(const Convolve& op, const std::vector<Index>& tap, Patches& patches) {
    const std::size_t axis = op.in.size() - 1;
    const Index width = op.out[axis], stride = op.strides[axis];
    const Index offset = seen(op, axis, 0, tap[axis]);
    const Index begin = std::min(width, offset < 0 ? (-offset + stride - 1) / stride : 0);
    const Index end =
        std::clamp(op.in[axis] > offset ? (op.in[axis] - offset + stride - 1) / stride : 0, begin, width);
    std::vector<Index> rows(op.out.begin(), op.out.end() - 1), position(axis, 0);
    for (Index p = 0; p < patches.positions; p += width, advance(position, rows)) {
        const Index row = row_of_pixels(op, tap, position);
        if (row >= 0 && begin < end) append(patches, {p + begin, row + offset + begin * stride, end - begin});
    }
}

template <class T>
void fill_row(const Patches& patches, Index tap, const T* x, T* row) {
    Index done = 0;
    for (Index k = patches.first[at(tap)]; k < patches.first[at(tap) + 1]; ++k) {
        const PatchRun& run = patches.runs[at(k)];
        std::fill(row + done, row + run.position, T{0});
        if (patches.step == 1) {
            std::copy_n(x + run.pixel, run.length, row + run.position);
        } else {
            for (Index q = 0; q < run.length; ++q) row[run.position + q] = x[run.pixel + q * patches.step];
        }
        done = run.position + run.length;
    }
    std::fill(row + done, row + patches.positions, T{0});
}

}  // namespace

Index entries_of(const std::vector<Index>& extents) {
    return std::accumulate(extents.begin(), extents.end(), Index{1}, std::multiplies<>());
}

Patches patches_of(const Convolve& op) {
    Patches patches;
    patches.channels = op.in_channels / op.groups;
    patches.pixels = entries_of(op.in);
    patches.taps = entries_of(op.kernel);
    patches.positions = entries_of(op.out);
    patches.step = op.strides.back();
    std::vector<Index> tap(op.kernel.size(), 0);
    for (Index t = 0; t < patches.taps; ++t, advance(tap, op.kernel)) {
        patches.first.push_back(static_cast<Index>(patches.runs.size()));
        append_tap(op, tap, patches);
    }
    patches.first.push_back(static_cast<Index>(patches.runs.size()));
    patches.is_x = patches.taps == 1 && patches.step == 1 && patches.runs.size() == 1 &&
                   patches.runs[0].pixel == 0 && patches.runs[0].length == patches.pixels &&
                   patches.positions == patches.pixels;
    return patches;
}

template <class T>
void fill_patches(const Patches& patches, const T* x, Index first, MatrixView<T> X) {
    for (Index row = 0; row < X.rows; ++row) {
        const Index channel = (first + row) / patches.taps, tap = (first + row) % patches.taps;
        fill_row(patches, tap, x + channel * patches.pixels, X.row(row));
    }
}

void add_patches(const Patches& patches, ConstMatrixView<double> S_X, double* x) {
    for (Index row = 0; row < S_X.rows; ++row) {
        const Index tap = row % patches.taps;
        double* const channel = x + row / patches.taps * patches.pixels;
        for (Index k = patches.first[at(tap)]; k < patches.first[at(tap) + 1]; ++k) {
            const PatchRun& run = patches.runs[at(k)];
            const double* const from = S_X.row(row) + run.position;
            for (Index q = 0; q < run.length; ++q) channel[run.pixel + q * patches.step] += from[q];
        }
    }
}

template <class T>
void fill_positions(const Patches& patches, ConstMatrixView<T> pixels, MatrixView<T> X) {
    const Index channels = patches.channels;
    for (Index tap = 0; tap < patches.taps; ++tap) {
        Index done = 0;
        const auto leave = [&](Index end) {
            for (; done < end; ++done) std::fill_n(X.row(done) + tap * channels, channels, T{0});
        };
        for (Index k = patches.first[at(tap)]; k < patches.first[at(tap) + 1]; ++k) {
            const PatchRun& run = patches.runs[at(k)];
            leave(run.position);
            for (Index q = 0; q < run.length; ++q, ++done)
                std::copy_n(pixels.row(run.pixel + q * patches.step), channels, X.row(done) + tap * channels);
        }
        leave(patches.positions);
    }
}

template void fill_patches(const Patches&, const float*, Index, MatrixView<float>);
template void fill_patches(const Patches&, const double*, Index, MatrixView<double>);
template void fill_positions(const Patches&, ConstMatrixView<float>, MatrixView<float>);
template void fill_positions(const Patches&, ConstMatrixView<double>, MatrixView<double>);

}  // namespace tangram
