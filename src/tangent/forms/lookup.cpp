// A table that is looked up in: its gradient for (i, r) has s_irp added to the row that id p of sample i names, p = 1..k, and is
// zero elsewhere.
//
//   K = sum over rows v that both have of (sum of s_irp with id_ip = v) . (sum of s_jsq with id_jq = v)
//
// X (n, k) are the ids, S (n R, k width) the sensitivities of what was found. A pair costs what both have in common, 2 k width at
// most, and the table's size nothing.

#include "sensitivities.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

namespace tangram::forms {

namespace {

/// The row of the table that an id means: counted from the end where it is negative.
template <class T>
Index row_of(T id, Index table_rows) {
    const auto row = static_cast<Index>(id);
    return row < 0 ? row + table_rows : row;
}

/// The k places of each sample, those of one row of the table after each other, rows ascending.
struct Places {
    Index k = 0;
    std::vector<Index> row, place;  ///< (n, k)

    template <class T>
    Places(ConstMatrixView<T> X, Index table_rows) : k(X.cols), row(at(X.rows * k)), place(row.size()) {
        std::vector<Index> rows(at(k));
        for (Index i = 0; i < X.rows; ++i) {
            for (Index p = 0; p < k; ++p) rows[at(p)] = row_of(X(i, p), table_rows);
            Index* const its = place.data() + i * k;
            std::iota(its, its + k, Index{0});
            std::stable_sort(its, its + k, [&](Index p, Index q) { return rows[at(p)] < rows[at(q)]; });
            for (Index p = 0; p < k; ++p) row[at(i * k + p)] = rows[at(its[p])];
        }
    }
    /// One behind the last place of the run that begins at `first` of sample i.
    [[nodiscard]] Index end_of_run(Index i, Index first) const {
        Index end = first + 1;
        while (end < k && row[at(i * k + end)] == row[at(i * k + first)]) ++end;
        return end;
    }
};

/// One sample: where its places are, and its sensitivities by row r of J, ld apart.
template <class T>
struct Sample {
    const Places& places;
    Index i;
    const T* s;
    Index ld;
};

/// The sum of the sensitivities at places [first, end), one `width` long for each r, ld apart.
template <class T>
struct Sum {
    const T* values;
    Index ld;
};

template <class T>
Sum<T> sum_of_run(const Sample<T>& sample, Index first, Index end, Index R, Index width,
                  std::vector<T>& memory) {
    const Index* const place = sample.places.place.data() + sample.i * sample.places.k;
    if (end == first + 1) return {sample.s + place[first] * width, sample.ld};
    std::fill(memory.begin(), memory.end(), T{0});
    for (Index r = 0; r < R; ++r) {
        T* const into = memory.data() + r * width;
        for (Index p = first; p < end; ++p) {
            const T* const from = sample.s + r * sample.ld + place[p] * width;
            for (Index j = 0; j < width; ++j) into[j] += from[j];
        }
    }
    return {memory.data(), width};
}

template <class T>
double dot(const T* a, const T* b, Index width) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = 0; j < width; ++j) sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
    return sum;
}

/// Sizes of a step's features, and memory for two sums.
template <class T>
struct Pairs {
    bool full;
    Index R, width;
    std::vector<T> left, right;

    Pairs(const Step& step, bool is_full, ConstMatrixView<T> X, ConstMatrixView<T> S)
        : full(is_full),
          R(is_full ? S.rows / X.rows : S.cols / (X.cols * step.row_width)),
          width(step.row_width),
          left(at(R * width)),
          right(at(R * width)) {}

    Sample<T> sample(const Places& places, ConstMatrixView<T> S, Index i) const {
        return full ? Sample<T>{places, i, S.row(i * R), S.ld} : Sample<T>{places, i, S.row(i), S.cols / R};
    }

