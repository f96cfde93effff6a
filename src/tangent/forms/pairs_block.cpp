#include "pairs_block.hpp"

#include "sensitivities.hpp"

#include <algorithm>
#include <numeric>

namespace tangram::forms {

namespace {

/// Rows of F in a sub-block: enough for gemm, few enough that P and F stay near the cache.
constexpr Index sub_block_rows = 768;

bool is_by_pixels(const WeightUse& use) {
    if (!use.patches) return false;
    const auto real = [](Index n) { return static_cast<double>(n); };
    PairSizes sizes;
    sizes.positions = real(use.positions);
    sizes.groups = real(use.groups);
    sizes.d_in = real(use.groups * use.d_in);
    sizes.pixels = real(use.patches->pixels);
    sizes.channels = real(use.groups * use.patches->channels);
    sizes.taps = real(use.patches->taps);
    return cost_of_pixels(sizes) < cost_of_patches(sizes);
}

Index up(Index n, Index of) {
    return (n + of - 1) / of;
}

/// In groups of about the same size.
Index rows_together(Index rows, Index positions) {
    const Index most = std::max<Index>(1, sub_block_rows / positions);
    return up(rows, up(rows, most));
}

}  // namespace

double cost_of_patches(const PairSizes& sizes) {
    return sizes.d_in;
}
double cost_of_pixels(const PairSizes& sizes) {
    const double pixels = sizes.pixels / sizes.positions;
    return pixels * pixels * sizes.channels + sizes.taps * sizes.groups;
}

SubBlock::SubBlock(const WeightUse& its, Index sensitivities, Index rows_per_sample)
    : use(its),
      R(sensitivities),
      rows(rows_per_sample),
      rows_at_once(rows_together(rows_per_sample, its.positions)),
      by_pixels(is_by_pixels(its)),
      places(by_pixels ? its.patches->pixels : its.positions),
      width(by_pixels ? its.patches->channels : its.d_in) {}

Index SubBlock::samples() const {
    return std::max<Index>(1, sub_block_rows / std::max(use.positions * rows_at_once, places));
}

Index SubBlock::pointer_values() const {
    constexpr Index of_line = 64 / sizeof(float);
    return up(taps() * Index{sizeof(void*) / sizeof(float)}, of_line) * of_line;
}

std::vector<Index> places_seen(const WeightUse& use) {
    if (!is_by_pixels(use)) {
        std::vector<Index> own(at(use.positions));
        std::iota(own.begin(), own.end(), Index{0});
        return own;
    }
    const Patches& patches = *use.patches;
    std::vector<Index> seen(at(use.positions * patches.taps), Index{-1});
    for (Index t = 0; t < patches.taps; ++t) {
        for (Index k = patches.first[at(t)]; k < patches.first[at(t) + 1]; ++k) {
            const PatchRun& run = patches.runs[at(k)];
            for (Index q = 0; q < run.length; ++q)
                seen[at((run.position + q) * patches.taps + t)] = run.pixel + q * patches.step;
        }
    }
    return seen;
}

template <class T>
PairsMemory<T>::PairsMemory(const SubBlock& of, T* memory) : P_rows(reinterpret_cast<const T**>(memory)) {
    X_row = memory + of.pointer_values();
    X_column = X_row + of.X_values();
    S_row = X_column + of.X_values();
    S_column = S_row + of.S_values();
    pixels = S_column + of.S_values();
    P = pixels + of.pixel_values();
    F = P + of.P_values();
    sums = F + of.F_values();
}

template <class T>
MatrixView<T> pack_inputs(const SubBlock& of, Index group, ConstMatrixView<T> x, T* pixels, T* memory) {
    const WeightUse& use = of.use;
    const MatrixView<T> X{memory, x.rows * of.places, of.width, of.width};
    for (Index i = 0; i < x.rows; ++i) {
        const MatrixView<T> to{X.row(i), of.places, of.width, x.rows * X.ld};
        if (!use.patches) {
            for (Index p = 0; p < of.places; ++p) std::copy_n(x.row(i) + p * of.width, of.width, to.row(p));
            continue;
        }
        const Patches& patches = *use.patches;
        const ConstMatrixView<T> channels{x.row(i) + group * patches.channels * patches.pixels,
                                          patches.channels, patches.pixels, patches.pixels};
        if (of.by_pixels) {
            transpose(channels, to);
            continue;
        }
        const MatrixView<T> by_pixel{pixels, patches.pixels, patches.channels, patches.channels};
        transpose(channels, by_pixel);
        fill_positions<T>(patches, by_pixel, to);
    }
    return X;
}

template <class T>
MatrixView<T> pack_sensitivities(const SubBlock& of, Index group, ConstMatrixView<T> S, Index first,
                                 Index count, T* memory) {
    const WeightUse& use = of.use;
    const Index samples = S.rows / of.rows, columns = of.columns_of_S();
    const MatrixView<T> packed{memory, samples * use.positions * count, columns, columns};
    const bool is_full = of.rows > 1;
    for (Index i = 0; i < samples; ++i) {
        const auto own = own_sensitivities(use, S, i, of.rows);
        for (Index r = 0; r < (is_full ? count : of.R); ++r) {
            const ConstMatrixView<T> from = own.of(group, first + r);
            T* const begin = is_full ? packed.row(r * samples + i) : packed.row(i) + r * use.d_out;
            const MatrixView<T> to{begin, use.positions, use.d_out, count * samples * packed.ld};
            if (!use.by_position) {
                transpose(from, to);
                continue;
            }
            for (Index p = 0; p < use.positions; ++p) std::copy_n(from.row(p), use.d_out, to.row(p));
        }
    }
    return packed;
}

template struct PairsMemory<float>;
template struct PairsMemory<double>;
template MatrixView<float> pack_inputs(const SubBlock&, Index, ConstMatrixView<float>, float*, float*);
template MatrixView<double> pack_inputs(const SubBlock&, Index, ConstMatrixView<double>, double*, double*);
template MatrixView<float> pack_sensitivities(const SubBlock&, Index, ConstMatrixView<float>, Index, Index,
                                              float*);
template MatrixView<double> pack_sensitivities(const SubBlock&, Index, ConstMatrixView<double>, Index, Index,
                                               double*);

}  // namespace tangram::forms
