#include "tangram/compare/row_hypotheses.hpp"

#include "tangram/compare/sample_order.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>

namespace tangram {

namespace {

/// Rows that a hypothesis is tried on before all are read.
constexpr Index rows_tried = 8;
constexpr std::uint64_t choice_seed = 3;

/// Row a of OTHER as the hypothesis has it, but for a factor.
struct Hypothesis {
    std::string words;
    bool worth_trying = true;
    std::function<void(Index a, std::vector<double>& row)> expected;
};

/// Collective. Row by row: sums over entries that are there.
struct RowFit {
    double product = 0, square = 0;          ///< <OTHER, E>, <E, E>
    double worst = 0, largest_expected = 0;  ///< max |OTHER - s E|, max |E|
};

RowFit compare_rows(const ComparedFiles& files, const Hypothesis& hypothesis, const std::vector<Index>& rows,
                    double factor) {
    RowFit fit;
    agree(files.world, [&] {
        std::vector<double> expected, theirs;
        for (std::size_t k = at(files.world.rank()); k < rows.size(); k += at(files.world.size())) {
            hypothesis.expected(rows[k], expected);
            files.read_theirs(rows[k], theirs);
            for (std::size_t b = 0; b < theirs.size(); ++b) {
                if (is_absent(theirs[b])) continue;
                fit.product += theirs[b] * expected[b];
                fit.square += expected[b] * expected[b];
                fit.worst = std::max(fit.worst, std::abs(theirs[b] - factor * expected[b]));
                fit.largest_expected = std::max(fit.largest_expected, std::abs(expected[b]));
            }
        }
    });
    std::array<double, 2> sums{fit.product, fit.square};
    mpi::sum(files.world, sums);
    return {sums[0], sums[1], mpi::maximum(files.world, fit.worst),
            mpi::maximum(files.world, fit.largest_expected)};
}

/// p by the sums of rows or columns: row a of OTHER is row p(a) of ours.
std::vector<Index> by_sums(const std::vector<double>& ours, const std::vector<double>& theirs) {
    const auto sorted = [](const std::vector<double>& sums) {
        std::vector<Index> order(sums.size());
        std::iota(order.begin(), order.end(), Index{0});
        std::sort(order.begin(), order.end(), [&](Index a, Index b) { return sums[at(a)] < sums[at(b)]; });
        return order;
    };
    const std::vector<Index> here = sorted(ours);
    const std::vector<Index> there = sorted(theirs);
    std::vector<Index> p(here.size());
    for (std::size_t k = 0; k < here.size(); ++k) p[at(there[k])] = here[k];
    return p;
}

/// A kernel that is centred already is as it was.
std::vector<Hypothesis> centred(const ComparedFiles& files, const MatrixSums& sums, double limit) {
    const auto means_of = [](std::vector<double> means, Index entries) {
        for (double& mean : means) mean /= static_cast<double>(entries);
        return means;
    };
    const std::vector<double> of_rows = means_of(sums.rows.sum, files.columns());
    const std::vector<double> of_columns = means_of(sums.columns.sum, files.rows());
    const double all =
        std::accumulate(of_rows.begin(), of_rows.end(), 0.0) / static_cast<double>(files.rows());
    const auto is_off_centre = [&](const std::vector<double>& means) {
        return std::any_of(means.begin(), means.end(), [&](double mean) { return std::abs(mean) > limit; });
    };
    const bool rows_are = is_off_centre(of_rows);
    const bool columns_are = is_off_centre(of_columns);
    const auto without = [files, of_rows, of_columns, all](double rows, double columns) {
        return [=](Index a, std::vector<double>& row) {
            files.read_ours(a, row);
            for (std::size_t b = 0; b < row.size(); ++b)
                row[b] -= rows * of_rows[at(a)] + columns * of_columns[b] - rows * columns * all;
        };
    };
    const char* const so = files.kernel.shape.axes.symmetric ? ", and so asymmetric" : "";
    return {
        {"centred by rows and columns: H K H, H = 1 - 1 1^T / n", rows_are || columns_are, without(1, 1)},
        {fmt::format("centred by rows alone{}: every row's mean is taken off", so), rows_are, without(1, 0)},
        {fmt::format("centred by columns alone{}: every column's mean is taken off", so), columns_are,
         without(0, 1)}};
}

std::vector<Hypothesis> asymmetric(const ComparedFiles& files, const EntryComparison& found,
                                   const Asymmetry& asymmetry) {
    const auto triangle = [files](bool lower) {
        return [=](Index a, std::vector<double>& row) {
            files.read_ours(a, row);
            for (Index b = 0; b < files.columns(); ++b) {
                if (lower ? b > a : b < a) row[at(b)] = 0;
            }
        };
    };
    const std::vector<Index> p = by_sums(found.ours.rows.sum, found.theirs.rows.sum);
    const std::vector<Index> q = by_sums(found.ours.columns.sum, found.theirs.columns.sum);
    return {
        {"asymmetric: the lower triangle alone, 0 above the diagonal", asymmetry.above == 0, triangle(true)},
        {"asymmetric: the upper triangle alone, 0 below the diagonal", asymmetry.below == 0, triangle(false)},
        {"asymmetric: its rows are in another order than its columns: " + permutation_in_words(p), true,
         [files, p](Index a, std::vector<double>& row) { files.read_ours(p[at(a)], row); }},
        {"asymmetric: its columns are in another order than its rows: " + permutation_in_words(q, "column"),
         true, [files, q](Index a, std::vector<double>& row) {
             std::vector<double> ours;
             files.read_ours(a, ours);
             row.resize(ours.size());
             for (std::size_t b = 0; b < row.size(); ++b) row[b] = ours[at(q[b])];
         }}};
}

/// A tile and its mirror tile; `row`, `column`: where `lower` begins.
void look_at(const Matrix<double>& lower, const Matrix<double>& upper, Index row, Index column,
             Asymmetry& found) {
    for (Index i = 0; i < lower.rows(); ++i) {
        for (Index j = 0; j < lower.cols(); ++j) {
            const double below = lower(i, j);
            const double above = upper(j, i);
            if (is_absent(below) || is_absent(above)) continue;
            if (row + i <= column + j) continue;
            found.below = std::max(found.below, std::abs(below));
            found.above = std::max(found.above, std::abs(above));
            if (std::abs(below - above) <= found.worst) continue;
            found.worst = std::abs(below - above);
            found.row = row + i;
            found.column = column + j;
        }
    }
}

/// Collective. The words, with the factor, if OTHER is what the hypothesis says.
std::optional<std::string> judge(const ComparedFiles& files, const Hypothesis& hypothesis,
                                 const KernelFacts& facts, double relative_limit) {
    if (!hypothesis.worth_trying) return std::nullopt;
    const std::vector<Index> few = choose_samples(files.rows(), rows_tried, choice_seed);
    const RowFit tried = compare_rows(files, hypothesis, few, 0);
    const double s = tried.product / tried.square;
    if (!(s > 0) || !std::isfinite(s)) return std::nullopt;
    const double factor = std::abs(s - 1) < relative_limit ? 1 : s;
    const auto holds = [&](const RowFit& fit) {
        return fit.worst <= relative_limit * factor * fit.largest_expected;
    };
    if (!holds(compare_rows(files, hypothesis, few, factor))) return std::nullopt;
    std::vector<Index> rows(at(files.rows()));
    std::iota(rows.begin(), rows.end(), Index{0});
    const RowFit all = compare_rows(files, hypothesis, rows, factor);
    if (!holds(all)) return std::nullopt;
    std::string words = hypothesis.words;
    if (factor != 1) {
        words +=
            fmt::format("; times {}{}", plain(factor), name_of_total_factor(factor, relative_limit, facts));
    }
    return fmt::format("{}; so read it is {}", words,
                       equal_in_words(all.worst, factor * all.largest_expected));
}

}  // namespace

Asymmetry measure_asymmetry(const ComparedFiles& files) {
    const mpi::Communicator& world = files.world;
    const Shape& shape = files.kernel.shape;
    if (!shape.axes.symmetric) return {};
    const Axis& panels = shape.axes.row;
    const Index C = shape.total().rows_each;
    const Index n = files.columns();
    Asymmetry found;
    agree(world, [&] {
        Index turn = 0;
        for (Index I = 0; I < panels.panels(); ++I) {
            for (Index J = 0; J <= I; ++J) {
                if (turn++ % world.size() != world.rank()) continue;
                Matrix<double> lower(panels.size(I) * C, panels.size(J) * C);
                Matrix<double> upper(panels.size(J) * C, panels.size(I) * C);
                files.other.read(panels.begin(I) * C, panels.begin(J) * C, lower.view());
                files.other.read(panels.begin(J) * C, panels.begin(I) * C, upper.view());
                look_at(lower, upper, panels.begin(I) * C, panels.begin(J) * C, found);
            }
        }
    });
    found.above = mpi::maximum(world, found.above);
    found.below = mpi::maximum(world, found.below);
    // The place is the first of those where it is worst.
    const double worst = mpi::maximum(world, found.worst);
    const double nowhere = static_cast<double>(n) * static_cast<double>(n);
    const auto place = static_cast<double>(found.row * n + found.column);
    const auto first = static_cast<Index>(mpi::minimum(world, found.worst == worst ? place : nowhere));
    found.worst = worst;
    found.row = first / n;
    found.column = first % n;
    return found;
}

std::optional<std::string> find_by_rows(const ComparedFiles& files, const KernelFacts& facts,
                                        const EntryComparison& found, const Asymmetry& asymmetry,
                                        double relative_limit) {
    std::vector<Hypothesis> hypotheses = centred(files, found.ours, relative_limit * found.largest);
    if (asymmetry.worst > relative_limit * found.largest_other) {
        for (Hypothesis& hypothesis : asymmetric(files, found, asymmetry))
            hypotheses.push_back(std::move(hypothesis));
    }
    for (const Hypothesis& hypothesis : hypotheses) {
        if (auto verdict = judge(files, hypothesis, facts, relative_limit)) return verdict;
    }
    return std::nullopt;
}

}  // namespace tangram