    /// add(r, s, product) for each pair of rows whose products count.
    template <class Add>
    void visit(const Sample<T>& a, const Sample<T>& b, Add add) {
        const Index* const row_a = a.places.row.data() + a.i * a.places.k;
        const Index* const row_b = b.places.row.data() + b.i * b.places.k;
        for (Index p = 0, q = 0; p < a.places.k && q < b.places.k;) {
            if (row_a[p] != row_b[q]) {
                ++(row_a[p] < row_b[q] ? p : q);
                continue;
            }
            const Index end_p = a.places.end_of_run(a.i, p), end_q = b.places.end_of_run(b.i, q);
            const Sum<T> x = sum_of_run(a, p, end_p, R, width, left);
            const Sum<T> y = sum_of_run(b, q, end_q, R, width, right);
            for (Index r = 0; r < R; ++r) {
                for (Index s = full ? 0 : r; s < (full ? R : r + 1); ++s)
                    add(r, s, dot(x.values + r * x.ld, y.values + s * y.ld, width));
            }
            p = end_p;
            q = end_q;
        }
    }
};

double operations_of_pair(const PairSizes& sizes) {
    return sizes.Q * sizes.d_out;
}

template <class T>
StepGrams<T> prepare(const StepTile<T>& tile, const GramScratch<T>& scratch) {
    assert(!tile.prepared.constant);
    const Step& step = tile.prepared.step;
    const MatrixView<T> H = scratch.H(tile.rows, tile.cols);
    const Places of_rows(tile.X_row, step.table_rows), of_columns(tile.X_column, step.table_rows);
    Pairs<T> pairs(step, tile.full, tile.X_row, tile.S_row);
    const Index block = tile.full ? pairs.R : 1;
    std::vector<double> sums(at(block * block));
    for (Index i = 0; i < tile.X_row.rows; ++i) {
        const Index columns = tile.diagonal ? i + 1 : tile.X_column.rows;
        for (Index j = 0; j < columns; ++j) {
            std::fill(sums.begin(), sums.end(), 0.0);
            pairs.visit(pairs.sample(of_rows, tile.S_row, i), pairs.sample(of_columns, tile.S_column, j),
                        [&](Index r, Index s, double product) {
                            sums[at(tile.full ? r * block + s : 0)] += product;
                        });
            for (Index r = 0; r < block; ++r) {
                for (Index s = 0; s < block; ++s)
                    H(i * block + r, j * block + s) = static_cast<T>(sums[at(r * block + s)]);
            }
        }
    }
    if (tile.diagonal) mirror_lower(H);
    StepGrams<T> grams;
    grams.H = H;
    grams.bias = static_cast<T>(tile.prepared.factors[0]);
    return grams;
}

template <class T>
bool add(const StepGrams<T>& grams, Start start, MatrixView<T> total) {
    return add_scaled(grams.H, grams.bias, T{0}, start, total);
}

template <class T>
void fill_tensor(const StepGrams<T>& grams, std::size_t /*which*/, MatrixView<T> out) {
    scale_into(grams.H, grams.bias, out);
}

template <class T>
void add_own_block(const OwnFeatures<T>& own, std::size_t /*which*/, MatrixView<double> block) {
    const Step& step = own.prepared.step;
    const bool full = block.rows > 1;
    const Places places(own.X, step.table_rows);
    Pairs<T> pairs(step, full, own.X, own.S);
    const Sample<T> one = pairs.sample(places, own.S, 0);
    pairs.visit(one, one, [&](Index r, Index s, double product) {
        block(full ? r : 0, full ? s : 0) += own.prepared.factors[0] * product;
    });
}

template <class T>
void own_numbers(const OwnFeatures<T>& own, std::vector<NamedNumber>& numbers) {
    Matrix<double> block(own.S.rows, own.S.rows);
    add_own_block(own, 0, block.view());
    double largest = 0;
    for (Index r = 0; r < block.rows(); ++r) largest = std::max(largest, block(r, r));
    numbers.push_back({"squared scale of", own.prepared.factors[0]});
    numbers.push_back({"diagonal kernel entry of", largest});
}

