#include "tangram/output/sample_order.hpp"

#include "tangram/output/kernel_entries.hpp"
#include "tangram/output/recognition.hpp"
#include "tangram/support/agreement.hpp"

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

/// Rows by their diagonal entry; where it is the same to `close`, by the sum of the row.
Order sorted(const std::vector<double>& diagonal, const std::vector<double>& sums, double close) {
    Order order = identity(diagonal.size());
    std::sort(order.begin(), order.end(),
              [&](Index a, Index b) { return diagonal[at(a)] < diagonal[at(b)]; });
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first + 1;
        while (last < order.size() && diagonal[at(order[last])] - diagonal[at(order[last - 1])] <= close)
            ++last;
        std::sort(order.begin() + static_cast<std::ptrdiff_t>(first),
                  order.begin() + static_cast<std::ptrdiff_t>(last),
                  [&](Index a, Index b) { return sums[at(a)] < sums[at(b)]; });
        first = last;
    }
    return order;
}

/// p by the diagonals; empty if they have not the same values.
Order by_diagonal(const EntryComparison& found, double limit) {
    const Order ours = sorted(found.diagonal, found.row_sums, limit);
    const Order theirs = sorted(found.diagonal_other, found.row_sums_other, limit);
    Order p(ours.size());
    for (std::size_t k = 0; k < ours.size(); ++k) {
        const double off = std::abs(found.diagonal[at(ours[k])] - found.diagonal_other[at(theirs[k])]);
        if (off > 4 * limit) return {};  // within a run of alike ones the two may be paired across it
        p[at(theirs[k])] = ours[k];
    }
    return p;
}

Order output_major(Index samples, Index outputs) {
    Order p(at(samples * outputs));
    for (Index r = 0; r < outputs; ++r) {
        for (Index i = 0; i < samples; ++i) p[at(r * samples + i)] = i * outputs + r;
    }
    return p;
}

/// Collective. max |OTHER_ab - K_p(a),p(b)| over some rows a and all columns b.
double worst_in_order(const mpi::Communicator& world, const KernelFile& kernel, const TileFile& file,
                      const OtherKernel& other, const Order& p) {
    double worst = 0;
    const auto n = static_cast<Index>(p.size());
    const std::vector<Index> rows = choose_samples(n, rows_compared, 2);
    agree(world, [&] {
        std::vector<double> ours, theirs(p.size());
        for (std::size_t k = at(world.rank()); k < rows.size(); k += at(world.size())) {
            read_row(file, kernel.shape, kernel.shape.matrices.size() - 1, p[at(rows[k])], ours);
            other.read(rows[k], 0, {theirs.data(), 1, n, n});
            for (std::size_t b = 0; b < p.size(); ++b)
                worst = std::max(worst, std::abs(theirs[b] - ours[at(p[b])]));
        }
    });
    return mpi::maximum(world, worst);
}

std::string permutation_in_words(const Order& p) {
    std::vector<std::string> places;
    Index moved = 0;
    for (std::size_t a = 0; a < p.size(); ++a) {
        if (p[a] == static_cast<Index>(a)) continue;
        if (++moved <= places_named) places.push_back(fmt::format("its row {} is row {} here", a, p[a]));
    }
    return fmt::format("order of the samples: {} of {} rows are elsewhere ({}{})", moved, p.size(),
                       fmt::join(places, ", "), moved > places_named ? ", .." : "");
}

}  // namespace

std::optional<OtherOrder> find_order(const mpi::Communicator& world, const KernelFile& kernel,
                                     const TileFile& file, const OtherKernel& other,
                                     const EntryComparison& found, double relative_limit) {
    const double limit = relative_limit * found.largest;
    const auto try_order = [&](const Order& p, const std::string& words) -> std::optional<OtherOrder> {
        const double worst = worst_in_order(world, kernel, file, other, p);
        if (worst > limit) return std::nullopt;
        const double relative = found.largest > 0 ? worst / found.largest : 0;
        return OtherOrder{fmt::format("{}; in the same order it is equal to {} of the largest entry", words,
                                      plain(relative)),
                          worst};
    };
    const Index C = kernel.shape.matrices.back().rows_per_sample;
    if (C > 1) {
        const Index N = kernel.shape.panels.samples;
        auto order = try_order(output_major(N, C),
                               fmt::format("order of the rows: output-major, output r of sample i at "
                                           "r N + i (N = {}) where this kernel has it at i C + r (C = {})",
                                           N, C));
        if (order) return order;
    }
    // Rounding may pair two alike entries the wrong way round: first as narrowly as float32 allows.
    for (const double close : {1e-12 * found.largest, 1e-6 * found.largest, limit}) {
        const Order p = by_diagonal(found, std::max(close, 0.0));
        if (p.empty() || p == identity(p.size())) continue;
        if (auto order = try_order(p, permutation_in_words(p))) return order;
    }
    return std::nullopt;
}

}  // namespace tangram
