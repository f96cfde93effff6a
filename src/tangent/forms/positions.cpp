#include "positions.hpp"

#include "sensitivities.hpp"
#include "tangram/support/blas.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram::forms {

namespace {

using blas::Op;

/// Values of a sample's rows of J in a block: enough for gemm, few enough that two panels of them stay near the cache.
constexpr Index block_values = 8192;
/// Inputs in a block at least: fewer would make gradients by products that are mostly overhead.
constexpr Index fewest_inputs = 16;

/// |v_p|^2 of each position p, V (T, d) or (d, T).
template <class T>
std::vector<double> squared_vectors(const WeightUse& use, ConstMatrixView<T> V) {
    std::vector<double> squares(at(use.by_position ? V.rows : V.cols));
    for (Index i = 0; i < V.rows; ++i) {
        const T* const v = V.row(i);
        if (use.by_position) {
            squares[at(i)] = squared_norm(v, V.cols);
            continue;
        }
        for (Index j = 0; j < V.cols; ++j)
            squares[at(j)] += static_cast<double>(v[j]) * static_cast<double>(v[j]);
    }
    return squares;
}

/// |x_p|^2 of each position p of a group: of a convolution, the squares of the pixels that its taps see.
template <class T>
std::vector<double> squared_inputs(const WeightUse& use, const T* x, Index group) {
    if (use.by_position) return squared_vectors<T>(use, {x, use.positions, use.d_in, use.d_in});
    const Patches& patches = *use.patches;
    const std::vector<double> pixels = squared_vectors<T>(
        use,
        {x + group * patches.channels * patches.pixels, patches.channels, patches.pixels, patches.pixels});
    std::vector<double> squares(at(use.positions));
    for (const PatchRun& run : patches.runs) {
        for (Index q = 0; q < run.length; ++q)
            squares[at(run.position + q)] += pixels[at(run.pixel + q * patches.step)];
    }
    return squares;
}

double largest_of(const std::vector<double>& values) {
    double largest = 0;
    for (const double value : values) largest = std::isnan(value) ? value : std::max(largest, value);
    return largest;
}

/// The sizes of one sample before anything cancels.
struct OwnSizes {
    double x = 0, s = 0;  ///< the largest |x_p|^2, and |s_p|^2 of all rows
    double A = 0;         ///< sum over r of (sum over p of |s_rp| |x_p|)^2
};

template <class T>
OwnSizes sizes_of(const OwnFeatures<T>& own) {
    const WeightUse& use = *own.prepared.use;
    const auto S = own_sensitivities(use, own.S, 0, own.S.rows);
    OwnSizes sizes;
    for (Index g = 0; g < use.groups; ++g) {
        const std::vector<double> x = squared_inputs(use, own.X.data, g);
        std::vector<double> all_rows(at(use.positions));
        sizes.x = std::max(sizes.x, largest_of(x));
        for (Index r = 0; r < own.prepared.R; ++r) {
            const std::vector<double> s = squared_vectors(use, S.of(g, r));
            double sum = 0;
            for (std::size_t p = 0; p < s.size(); ++p) {
                sum += std::sqrt(s[p]) * std::sqrt(x[p]);
                all_rows[p] += s[p];
            }
            sizes.A += sum * sum;
        }
        sizes.s = std::max(sizes.s, largest_of(all_rows));
    }
    return sizes;
}

}  // namespace

template <class T>
ConstMatrixView<T> own_inputs(const WeightUse& use, const T* x, Index group, Index first, Index count,
                              T* memory) {
    if (use.by_position) return {x + first, use.positions, count, use.d_in};
    const T* const channels = x + group * use.patches->channels * use.patches->pixels;
    if (use.patches->is_x) return {channels + first * use.positions, count, use.positions, use.positions};
    const MatrixView<T> X{memory, count, use.positions, use.positions};
    fill_patches(*use.patches, channels, first, X);
    return X;
}

template <class T>
void make_gradient(const WeightUse& use, ConstMatrixView<T> S, ConstMatrixView<T> X, bool by_input,
                   MatrixView<T> G) {
    const Op left = use.by_position ? Op::transpose : Op::none;
    const Op right = use.by_position ? Op::none : Op::transpose;
    blas::gemm(left, right, T{1}, by_input ? X : S, by_input ? S : X, T{0}, G);
}

template <class T>
void own_numbers_on_positions(const OwnFeatures<T>& own, std::vector<NamedNumber>& numbers) {
    const double factor = own.prepared.factors[0];
    const OwnSizes sizes = sizes_of(own);
    numbers.push_back({"squared scale of", factor});
    numbers.push_back({"squared norm of the input of", sizes.x});
    numbers.push_back({"squared norm of the sensitivity at", sizes.s});
    numbers.push_back({"squared size of the gradients, before they cancel, of", sizes.A});
    numbers.push_back({"diagonal kernel entry of", factor * sizes.A});
}

