// The part of the checks that reads every entry of the file once (checks/product_check.hpp).

#include "entry_scan.hpp"
#include "tangram/checks/product_check.hpp"
#include "tangram/support/error_measures.hpp"
#include "tangram/support/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>

namespace tangram {

namespace {

std::vector<double> probe_vector(std::uint64_t seed, Index length) {
    std::vector<double> v(at(length));
    for (Index k = 0; k < length; ++k) v[at(k)] = probe_sign(seed, k);
    return v;
}

/// What is needed to judge products.
struct Judge {
    const mpi::Communicator& world;
    Precision precision;
    double tolerance;

    /// Collective. |A v - reference|_i / (|A| |v|)_i of every row; or, where that is more, / entry_size.
    std::vector<double> errors(std::vector<double>& products, std::vector<double>& sizes,
                               std::vector<double>& reference, double entry_size) const {
        mpi::sum(world, products);
        mpi::sum(world, sizes);
        mpi::sum(world, reference);
        if (sizes.empty()) return {};
        // Rows smaller than this may have underflowed on their way.
        const double floor =
            std::max({std::pow(rounding_unit(precision), 2) * *std::max_element(sizes.begin(), sizes.end()),
                      smallest_normal(precision) / tolerance, entry_size});
        std::vector<double> all(products.size());
        for (std::size_t i = 0; i < products.size(); ++i)
            all[i] = relative_error_of(std::abs(products[i] - reference[i]), std::max(sizes[i], floor));
        return all;
    }
};

/// By row of each matrix, and by column of rectangular ones.
struct ProbeErrors {
    std::vector<std::vector<double>> rows, columns;
};

double worst_of(const std::vector<double>& errors, const PanelRange& range) {
    double worst = 0;
    for (Index k = range.begin; k < range.end; ++k) worst = worse(worst, errors[at(k)]);
    return worst;
}

double worst_of(const std::vector<double>& errors) {
    return worst_of(errors, {0, static_cast<Index>(errors.size())});
}

/// Collective. The smallest diagonal entry of all matrices, by matrix and unit, into the report.
void find_smallest_diagonal(const mpi::Communicator& world, const Shape& shape, const EntryScan& scan,
                            CheckReport& report) {
    std::vector<double> negated(scan.smallest.size());
    std::transform(scan.smallest.begin(), scan.smallest.end(), negated.begin(), std::negate<>());
    mpi::maximum(world, negated);
    const auto worst = std::max_element(negated.begin(), negated.end());
    const auto m = static_cast<std::size_t>(worst - negated.begin());
    report.smallest_diagonal = -*worst;
    const Index mine = scan.smallest[m] == -*worst ? scan.smallest_row[m] : -1;
    const auto row = static_cast<Index>(mpi::maximum(world, static_cast<double>(mine)));
    report.smallest_diagonal_place = fmt::format(
        "{}, {} {}", shape.matrices[m].path, name_of(shape.axes.row.unit), row / shape.matrices[m].rows_each);
}

/// Collective. Marks the components that underflow on the diagonal at other samples than those that were compared.
void mark_underflows(const mpi::Communicator& world, const EntryScan& scan, CheckReport& report) {
    const auto mark = [&](ComponentCheck& check) {
        const std::vector<Index>& rows = scan.underflowing[check.matrix];
        const bool here = std::any_of(rows.begin(), rows.end(), [&](Index row) {
            return row >= check.rows.begin && row < check.rows.end;
        });
        check.underflows = mpi::maximum(world, here ? 1.0 : 0.0) > 0 || check.underflows;
    };
    for (ComponentCheck& component : report.components) mark(component);
    mark(report.total);
}

/// What the errors say of components, total and conjugate kernels.
void report_probe(const Shape& shape, const ProbeErrors& errors, CheckReport& report) {
    const auto of = [&](const ComponentCheck& check) {
        return worse(worst_of(errors.rows[check.matrix], check.rows), worst_of(errors.columns[check.matrix]));
    };
    for (ComponentCheck& component : report.components) component.probe_error = of(component);
    report.total.probe_error = of(report.total);
    const std::vector<double>& total = errors.rows[report.total.matrix];
    report.worst_probe_row = std::max_element(total.begin(), total.end()) - total.begin();
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (shape.matrices[m].role != Role::other) continue;
        const double worst = worse(worst_of(errors.rows[m]), worst_of(errors.columns[m]));
        report.conjugate_error =
            std::isnan(report.conjugate_error) ? worst : worse(report.conjugate_error, worst);
    }
}

}  // namespace

double probe_sign(std::uint64_t seed, Index row) {
    return random_sign(splitmix64(seed), static_cast<std::uint64_t>(row));
}

void check_all_entries(const ProductFile& file, CheckReport& report) {
    const Shape& shape = file.shape;
    const std::vector<double> v = probe_vector(report.seed, shape.columns(shape.total()));
    const std::vector<double> u = probe_vector(report.seed + 1, shape.rows(shape.total()));
    const Distribution distribution =
        file.product.distribute(shape, file.world.size(), file.world.rank(), {});
    // The disk reads while the processor multiplies: the scan makes no MPI call, and HDF5 calls only to open.
    const TileFile tiles(file.path, shape, TileFile::Access::read);
    auto scanning = std::async(std::launch::async, [&] {
        return scan_entries(tiles, shape, distribution.tiles, file.resources.threads, v, u);
    });
    Action action = file.product.act(file.world, file.problem, shape, distribution, file.resources, v, u);
    EntryScan scan = scanning.get();
    mpi::maximum(file.world, scan.largest);
    mpi::sum(file.world, scan.traces);
    if (shape.axes.symmetric) {
        mpi::maximum(file.world, scan.asymmetry);
        find_smallest_diagonal(file.world, shape, scan, report);
        mark_underflows(file.world, scan, report);
        report.symmetry_error = 0;
        for (std::size_t m = 0; m < shape.matrices.size(); ++m)
            report.symmetry_error =
                worse(report.symmetry_error, relative_error_of(scan.asymmetry[m], scan.largest[m]));
    }
    action.on_rows.resize(shape.matrices.size());
    report.entry_sizes.resize(shape.matrices.size(), 0);
    const Judge judge{file.world, shape.precision, report.tolerance};
    ProbeErrors errors;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        const double entry_size = report.entry_sizes[m];
        errors.rows.push_back(
            judge.errors(scan.products[m], scan.sizes[m], action.on_columns[m], entry_size));
        errors.columns.push_back(
            judge.errors(scan.column_products[m], scan.column_sizes[m], action.on_rows[m], entry_size));
    }
    report_probe(shape, errors, report);
    const double sum_difference = mpi::maximum(file.world, scan.sum_difference);
    if (shape.has_components())
        report.sum_of_components_error =
            relative_error_of(sum_difference, std::max(scan.largest.back(), report.entry_sizes.back()));
    if (!std::isnan(action.trace))
        report.trace_error = relative_error_of(std::abs(scan.traces.back() - action.trace), action.trace);
}

}  // namespace tangram
