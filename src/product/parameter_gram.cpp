#include "tangram/product/parameter_gram.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/block.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/threads.hpp"
#include "tangram/tangent/jacobian_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

/// Rows of J in a batch: enough that adding a float32 product to its float64 sum is little beside the product, few
/// enough that float32 holds the sum inside one.
constexpr Index rows_of_batch = 2048;
/// Rows of J that exist at once: they stay in the cache between being made and being multiplied.
constexpr Index rows_at_once = 384;
/// Batches between two questions whether to go on: a fraction of a second.
constexpr Index batches_at_once = 4;

Index widest_layer(const Network& network, const Reduction& reduction) {
    Index widest = 0;
    for (const Step& step : steps_of(network, reduction))
        widest = std::max(widest, network.values[at(step.s)].size);
    return widest;
}

/// Samples whose rows of J exist at once.
Index samples_at_once(const GramProblem& problem) {
    const Index most = sample_batches(problem.samples.count, problem.reduction).size(0);
    return std::clamp<Index>(rows_at_once / problem.reduction.sensitivities(), 1, most);
}

/// One thread's memory: J of some rows for both panels of a tile, and, for float32, their product.
template <class T>
struct RowScratch {
    RowScratch(Index rows, Index side, Index widest)
        : left(rows * side), right(rows * side), sensitivity(widest) {
        if constexpr (std::is_same_v<T, float>) product = AlignedBuffer<T>(side * side);
    }
    AlignedBuffer<T> left, right, product;
    AlignedBuffer<double> sensitivity;
};

/// A tile under way.
struct GramTile {
    Tile tile;
    AlignedBuffer<double> memory;
    MatrixView<double> sum;
};

/// C = A^T B + beta C, or the lower triangle of it where B is A.
template <class T>
void add_product(bool diagonal, ConstMatrixView<T> A, ConstMatrixView<T> B, T beta, MatrixView<T> C) {
    if (diagonal) {
        blas::gram_of_columns_lower(A, beta, C);
    } else {
        blas::gemm(blas::Op::transpose, blas::Op::none, T{1}, A, B, beta, C);
    }
}

/// sum = product, or sum += product; on a diagonal tile the lower triangle.
void add_to_sum(bool diagonal, ConstMatrixView<float> product, bool first, MatrixView<double> sum) {
    for (Index i = 0; i < sum.rows; ++i) {
        const float* from = product.row(i);
        double* to = sum.row(i);
        const Index columns = diagonal ? i + 1 : sum.cols;
        for (Index j = 0; j < columns; ++j) to[j] = first ? double{from[j]} : to[j] + double{from[j]};
    }
}

/// The tiles of one pass, from nothing to planes for the sink.
template <class T>
class GramPass {
public:
    GramPass(const GramProblem& problem, FeaturePanels& features, const GramPace& pace)
        : problem_(problem),
          axes_(Axes::square(problem.parameters)),
          blocks_(parameter_blocks(problem.network)),
          steps_(steps_of(problem.network, problem.reduction)),
          features_(features),
          pace_(pace),
          samples_at_once_(samples_at_once(problem)),
          plane_(side() * side()),
          mirror_(side() * side()) {
        for (Index panel = 0; panel < problem.parameters.panels(); ++panel)
            runs_.push_back(runs_of_parameters(blocks_, steps_, problem.parameters.begin(panel),
                                               problem.parameters.size(panel)));
        const Index rows = samples_at_once_ * problem.reduction.sensitivities();
        for (int thread = 0; thread < pace.threads; ++thread)
            scratch_.emplace_back(rows, side(), widest_layer(problem.network, problem.reduction));
        for (int tile = 0; tile < pace.threads * pace.tiles_a_thread; ++tile) {
            AlignedBuffer<double> memory(side() * side());
            tiles_.push_back({{}, std::move(memory), {}});
        }
    }

    [[nodiscard]] std::size_t capacity() const { return tiles_.size(); }

