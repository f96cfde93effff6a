#include "tangram/checks/measures_check.hpp"

#include "check_gradients.hpp"
#include "tangram/support/error_measures.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

/// Collective. Root's values of double-double sums on every rank.
std::vector<double> values_on_all(const mpi::Communicator& world, const std::vector<DoubleDouble>& sums) {
    std::vector<double> values;
    for (const DoubleDouble& sum : sums) values.push_back(sum.value());
    return mpi::broadcast(world, std::move(values));
}

/// Collective. max_i |K v - J J^T v|_i / (|K| 1)_i of each measured matrix; the total's worst row into the report.
std::vector<double> probe_errors(const ProductFile& file, const MeasureSums& sums, CheckReport& report) {
    const Measuring& m = sums.measuring();
    const Distribution distribution =
        file.product.distribute(file.shape, file.world.size(), file.world.rank(), {});
    const std::vector<double> u(m.row_signs.size(), 1.0);
    Action action =
        file.product.act(file.world, file.problem, file.shape, distribution, file.resources, m.signs, u);
    const double unit = rounding_unit(file.shape.precision);
    report.entry_sizes.resize(file.shape.matrices.size(), 0);
    std::vector<double> errors(at(m.matrices()), 0);
    for (std::size_t matrix = 0; matrix < m.place.size(); ++matrix) {
        const Index place = m.place[matrix];
        if (place == not_measured) continue;
        std::vector<double>& expected = action.on_columns[matrix];
        mpi::sum(file.world, expected);
        const std::vector<double> products = values_on_all(file.world, sums.of(place).products);
        const std::vector<double> sizes = values_on_all(file.world, sums.of(place).sizes);
        const double floor =
            std::max({unit * unit * *std::max_element(sizes.begin(), sizes.end()),
                      smallest_normal(file.shape.precision) / report.tolerance, report.entry_sizes[matrix]});
        for (std::size_t i = 0; i < products.size(); ++i) {
            const double error =
                relative_error_of(std::abs(products[i] - expected[i]), std::max(sizes[i], floor));
            if (place == 0 && !(error <= errors[0])) report.worst_probe_row = static_cast<Index>(i);
            errors[at(place)] = worse(errors[at(place)], error);
        }
    }
    return errors;
}

void keep_worse(ComponentCheck found, ComponentCheck& worst) {
    const double relative = worse(worst.relative_error, found.relative_error);
    const double normalized = worse(worst.normalized_error, found.normalized_error);
    const bool is_further = !(std::abs(worst.scale - 1) >= std::abs(found.scale - 1));
    worst.scale = is_further ? found.scale : worst.scale;
    worst.relative_error = relative;
    worst.normalized_error = normalized;
    worst.zero_within_rounding = worst.zero_within_rounding && found.zero_within_rounding;
    worst.underflows = worst.underflows || found.underflows;
    worst.too_small = worst.too_small && found.too_small;
}

/// Collective. The kernels of the samples of `set` with themselves, one after the other.
void compare_diagonals(const ProductFile& file, const MeasureSums& sums, CheckSet set, CheckReport& report) {
    const Measuring& m = sums.measuring();
    const Index R = m.rows_each();
    std::vector<std::vector<double>> own;
    for (Index place = 0; place < m.matrices(); ++place)
        own.push_back(mpi::broadcast(file.world, std::vector<double>(sums.of(place).own)));
    const ReadEntries read = [&](std::size_t matrix, Index row, Index, MatrixView<double> out) {
        const std::vector<double>& of = own[at(m.place[matrix])];
        for (Index r = 0; r < out.rows; ++r) std::copy_n(of.data() + (row + r) * R, out.cols, out.row(r));
    };
    const std::vector<Tile> tiles;
    for (std::size_t k = 0; k < set.samples.size(); ++k) {
        if (set.excluded[k]) continue;
        CheckSet one{{set.samples[k]}, Matrix<double>(1, set.X.cols()), {}, {false}};
        std::copy_n(set.X.view().row(static_cast<Index>(k)), set.X.cols(), one.X.data());
        one.gradients.push_back(std::move(set.gradients[k]));
        ExplicitComparison found = file.product.compare({file.world, file.problem, file.shape, one, one, read,
                                                         tiles, file.resources.threads, report.tolerance});
        for (std::size_t m_k = 0; m_k < found.entry_sizes.size(); ++m_k) {
            report.entry_sizes.resize(found.entry_sizes.size(), 0);
            report.entry_sizes[m_k] = std::max(report.entry_sizes[m_k], found.entry_sizes[m_k]);
        }
        if (report.components.empty() && std::isnan(report.total.relative_error)) {
            report.components = std::move(found.components);
            report.total = std::move(found.total);
            continue;
        }
        for (std::size_t c = 0; c < found.components.size(); ++c)
            keep_worse(std::move(found.components[c]), report.components[c]);
        keep_worse(std::move(found.total), report.total);
    }
}

/// A line for each matrix, where there was nothing to compare.
void name_components(const Shape& shape, CheckReport& report) {
    if (!report.components.empty()) return;
    for (std::size_t matrix = 0; matrix < shape.matrices.size(); ++matrix) {
        if (!shape.matrices[matrix].is_component()) continue;
        report.components.emplace_back();
        report.components.back().name = shape.matrices[matrix].name;
        report.components.back().matrix = matrix;
    }
    report.total.name = shape.total().name;
    report.total.matrix = shape.total_index();
}

}  // namespace

void check_measures(const ProductFile& file, const CheckInputs& inputs, const MeasureSums& sums,
                    CheckReport& report) {
    report.precision = file.shape.precision;
    CheckSet set = check_set_of(file, inputs, SetOfSamples::samples, report.samples);
    settle_tolerances(file, set, report);
    report.samples_near_kink = std::count(set.excluded.begin(), set.excluded.end(), true);
    if (file.problem.network.gradients_are_given)
        report.not_made = {"finite differences", "outputs"};
    else
        check_finite_differences(file.world, file.problem.network, set, file.resources.threads, report);
    report.entries_are_compared = file.shape.axes.symmetric;
    if (report.entries_are_compared) compare_diagonals(file, sums, std::move(set), report);
    name_components(file.shape, report);
    const std::vector<double> errors = probe_errors(file, sums, report);
    for (ComponentCheck& component : report.components)
        component.probe_error = errors[at(sums.measuring().place[component.matrix])];
    report.total.probe_error = errors[0];
}

void probe_measures(const ProductFile& file, const MeasureSums& sums, CheckReport& report) {
    const Index worst_row = report.worst_probe_row;
    report.measures_error = 0;
    for (const double error : probe_errors(file, sums, report))
        report.measures_error = worse(report.measures_error, error);
    report.worst_probe_row = worst_row;
}

}  // namespace tangram