/// visit(place, first entry of its row in the table) for the places of sample i.
template <class Visit>
void for_each_place(const FeatureView& f, const Step& step, Index i, Visit visit) {
    const ConstMatrixView<double> ids = f.X(step);
    for (Index p = 0; p < ids.cols; ++p) visit(p, row_of(ids(i, p), step.table_rows) * step.row_width);
}

template <class T>
void fill_entries(const FeatureView& f, const Step& step, std::size_t /*which*/, Index i, const double* s,
                  const EntryRun& run, T* out) {
    std::vector<double> sums(at(run.length), 0);
    for_each_place(f, step, i, [&](Index p, Index first) {
        const Index begin = std::max(first, run.begin);
        const Index end = std::min(first + step.row_width, run.begin + run.length);
        for (Index e = begin; e < end; ++e) sums[at(e - run.begin)] += s[p * step.row_width + e - first];
    });
    for (Index e = 0; e < run.length; ++e) out[e] = static_cast<T>(sums[at(e)]);
}

/// visit(row of the table, the sum of the sensitivities there) for each sample and row r.
template <class Visit>
void for_each_sum(const FeatureView& f, const Step& step, Visit visit) {
    const ConstMatrixView<double> ids = f.X(step);
    const Places places(ids, step.table_rows);
    std::vector<double> s(at(f.width(step))), memory(at(step.row_width));
    for (Index i = 0; i < f.samples; ++i) {
        for (Index r = 0; r < f.reduction.sensitivities(); ++r) {
            f.copy_sensitivity(step, i, r, s.data());
            const Sample<double> sample{places, i, s.data(), 0};
            for (Index p = 0; p < ids.cols;) {
                const Index end = places.end_of_run(i, p);
                visit(places.row[at(i * ids.cols + p)],
                      sum_of_run(sample, p, end, 1, step.row_width, memory).values);
                p = end;
            }
        }
    }
}

void add_squares(const FeatureView& f, const Step& step, std::size_t /*which*/, double* squares) {
    for_each_sum(f, step, [&](Index row, const double* sum) {
        for (Index j = 0; j < step.row_width; ++j) squares[row * step.row_width + j] += sum[j] * sum[j];
    });
}

double size(const FeatureView& f, const Step& step) {
    double sum = 0;
    for_each_sum(f, step, [&](Index, const double* of_row) { sum += squared_norm(of_row, step.row_width); });
    return sum;
}

void transposed_action(const FeatureView& f, const Step& step, Index first, ConstMatrixView<double> y,
                       const StepParameters& out) {
    const Matrix<double> D = weighted_sensitivities(f, step, first, y);
    for (Index i = 0; i < f.samples; ++i) {
        for_each_place(f, step, i, [&](Index p, Index entry) {
            for (Index j = 0; j < step.row_width; ++j) out[0][entry + j] += D(i, p * step.row_width + j);
        });
    }
}

void action(const FeatureView& f, const Step& step, Index first, const StepParameters& u,
            std::vector<Matrix<double>>& y) {
    Matrix<double> T(f.samples, f.width(step));
    for (Index i = 0; i < f.samples; ++i) {
        for_each_place(f, step, i, [&](Index p, Index entry) {
            std::copy_n(u[0] + entry, step.row_width, T.view().row(i) + p * step.row_width);
        });
    }
    add_row_products(f, step, first, std::as_const(T).view(), y[0]);
}

}  // namespace

const FormFacts lookup_facts{.name = "lookup", .needs_input = true, .operations_of_pair = operations_of_pair};

template <class T>
const TileRoutines<T>& lookup_tiles() {
    static constexpr TileRoutines<T> routines{prepare<T>, add<T>, fill_tensor<T>, own_numbers<T>,
                                              add_own_block<T>};
    return routines;
}

template const TileRoutines<float>& lookup_tiles();
template const TileRoutines<double>& lookup_tiles();

const JacobianRoutines lookup_jacobian{
    fill_entries<double>, fill_entries<float>, add_squares, transposed_action, action, size};

}  // namespace tangram::forms