template <class T>
void add_own_block_on_positions(const OwnFeatures<T>& own, std::size_t /*which*/, MatrixView<double> block) {
    const PreparedStep& prepared = own.prepared;
    const Index rows = block.rows;
    for (const MadeBlock& made : blocks_of_weight(*prepared.use, prepared.R)) {
        const AlignedBuffer<T> scratch(made.scratch);
        Matrix<T> J(rows, made.values / rows);
        make_block<T>(prepared, made, own.X, own.S, scratch.data(), J.view());
        for (Index r = 0; r < rows; ++r) {
            for (Index s = 0; s < rows; ++s) {
                double sum = 0;
                for (Index k = 0; k < J.cols(); ++k)
                    sum += static_cast<double>(J(r, k)) * static_cast<double>(J(s, k));
                block(r, s) += prepared.factors[0] * sum;
            }
        }
    }
}

std::vector<MadeBlock> blocks_of_weight(const WeightUse& use, Index R) {
    std::vector<MadeBlock> blocks;
    const Index of_group = R * use.d_out * use.d_in;
    const Index groups = std::max<Index>(1, block_values / of_group);
    const Index inputs =
        groups > 1 ? use.d_in
                   : std::clamp(block_values / (R * use.d_out), std::min(fewest_inputs, use.d_in), use.d_in);
    for (Index g = 0; g < use.groups; g += groups) {
        for (Index k = 0; k < use.d_in; k += inputs) {
            MadeBlock block{g, std::min(groups, use.groups - g), k, std::min(inputs, use.d_in - k)};
            block.values = R * block.groups * use.d_out * block.inputs;
            block.scratch = input_values(use, block.inputs);
            blocks.push_back(block);
        }
    }
    return blocks;
}

template <class T>
void make_block(const PreparedStep& prepared, const MadeBlock& block, ConstMatrixView<T> X,
                ConstMatrixView<T> S, T* scratch, MatrixView<T> J) {
    const WeightUse& use = *prepared.use;
    const Index R = prepared.R, rows = J.rows / X.rows, values = use.d_out * block.inputs;
    for (Index i = 0; i < X.rows; ++i) {
        const auto own = own_sensitivities(use, S, i, rows);
        for (Index g = 0; g < block.groups; ++g) {
            const Index group = block.first_group + g;
            const auto x = own_inputs<T>(use, X.row(i), group, block.first, block.inputs, scratch);
            // All rows in one product, where they lie one below the other.
            if (rows == 1 && use.groups == 1 && !use.by_position) {
                const ConstMatrixView<T> all{own.data, R * use.d_out, use.positions, use.positions};
                make_gradient<T>(use, all, x, false, {J.row(i), R * use.d_out, block.inputs, block.inputs});
                continue;
            }
            for (Index r = 0; r < R; ++r) {
                T* const G =
                    rows == 1 ? J.row(i) + (r * block.groups + g) * values : J.row(i * R + r) + g * values;
                make_gradient<T>(use, own.of(group, r), x, false, {G, use.d_out, block.inputs, block.inputs});
            }
        }
    }
}

template ConstMatrixView<float> own_inputs(const WeightUse&, const float*, Index, Index, Index, float*);
template void make_gradient(const WeightUse&, ConstMatrixView<float>, ConstMatrixView<float>, bool,
                            MatrixView<float>);
template void own_numbers_on_positions(const OwnFeatures<float>&, std::vector<NamedNumber>&);
template void add_own_block_on_positions(const OwnFeatures<float>&, std::size_t, MatrixView<double>);
template void make_block(const PreparedStep&, const MadeBlock&, ConstMatrixView<float>,
                         ConstMatrixView<float>, float*, MatrixView<float>);
template ConstMatrixView<double> own_inputs(const WeightUse&, const double*, Index, Index, Index, double*);
template void make_gradient(const WeightUse&, ConstMatrixView<double>, ConstMatrixView<double>, bool,
                            MatrixView<double>);
template void own_numbers_on_positions(const OwnFeatures<double>&, std::vector<NamedNumber>&);
template void add_own_block_on_positions(const OwnFeatures<double>&, std::size_t, MatrixView<double>);
template void make_block(const PreparedStep&, const MadeBlock&, ConstMatrixView<double>,
                         ConstMatrixView<double>, double*, MatrixView<double>);

}  // namespace tangram::forms
