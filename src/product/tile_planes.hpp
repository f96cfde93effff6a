#pragma once
// From a tile's numbers to planes for the writer, and from panels to what a step needs of them. Private to product/.

#include "tangram/product/assembly.hpp"
#include "tangram/product/matrices.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>

namespace tangram {

/// What every tile of a thread needs to know.
template <class T>
struct AssemblyContext {
    const TileProblem<T>& problem;
    PlaneQueue<T>& queue;
    const MeasureScratch* measures = nullptr;  ///< of this thread, where something is measured
    T* kept = nullptr;                         ///< where matrices of tiles under way are kept, if they are
    const std::vector<Tile>* group =
        nullptr;  ///< the tiles that share `kept`, one place each; without: it is the one tile's
    [[nodiscard]] const Axes& axes() const { return problem.shape.axes; }
};

/// The plane's memory as the block that `matrix` has at panels (row, column).
template <class T>
MatrixView<T> shape_plane(const AssemblyContext<T>& context, Plane<T>& plane, Index matrix,
                          const Tile& block) {
    const Shape& shape = context.problem.shape;
    const StoredMatrix& stored = shape.matrices[at(matrix)];
    const Index R = stored.rows_each;
    const MatrixView<T> values =
        shape_block(plane.memory.data(), shape.tile_rows(stored), shape.tile_columns(stored),
                    shape.axes.row.size(block.row) * R, shape.axes.column.size(block.column) * R);
    plane.content = {matrix, block, shape.axes.row.begin(block.row) * R,
                     shape.axes.column.begin(block.column) * R, values};
    return values;
}

/// Fills the plane's record, where something is measured.
template <class T>
void measure_plane(const AssemblyContext<T>& context, Plane<T>& plane) {
    if (context.measures == nullptr) return;
    const Measuring& measuring = *context.problem.measuring;
    T* kept = context.kept;
    if (context.group != nullptr) {
        const auto place = std::find(context.group->begin(), context.group->end(), plane.content.block);
        kept += (place - context.group->begin()) * kept_values(measuring);
    }
    measure(measuring, plane.content, kept, *context.measures, plane.record.data());
    plane.content.record = plane.record.data();
}

/// Hands the plane to the writer and, where the tile is mirrored and that is wanted, its transpose too. Returns false once the
/// queue was stopped.
template <class T>
bool submit_with_mirror(const AssemblyContext<T>& context, Plane<T>* plane, const Tile& tile) {
    measure_plane(context, *plane);
    Plane<T>* mirror = nullptr;
    if (context.problem.shape.mirrors && context.axes().is_mirrored(tile)) {
        mirror = context.queue.acquire();
        if (mirror == nullptr) return false;
        transpose(plane->content.values,
                  shape_plane(context, *mirror, plane->content.matrix, {tile.column, tile.row}));
    }
    context.queue.submit(plane);
    if (mirror != nullptr) context.queue.submit(mirror);
    return true;
}

/// Fills one plane by fill(values) and submits it, where the matrix is stored. Returns false once the queue was stopped.
template <class T, class Fill>
bool produce(const AssemblyContext<T>& context, Index matrix, const Tile& tile, Fill fill_plane) {
    if (matrix == not_stored) return true;
    Plane<T>* plane = context.queue.acquire();
    if (plane == nullptr) return false;
    fill_plane(shape_plane(context, *plane, matrix, tile));
    return submit_with_mirror(context, plane, tile);
}

/// The features of the tile's two panels that a step needs.
template <class T>
StepTile<T> features_of(const AssemblyContext<T>& context, const PreparedStep& prepared, const Tile& tile,
                        MatrixView<T> total) {
    const FeatureStore<T>& store = context.problem.store;
    const Index row = context.axes().number_of_row(tile.row);
    const Index column = context.axes().number_of_column(tile.column);
    const bool needs_input = facts_of(prepared.step.form).needs_input;
    StepTile<T> features{prepared,
                         needs_input ? store.X(row, prepared.step.x) : ConstMatrixView<T>{},
                         needs_input ? store.X(column, prepared.step.x) : ConstMatrixView<T>{},
                         store.S(row, prepared.step.s),
                         store.S(column, prepared.step.s),
                         total.rows,
                         total.cols};
    features.diagonal = context.axes().is_diagonal(tile);
    features.full = context.problem.full;
    return features;
}

/// An entry of the total is not finite once the step is added. Where the diagonal was seen to be finite before
/// (product/entry_range.hpp), which bounds all entries, that is not expected; rows that are only read here are not known before.
template <class T>
[[noreturn]] void refuse_not_finite(const AssemblyContext<T>& context, const PreparedStep& prepared,
                                    const Tile& tile) {
    constexpr bool is_narrow = std::is_same_v<T, float>;
    const Axes& axes = context.axes();
    fail(
        ExitCode::bad_input,
        "the kernel of {} between samples {} to {} and {} to {} has an entry beyond {}: use {}smaller samples or weights",
        prepared.name, axes.row.begin(tile.row), axes.row.begin(tile.row) + axes.row.size(tile.row) - 1,
        axes.column.begin(tile.column), axes.column.begin(tile.column) + axes.column.size(tile.column) - 1,
        is_narrow ? "float32" : "float64", is_narrow ? "--precision float64, or " : "");
}

/// X X^T of a value.
template <class T>
void conjugate_block(const AssemblyContext<T>& context, Index value, const Tile& tile, MatrixView<T> out) {
    const FeatureStore<T>& store = context.problem.store;
    const ConstMatrixView<T> X = store.X(context.axes().number_of_row(tile.row), value);
    if (context.axes().is_diagonal(tile)) {
        blas::gram_lower(X, out);
        mirror_lower(out);
    } else {
        const ConstMatrixView<T> Y = store.X(context.axes().number_of_column(tile.column), value);
        blas::gemm(blas::Op::none, blas::Op::transpose, T{1}, X, Y, T{0}, out);
    }
}

/// The planes of a step's matrices but for the total, from its Grams. Returns false once the queue was stopped.
template <class T>
bool produce_step(const AssemblyContext<T>& context, const PreparedStep& prepared, const Tile& tile,
                  const StepGrams<T>& grams) {
    const TileRoutines<T>& form = tile_routines_of<T>(prepared.step.form);
    const StepPlanes& planes = context.problem.planes[prepared.index];
    if (!produce(context, planes.conjugate, tile, [&](MatrixView<T> out) {
            if (grams.G.data != nullptr)
                scale_into(grams.G, T{1}, out);
            else
                conjugate_block(context, *prepared.step.weighted, tile, out);
        }))
        return false;
    for (std::size_t which = 0; which < planes.tensors.size(); ++which) {
        if (!produce(context, planes.tensors[which], tile,
                     [&](MatrixView<T> out) { form.fill(grams, which, out); }))
            return false;
    }
    return true;
}

}  // namespace tangram
