#include "tangram/compare/kernel_part.hpp"

#include "tangram/compare/recognition.hpp"
#include "tangram/file/kernel_rows.hpp"
#include "tangram/support/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace tangram {

namespace {

/// Columns by which rows are looked for.
constexpr Index most_probes = 4;

/// Rows of ours and of OTHER, and when two entries count as equal.
struct PartSearch {
    const ComparedFiles& files;
    Index rows = 0, columns = 0;  ///< OTHER's
    double limit = 0;
    [[nodiscard]] std::vector<double> ours(Index row) const {
        std::vector<double> out;
        files.read_ours(row, out);
        return out;
    }
    [[nodiscard]] std::vector<double> our_column(Index column) const {
        std::vector<double> out;
        read_column(files.file, files.kernel.shape, files.kernel.shape.total_index(), column, out);
        return out;
    }
    [[nodiscard]] std::vector<double> theirs(Index row) const {
        std::vector<double> out(at(columns));
        files.other.read(row, 0, {out.data(), 1, columns, columns});
        return out;
    }
};

/// max |theirs_b - ours_(first + b)|, or more than the limit as soon as one is off.
double row_error(const PartSearch& search, const std::vector<double>& theirs, const std::vector<double>& ours,
                 Index first) {
    double worst = 0;
    for (std::size_t b = 0; b < theirs.size(); ++b) {
        worst = std::max(worst, std::abs(theirs[b] - ours[at(first) + b]));
        if (worst > search.limit) return worst;
    }
    return worst;
}

struct Found {
    std::vector<Index> rows;  ///< p
    double worst = 0;
};

/// All rows of OTHER, with columns from `first` on and p(0) = `row`.
std::optional<Found> find_rows(const PartSearch& search, Index first, Index row) {
    std::vector<Index> probes;  // columns of OTHER
    const Index count = std::min(most_probes, search.columns);
    for (Index k = 0; k < count; ++k) probes.push_back(k * search.columns / count);
    std::vector<std::vector<double>> columns;  // of ours
    for (const Index b : probes) columns.push_back(search.our_column(first + b));
    Found found;
    for (Index a = 0; a < search.rows; ++a) {
        const std::vector<double> theirs = search.theirs(a);
        const Index expected = a == 0 ? row : found.rows.back() + 1;
        bool is_there = false;
        for (Index k = 0; k < search.files.rows() && !is_there; ++k) {
            const Index candidate = (expected + k) % search.files.rows();
            bool fits = true;
            for (std::size_t p = 0; p < probes.size(); ++p)
                fits = fits && std::abs(theirs[at(probes[p])] - columns[p][at(candidate)]) <= search.limit;
            if (!fits) continue;
            const double error = row_error(search, theirs, search.ours(candidate), first);
            if (error > search.limit) continue;
            is_there = true;
            found.rows.push_back(candidate);
            found.worst = std::max(found.worst, error);
        }
        if (!is_there) return std::nullopt;
    }
    return found;
}

std::string range_in_words(Index first, Index count) {
    return count == 1 ? fmt::format("{}", first) : fmt::format("{} to {}", first, first + count - 1);
}

std::string in_words(const PartSearch& search, Index first_column, const Found& found, double largest) {
    bool in_order = true;
    for (std::size_t a = 1; a < found.rows.size(); ++a)
        in_order = in_order && found.rows[a] == found.rows[a - 1] + 1;
    std::string rows = range_in_words(found.rows.front(), search.rows);
    if (!in_order) {
        const std::size_t named = std::min<std::size_t>(found.rows.size(), 4);
        rows = fmt::format(
            "{}{}",
            fmt::join(found.rows.begin(), found.rows.begin() + static_cast<std::ptrdiff_t>(named), ", "),
            named < found.rows.size() ? ", .." : "");
    }
    return fmt::format("part of this kernel: its rows {} and columns {}; there it is {}", rows,
                       range_in_words(first_column, search.columns), equal_in_words(found.worst, largest));
}

/// Of a symmetric kernel it is on the diagonal.
double largest_entry(const PartSearch& search) {
    double largest = 0;
    for (Index row = 0; row < search.files.rows(); ++row) {
        if (search.files.kernel.shape.axes.symmetric) {
            double entry = 0;
            search.files.file.read_entries(search.files.kernel.shape.total_index(), row, row,
                                           {&entry, 1, 1, 1});
            largest = std::max(largest, entry);
        } else {
            for (const double entry : search.ours(row)) largest = std::max(largest, std::abs(entry));
        }
    }
    return largest;
}

}  // namespace

std::string find_part(const ComparedFiles& files, double relative_limit) {
    std::string verdict;
    agree_on_root(files.world, [&] {
        PartSearch search{files, files.other.part_rows(), files.other.part_columns()};
        const std::vector<double> wanted = search.theirs(0);
        const double largest = largest_entry(search);
        search.limit = relative_limit * largest;
        for (Index row = 0; row < files.rows() && verdict.empty(); ++row) {
            const std::vector<double> ours = search.ours(row);
            for (Index first = 0; first + search.columns <= files.columns() && verdict.empty(); ++first) {
                if (row_error(search, wanted, ours, first) > search.limit) continue;
                if (const auto found = find_rows(search, first, row))
                    verdict = in_words(search, first, *found, largest);
            }
        }
    });
    return mpi::broadcast(files.world, std::move(verdict));
}

}  // namespace tangram
