// Gradients that stay in their file: rows of J are read where they are multiplied, a block of parameters at a time for a group of
// panels (product/tile_groups.cpp), and never held. With g_i (F, P) of a sample and E (R, F) of the reduction:
//
//   J_ir = sum over o of E_ro g_io            K = H = J_I J_J^T, as of form `made`
//   J^T y = sum over i, o of (sum over r of y_ir E_ro) g_io      J u [i, r] = sum over o of E_ro (g_io . u)

#include "sensitivities.hpp"
#include "tangram/network/stored_rows.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace tangram::forms {

namespace {

/// Entries of a row that are read together: enough for a disk, few enough that two panels of them are some tens of MB.
constexpr Index block_entries = 16384;
/// Samples that product/tile_groups.cpp asks for at once, at most.
constexpr Index samples_at_once = 8;
/// Values of a part that is read for an action on a vector: 8 MiB.
constexpr Index part_values = Index{1} << 20;

std::vector<MadeBlock> blocks(const WeightUse& use, Index R) {
    const StoredRows& source = *use.stored;
    const Index most = std::max<Index>(64, block_entries / std::max(R, source.rows));
    std::vector<MadeBlock> all;
    for (Index first = 0; first < source.width; first += most) {
        MadeBlock block{0, 1, first, std::min(most, source.width - first)};
        block.values = R * block.inputs;
        // In float64, whichever precision the loop has: twice as many values of float32.
        block.scratch = 2 * samples_at_once * source.rows * block.inputs;
        all.push_back(block);
    }
    return all;
}

/// row (count) = sum over o of weights_o g_o
template <class T>
void combine(const double* weights, ConstMatrixView<double> g, T* row) {
    for (Index p = 0; p < g.cols; ++p) row[p] = static_cast<T>(weights[0] * g(0, p));
    for (Index o = 1; o < g.rows; ++o) {
        if (weights[o] == 0) continue;
        for (Index p = 0; p < g.cols; ++p) row[p] += static_cast<T>(weights[o] * g(o, p));
    }
}

template <class T>
void make(const PreparedStep& prepared, const MadeBlock& block, ConstMatrixView<T> X,
          ConstMatrixView<T> /*S*/, T* scratch, MatrixView<T> J) {
    const StoredRows& source = *prepared.use->stored;
    const Index F = source.rows, R = prepared.R, rows = J.rows / X.rows, m = block.inputs;
    static_assert(alignof(double) <= 64, "scratch begins on a cache line");
    double* const memory = reinterpret_cast<double*>(scratch);
    for (Index begin = 0; begin < X.rows; begin += samples_at_once) {
        const Index n = std::min(samples_at_once, X.rows - begin);
        std::array<Index, samples_at_once> numbers{};
        for (Index i = 0; i < n; ++i) numbers[at(i)] = row_number_of(X.row(begin + i));
        const MatrixView<double> g{memory, n * F, m, m};
        source.read({numbers.data(), at(n)}, block.first, g);
        for (Index i = 0; i < n; ++i) {
            for (Index r = 0; r < R; ++r) {
                T* const to = rows == 1 ? J.row(begin + i) + r * m : J.row((begin + i) * R + r);
                combine<T>(prepared.constant_E.view().row(r), g.row_block(i * F, F), to);
            }
        }
    }
}

/// Nothing is read before it is multiplied; what overflows there is told by its samples.
template <class T>
void own_numbers(const OwnFeatures<T>& /*own*/, std::vector<NamedNumber>& numbers) {
    numbers.push_back({"diagonal kernel entry of", 0});
}

template <class T>
void add_own_block(const OwnFeatures<T>& own, std::size_t /*which*/, MatrixView<double> block) {
    const PreparedStep& prepared = own.prepared;
    for (const MadeBlock& made : blocks(*prepared.use, prepared.R)) {
        const AlignedBuffer<T> scratch(made.scratch);
        Matrix<T> J(block.rows, made.values / block.rows);
        make<T>(prepared, made, own.X, {}, scratch.data(), J.view());
        for (Index r = 0; r < block.rows; ++r) {
            for (Index s = 0; s < block.cols; ++s) {
                double sum = 0;
                for (Index k = 0; k < J.cols(); ++k)
                    sum += static_cast<double>(J(r, k)) * static_cast<double>(J(s, k));
                block(r, s) += prepared.factors[0] * sum;
            }
        }
    }
}

const StoredRows& source_of(const FeatureView& f, const Step& step) {
    return *std::get<Stored>(f.network.nodes[at(step.node)].op).source;
}

Index number_of(const FeatureView& f, const Step& step, Index i) {
    return row_number_of(f.X(step).row(i));
}

/// E of rows [first, first + count), (count, F).
Matrix<double> weights_of(const FeatureView& f, const Step& step, Index first, Index count) {
    Matrix<double> E(count, f.width(step));
    for (Index r = 0; r < count; ++r) f.copy_sensitivity(step, 0, first + r, E.view().row(r));
    return E;
}

template <class T>
void fill_entries(const FeatureView& f, const Step& step, std::size_t /*which*/, Index i, const double* s,
                  const EntryRun& run, T* out) {
    const std::array numbers{number_of(f, step, i)};
    Matrix<double> g(f.width(step), run.length);
    source_of(f, step).read(numbers, run.begin, g.view());
    combine<T>(s, std::as_const(g).view(), out);
}

/// Of a row, of those that are read at once.
Index entries_of_part(const StoredRows& source) {
    return std::clamp<Index>(part_values / source.rows, 1, source.width);
}

/// visit(i, first, g (F, count)) for parts of all samples' gradients, sample after sample as they lie in the file.
template <class Visit>
void for_each_part(const FeatureView& f, const Step& step, Visit visit) {
    const StoredRows& source = source_of(f, step);
    const Index count = entries_of_part(source);
    Matrix<double> memory(source.rows, count);
    for (Index i = 0; i < f.samples; ++i) {
        const std::array numbers{number_of(f, step, i)};
        for (Index first = 0; first < source.width; first += count) {
            const Index m = std::min(count, source.width - first);
            const MatrixView<double> g{memory.data(), source.rows, m, m};
            source.read(numbers, first, g);
            visit(i, first, ConstMatrixView<double>(g));
        }
    }
}

void add_squares(const FeatureView& f, const Step& step, std::size_t /*which*/, double* squares) {
    const Matrix<double> E = weights_of(f, step, 0, f.reduction.sensitivities());
    std::vector<double> row(at(entries_of_part(source_of(f, step))));
    for_each_part(f, step, [&](Index, Index first, ConstMatrixView<double> g) {
        for (Index r = 0; r < E.rows(); ++r) {
            combine(E.view().row(r), g, row.data());
            for (Index p = 0; p < g.cols; ++p) squares[first + p] += row[at(p)] * row[at(p)];
        }
    });
}

void transposed_action(const FeatureView& f, const Step& step, Index first_row, ConstMatrixView<double> y,
                       const StepParameters& out) {
    const Matrix<double> E = weights_of(f, step, first_row, y.cols);
    for_each_part(f, step, [&](Index i, Index first, ConstMatrixView<double> g) {
        for (Index o = 0; o < g.rows; ++o) {
            double weight = 0;
            for (Index r = 0; r < y.cols; ++r) weight += y(i, r) * E(r, o);
            if (weight == 0) continue;
            double* const to = out[0] + first;
            const double* const from = g.row(o);
#pragma omp simd
            for (Index p = 0; p < g.cols; ++p) to[p] += weight * from[p];
        }
    });
}

void action(const FeatureView& f, const Step& step, Index first_row, const StepParameters& u,
            std::vector<Matrix<double>>& y) {
    const Matrix<double> E = weights_of(f, step, first_row, y[0].cols());
    for_each_part(f, step, [&](Index i, Index first, ConstMatrixView<double> g) {
        for (Index o = 0; o < g.rows; ++o) {
            const double* const from = g.row(o);
            const double* const with = u[0] + first;
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (Index p = 0; p < g.cols; ++p) sum += from[p] * with[p];
            for (Index r = 0; r < y[0].cols(); ++r) y[0](i, r) += E(r, o) * sum;
        }
    });
}

double size(const FeatureView& f, const Step& step) {
    const Matrix<double> E = weights_of(f, step, 0, f.reduction.sensitivities());
    double sum = 0;
    std::vector<double> row(at(entries_of_part(source_of(f, step))));
    for_each_part(f, step, [&](Index, Index, ConstMatrixView<double> g) {
        for (Index r = 0; r < E.rows(); ++r) {
            combine(E.view().row(r), g, row.data());
            sum += squared_norm(row.data(), g.cols);
        }
    });
    return sum;
}

}  // namespace

const FormFacts stored_facts{
    .name = "rows read", .needs_input = true, .operations_of_pair = [](const PairSizes& sizes) {
        return sizes.Q * sizes.parameters;
    }};

template <class T>
const TileRoutines<T>& stored_tiles() {
    static constexpr MakingRoutines<T> making{blocks, make<T>};
    static const TileRoutines<T> routines{nullptr,        plain_tiles<T>().add, plain_tiles<T>().fill,
                                          own_numbers<T>, add_own_block<T>,     &making};
    return routines;
}

template const TileRoutines<float>& stored_tiles();
template const TileRoutines<double>& stored_tiles();

const JacobianRoutines stored_jacobian{
    fill_entries<double>, fill_entries<float>, add_squares, transposed_action, action, size};

}  // namespace tangram::forms