    /// Sums `tiles` over all samples. False: go_on said no on the way.
    bool sum(std::span<const Tile> tiles, const GoOn& go_on) {
        begin(tiles);
        const Index batches = features_.samples().panels();
        for (Index batch = 0; batch < batches; batch += pace_.batches) {
            const PanelRange wave{batch, std::min(batch + pace_.batches, batches)};
            // With one wave for all samples its features serve every pass.
            if (!features_.holds(wave)) features_.compute(wave, pace_.threads);
            for (Index first = wave.begin; first < wave.end; first += batches_at_once) {
                add({first, std::min(first + batches_at_once, wave.end)});
                if (!go_on()) return false;
            }
        }
        return true;
    }

    /// Rounds the sums, and hands them over with their mirrors.
    void hand_over(const TileSink<T>& sink) {
        for (std::size_t k = 0; k < under_way_; ++k) {
            const Tile& tile = tiles_[k].tile;
            const MatrixView<T> values = shape(plane_, tile);
            round(tiles_[k], values);
            sink({0, tile, problem_.parameters.begin(tile.row), problem_.parameters.begin(tile.column),
                  values});
            if (!axes_.is_mirrored(tile)) continue;
            const Tile across = mirror_of(tile);
            const MatrixView<T> mirrored = shape(mirror_, across);
            transpose(ConstMatrixView<T>(values), mirrored);
            sink({0, across, problem_.parameters.begin(across.row), problem_.parameters.begin(across.column),
                  mirrored});
        }
    }

private:
    [[nodiscard]] Index side() const { return problem_.parameters.size(0); }

    [[nodiscard]] MatrixView<T> shape(const AlignedBuffer<T>& memory, const Tile& tile) const {
        return shape_block(memory.data(), side(), side(), problem_.parameters.size(tile.row),
                           problem_.parameters.size(tile.column));
    }

    void begin(std::span<const Tile> tiles) {
        under_way_ = tiles.size();
        for (std::size_t k = 0; k < under_way_; ++k) {
            const Index columns = problem_.parameters.size(tiles[k].column);
            tiles_[k].tile = tiles[k];
            tiles_[k].sum = {tiles_[k].memory.data(), problem_.parameters.size(tiles[k].row), columns,
                             columns};
        }
    }

    /// Adds the products of some batches to all tiles under way.
    void add(const PanelRange& wave) {
        share_out(pace_.threads, std::size_t{0}, under_way_,
                  [&](std::size_t k, int thread) { add_batches(wave, tiles_[k], scratch_[at(thread)]); });
    }

    void add_batches(const PanelRange& wave, GramTile& tile, const RowScratch<T>& scratch) {
        const auto& left = runs_[at(tile.tile.row)];
        const auto& right = runs_[at(tile.tile.column)];
        const bool diagonal = axes_.is_diagonal(tile.tile);
        for (Index batch = wave.begin; batch < wave.end; ++batch) {
            for (Index first = 0; first < features_.samples().size(batch); first += samples_at_once_) {
                const auto A = rows_of(batch, first, left, tile.sum.rows, scratch.left, scratch);
                const auto B =
                    diagonal ? A : rows_of(batch, first, right, tile.sum.cols, scratch.right, scratch);
                if constexpr (std::is_same_v<T, double>) {
                    add_product(diagonal, A, B, batch + first == 0 ? 0.0 : 1.0, tile.sum);
                } else {
                    add_product(diagonal, A, B, first == 0 ? 0.0F : 1.0F, product_of(tile, scratch));
                }
            }
            if constexpr (std::is_same_v<T, float>)
                add_to_sum(diagonal, product_of(tile, scratch), batch == 0, tile.sum);
        }
    }

    /// A batch's product in the precision of the kernel.
    static MatrixView<T> product_of(const GramTile& tile, const RowScratch<T>& scratch) {
        return {scratch.product.data(), tile.sum.rows, tile.sum.cols, tile.sum.cols};
    }

