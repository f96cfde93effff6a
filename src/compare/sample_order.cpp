#include "tangram/compare/sample_order.hpp"

#include "tangram/compare/recognition.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tangram {

namespace {

/// Rows that are compared, all columns each.
constexpr Index rows_compared = 200;
constexpr Index places_named = 3;

using Order = std::vector<Index>;

Order identity(std::size_t n) {
    Order order(n);
    std::iota(order.begin(), order.end(), Index{0});
    return order;
}

bool moves(const Order& p) {
    return p != identity(p.size());
}

/// A place by what it has whatever the order; where that is the same to `close`, by something else that it has.
Order sorted(const std::vector<double>& first_key, const std::vector<double>& second_key, double close) {
    Order order = identity(first_key.size());
    std::sort(order.begin(), order.end(),
              [&](Index a, Index b) { return first_key[at(a)] < first_key[at(b)]; });
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first + 1;
        while (last < order.size() && first_key[at(order[last])] - first_key[at(order[last - 1])] <= close)
            ++last;
        std::sort(order.begin() + static_cast<std::ptrdiff_t>(first),
                  order.begin() + static_cast<std::ptrdiff_t>(last),
                  [&](Index a, Index b) { return second_key[at(a)] < second_key[at(b)]; });
        first = last;
    }
    return order;
}

/// Two keys of every row or column.
struct Keys {
    const std::vector<double>& first;
    const std::vector<double>& second;
};

/// p; empty if the two have not the same first keys.
Order match(const Keys& ours, const Keys& theirs, double limit) {
    const Order here = sorted(ours.first, ours.second, limit);
    const Order there = sorted(theirs.first, theirs.second, limit);
    Order p(here.size());
    for (std::size_t k = 0; k < here.size(); ++k) {
        const double off = std::abs(ours.first[at(here[k])] - theirs.first[at(there[k])]);
        if (off > 4 * limit) return {};  // within a run of alike ones the two may be paired across it
        p[at(there[k])] = here[k];
    }
    return p;
}

/// p and q, and what that is in words.
struct Hypothesis {
    Order rows, columns;
    std::string words;
};

Order output_major(Index samples, Index outputs) {
    Order p(at(samples * outputs));
    for (Index r = 0; r < outputs; ++r) {
        for (Index i = 0; i < samples; ++i) p[at(r * samples + i)] = i * outputs + r;
    }
    return p;
}

std::optional<Hypothesis> by_outputs(const ComparedFiles& files, const EntryComparison& /*found*/,
                                     double /*limit*/) {
    const Shape& shape = files.kernel.shape;
    const Index C = shape.total().rows_each;
    if (C == 1) return std::nullopt;
    const Index M = shape.axes.row.extent;
    return Hypothesis{
        output_major(M, C), output_major(shape.axes.column.extent, C),
        fmt::format(
            "order of the rows: output-major, output r of sample i at r N + i (N = {}) where this kernel has it at i C + r (C = {})",
            M, C)};
}

std::optional<Hypothesis> by_diagonal(const ComparedFiles& /*files*/, const EntryComparison& found,
                                      double limit) {
    const MatrixSums& ours = found.ours;
    const MatrixSums& theirs = found.theirs;
    const Order p = match({ours.diagonal, ours.rows.sum}, {theirs.diagonal, theirs.rows.sum}, limit);
    if (!moves(p)) return std::nullopt;
    return Hypothesis{p, p, "order of the samples: " + permutation_in_words(p)};
}

/// The identity where the two have the same sums as they lie.
Order match_lines(const LineSums& ours, const LineSums& theirs, double limit) {
    bool lie_alike = true;
    for (std::size_t a = 0; a < ours.sum.size(); ++a)
        lie_alike = lie_alike && std::abs(ours.sum[a] - theirs.sum[a]) <= limit;
    if (lie_alike) return identity(ours.sum.size());
    return match({ours.sum, ours.square}, {theirs.sum, theirs.square}, limit);
}

std::optional<Hypothesis> by_sums(const ComparedFiles& /*files*/, const EntryComparison& found,
                                  double limit) {
    const MatrixSums& ours = found.ours;
    const MatrixSums& theirs = found.theirs;
    const Order p = match_lines(ours.rows, theirs.rows, limit * static_cast<double>(ours.columns.sum.size()));
    const Order q =
        match_lines(ours.columns, theirs.columns, limit * static_cast<double>(ours.rows.sum.size()));
    if (p.empty() || q.empty() || !(moves(p) || moves(q))) return std::nullopt;
    if (!moves(q)) return Hypothesis{p, q, "order of the rows: " + permutation_in_words(p)};
    if (!moves(p)) return Hypothesis{p, q, "order of the columns: " + permutation_in_words(q, "column")};
    return Hypothesis{p, q,
                      "order of the rows and of the columns: " + permutation_in_words(p) + "; " +
                          permutation_in_words(q, "column")};
}

/// Collective. max |OTHER_ab - K_p(a),q(b)| over some rows a and all columns b.
double worst_in_order(const ComparedFiles& files, const Hypothesis& hypothesis) {
    double worst = 0;
    const Order& p = hypothesis.rows;
    const Order& q = hypothesis.columns;
    const std::vector<Index> rows = choose_samples(static_cast<Index>(p.size()), rows_compared, 2);
    agree(files.world, [&] {
        std::vector<double> ours, theirs;
        for (std::size_t k = at(files.world.rank()); k < rows.size(); k += at(files.world.size())) {
            files.read_ours(p[at(rows[k])], ours);
            files.read_theirs(rows[k], theirs);
            for (std::size_t b = 0; b < q.size(); ++b)
                worst = is_absent(theirs[b]) ? worst : std::max(worst, std::abs(theirs[b] - ours[at(q[b])]));
        }
    });
    return mpi::maximum(files.world, worst);
}

}  // namespace

std::string permutation_in_words(const std::vector<Index>& p, const std::string& what) {
    std::vector<std::string> places;
    Index moved = 0;
    for (std::size_t a = 0; a < p.size(); ++a) {
        if (p[a] == static_cast<Index>(a)) continue;
        if (++moved <= places_named)
            places.push_back(fmt::format("its {0} {1} is {0} {2} here", what, a, p[a]));
    }
    return fmt::format("{} of {} {}s are elsewhere ({}{})", moved, p.size(), what, fmt::join(places, ", "),
                       moved > places_named ? ", .." : "");
}

std::optional<OtherOrder> find_order(const ComparedFiles& files, const EntryComparison& found,
                                     double relative_limit) {
    const double limit = relative_limit * found.largest;
    const auto by_samples = files.kernel.shape.axes.symmetric ? by_diagonal : by_sums;
    for (const auto& find : {by_outputs, by_samples}) {
        // Rounding may pair two alike entries the wrong way round: first as narrowly as float32 allows.
        for (const double close : {1e-12 * found.largest, 1e-6 * found.largest, limit}) {
            const auto hypothesis = find(files, found, close);
            if (!hypothesis) continue;
            const double worst = worst_in_order(files, *hypothesis);
            if (worst > limit) continue;
            return OtherOrder{fmt::format("{}; in the same order it is {}", hypothesis->words,
                                          equal_in_words(worst, found.largest)),
                              worst};
        }
    }
    return std::nullopt;
}

}  // namespace tangram