    /// J of some samples of a batch, from `first` on.
    ConstMatrixView<T> rows_of(Index batch, Index first, const std::vector<ParameterRun>& runs, Index columns,
                               const AlignedBuffer<T>& memory, const RowScratch<T>& scratch) {
        const Index samples = features_.samples().size(batch);
        const Index count = std::min(samples_at_once_, samples - first);
        const MatrixView<T> J{memory.data(), count * problem_.reduction.sensitivities(), columns, columns};
        fill_jacobian_rows(features_.view(batch), steps_, first, runs, scratch.sensitivity.data(), J);
        return J;
    }

    /// factor * sum, mirrored on the diagonal. Where the caller has seen that the diagonal is finite, so is all of it.
    void round(GramTile& tile, MatrixView<T> out) const {
        const double factor = problem_.reduction.factor();
        if (axes_.is_diagonal(tile.tile)) mirror_lower(tile.sum);
        for (Index i = 0; i < out.rows; ++i) {
            for (Index j = 0; j < out.cols; ++j) {
                out(i, j) = static_cast<T>(factor * tile.sum(i, j));
                if (!std::isfinite(out(i, j))) refuse(tile.tile, i, j);
            }
        }
    }

    [[noreturn]] void refuse(const Tile& tile, Index i, Index j) const {
        fail(
            ExitCode::bad_input,
            "the entry of {} and {} in J^T J is not finite: use --precision float64, or smaller samples or weights",
            name_of_parameter(blocks_, problem_.parameters.begin(tile.row) + i),
            name_of_parameter(blocks_, problem_.parameters.begin(tile.column) + j));
    }

    const GramProblem& problem_;
    Axes axes_;
    std::vector<ParameterBlock> blocks_;
    std::vector<Step> steps_;
    std::vector<std::vector<ParameterRun>> runs_;  ///< of each panel
    FeaturePanels& features_;
    GramPace pace_;
    Index samples_at_once_;
    std::vector<GramTile> tiles_;
    std::size_t under_way_ = 0;           ///< of tiles_
    std::vector<RowScratch<T>> scratch_;  ///< one a thread
    AlignedBuffer<T> plane_, mirror_;
};

}  // namespace

Axis sample_batches(Index samples, const Reduction& reduction) {
    const Index batch = std::max<Index>(1, rows_of_batch / reduction.sensitivities());
    return {samples, std::min(batch, samples)};
}

template <class T>
void compute_gram_tiles(const GramProblem& problem, FeaturePanels& features, const std::vector<Tile>& tiles,
                        const GramPace& pace, const TileSink<T>& sink, const GoOn& go_on) {
    if (tiles.empty()) return;
    GramPass<T> pass(problem, features, pace);
    const std::span<const Tile> all(tiles);
    for (std::size_t k = 0; k < all.size() && go_on(); k += pass.capacity()) {
        if (!pass.sum(all.subspan(k, std::min(pass.capacity(), all.size() - k)), go_on)) return;
        pass.hand_over(sink);
    }
}

Index batch_bytes(const GramProblem& problem, const GramPace& pace) {
    return feature_panels_bytes(sample_batches(problem.samples.count, problem.reduction), problem.network,
                                problem.reduction, pace.batches, pace.threads);
}

Index gram_bytes(const GramProblem& problem, const GramPace& pace, Index value_bytes) {
    const Index side = problem.parameters.size(0);
    const Index rows = samples_at_once(problem) * problem.reduction.sensitivities();
    const bool is_narrow = value_bytes < Index{sizeof(double)};
    const Index sums = Index{pace.threads} * pace.tiles_a_thread * side * side * Index{sizeof(double)};
    const Index scratch = pace.threads * (2 * rows * side + (is_narrow ? side * side : 0)) * value_bytes;
    return sums + scratch + 2 * side * side * value_bytes;
}

template void compute_gram_tiles(const GramProblem&, FeaturePanels&, const std::vector<Tile>&,
                                 const GramPace&, const TileSink<float>&, const GoOn&);
template void compute_gram_tiles(const GramProblem&, FeaturePanels&, const std::vector<Tile>&,
                                 const GramPace&, const TileSink<double>&, const GoOn&);

}  // namespace tangram
