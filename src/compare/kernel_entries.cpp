#include "tangram/compare/kernel_entries.hpp"

#include "tangram/file/kernel_diagonal.hpp"
#include "tangram/file/kernel_rows.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/sample_choice.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace tangram {

namespace {

/// As many rows are chosen where there are more.
constexpr Index most_rows = 1000;
constexpr std::uint64_t choice_seed = 1;
/// Samples whose K_ii is a smaller part of the largest one count as if it were this.
constexpr double smallest_weight = 1e-3;

/// 1 / sqrt(K_ii)
std::vector<double> entry_weights(const std::vector<double>& scales) {
    const double largest = *std::max_element(scales.begin(), scales.end());
    std::vector<double> weights;
    for (const double value : scales) {
        const double size = std::max(value, smallest_weight * largest);
        weights.push_back(size > 0 ? 1 / std::sqrt(size) : 1);
    }
    return weights;
}

/// The columns of the fit: stored components, or the kernel itself.
std::vector<std::size_t> fitted_matrices(const Shape& shape) {
    std::vector<std::size_t> matrices;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (shape.matrices[m].is_component()) matrices.push_back(m);
    }
    if (matrices.empty()) matrices.push_back(shape.matrices.size() - 1);
    return matrices;
}

/// Some rows, or columns: all of a chosen sample's.
std::vector<Index> chosen_lines(const Axis& axis, Index rows_each) {
    std::vector<Index> lines;
    for (const Index sample :
         choose_samples(axis.extent, std::max<Index>(1, most_rows / rows_each), choice_seed)) {
        for (Index r = 0; r < rows_each; ++r) lines.push_back(sample * rows_each + r);
    }
    return lines;
}

/// A row of the fit: an entry of each component, component(k), and OTHER's.
template <class Component>
void fill_line(const FitColumns& columns, const Component& component, bool on_diagonal, double other,
               double weight, std::vector<double>& line) {
    for (Index k = 0; k < columns.components; ++k) line[at(k)] = weight * component(k);
    line[at(columns.identity())] = on_diagonal ? weight : 0;
    line[at(columns.constant())] = weight;
    line[at(columns.other())] = weight * other;
}

/// K_ii of every row, from the kernels of each sample with itself: (M), or (M, C, C).
std::vector<double> read_row_diagonal(const KernelFile& kernel) {
    const Matrix<double> blocks = read_diagonal(kernel);
    const Index C = kernel.shape.total().rows_each;
    std::vector<double> diagonal;
    for (Index sample = 0; sample < blocks.rows(); ++sample) {
        for (Index r = 0; r < C; ++r) diagonal.push_back(blocks(sample, r * C + r));
    }
    return diagonal;
}

/// "(6, 3, 3, 3)" as numbers.
std::vector<Index> shape_in(const std::string& text) {
    std::vector<Index> shape;
    for (const char* p = text.c_str(); *p != '\0';) {
        char* end = nullptr;
        const long long length = std::strtoll(p, &end, 10);
        if (end != p) shape.push_back(length);
        p = end != p ? end : p + 1;
    }
    return shape;
}

}  // namespace

KernelFacts read_facts(const KernelFile& kernel) {
    const h5::Handle file = open_kernel_file(kernel.path);
    KernelFacts facts;
    facts.samples = kernel.samples;
    facts.test_samples = kernel.test_samples;
    facts.outputs = kernel.outputs_that_count();
    facts.reduction = kernel.reduction;
    facts.logit = kernel.logit;
    facts.parameters = h5::read_integer_attribute(h5::open_group(file, "/"), "n_parameters");
    for (const std::size_t m : fitted_matrices(kernel.shape)) {
        const StoredMatrix& matrix = kernel.shape.matrices[m];
        ComponentFacts component;
        component.name = matrix.name;
        const h5::Handle dataset = h5::open_dataset(file, matrix.path);
        if (matrix.is_component() && h5::has_attribute(dataset, "is_bias"))
            component = facts_of_tensor(matrix.name, shape_in(h5::read_text_attribute(dataset, "shape")),
                                        h5::read_integer_attribute(dataset, "is_bias") != 0);
        if (matrix.is_component() && h5::has_attribute(dataset, "fan_in")) {
            component.is_bias = h5::has_attribute(dataset, "bias_scale");
            component.fan_in = h5::read_integer_attribute(dataset, "fan_in");
            component.fan_out = h5::read_integer_attribute(dataset, "fan_out");
            component.scale =
                h5::read_real_attribute(dataset, component.is_bias ? "bias_scale" : "weight_scale");
            component.is_ntk = kernel.parameterization == "ntk";
        }
        facts.components.push_back(component);
    }
    return facts;
}

std::vector<Index> read_classes(const KernelFile& kernel, const std::string& dataset,
                                const std::vector<std::int64_t>& samples) {
    const h5::Handle file = open_kernel_file(kernel.path);
    if (!h5::exists(file, dataset)) return {};
    const std::vector<double> labels = h5::read_doubles(h5::open_dataset(file, dataset));
    std::vector<Index> classes;
    for (const std::int64_t sample : samples) {
        if (sample >= static_cast<Index>(labels.size())) return {};
        const double label = labels[at(sample)];
        if (!(label >= 0 && label < static_cast<double>(kernel.outputs)) || label != std::floor(label))
            return {};
        classes.push_back(static_cast<Index>(label));
    }
    return classes;
}

EntryScales read_scales(const ComparedFiles& files, const MatrixSums& sums) {
    if (files.kernel.shape.axes.symmetric) return {sums.diagonal, sums.diagonal};
    EntryScales scales;
    agree_on_root(files.world, [&] { scales.rows = read_row_diagonal(files.kernel); });
    scales.rows = mpi::broadcast(files.world, std::move(scales.rows));
    double all = 0;
    for (const double value : scales.rows) all += value;
    for (const double square : sums.columns.square) scales.columns.push_back(all > 0 ? square / all : 0);
    return scales;
}

FitProblem fit_problem(const ComparedFiles& files, const EntryScales& scales) {
    const mpi::Communicator& world = files.world;
    const Shape& shape = files.kernel.shape;
    const Index C = shape.total().rows_each;
    const std::vector<Index> rows = chosen_lines(shape.axes.row, C);
    const std::vector<Index> columns = chosen_lines(shape.axes.column, C);
    const std::vector<std::size_t> matrices = fitted_matrices(shape);
    const std::vector<double> row_weights = entry_weights(scales.rows);
    const std::vector<double> column_weights = entry_weights(scales.columns);
    const FitColumns fit_columns{static_cast<Index>(matrices.size())};
    RunningFactor factor(fit_columns.all());
    agree(world, [&] {
        std::vector<std::vector<double>> row_of(matrices.size() + 1,
                                                std::vector<double>(at(shape.columns(shape.total()))));
        std::vector<double> line(at(fit_columns.all()));
        for (std::size_t k = at(world.rank()); k < rows.size(); k += at(world.size())) {
            for (std::size_t m = 0; m < matrices.size(); ++m)
                read_row(files.file, shape, matrices[m], rows[k], row_of[m]);
            std::vector<double>& theirs = row_of.back();
            files.read_theirs(rows[k], theirs);
            for (const Index column : columns) {
                if (is_absent(theirs[at(column)])) continue;
                fill_line(
                    fit_columns, [&](Index m) { return row_of[at(m)][at(column)]; },
                    shape.axes.symmetric && column == rows[k], theirs[at(column)],
                    row_weights[at(rows[k])] * column_weights[at(column)], line);
                factor.add_row(line);
            }
        }
    });
    // Of a diagonal over outputs a row has one entry a sample.
    const auto entries = static_cast<double>(rows.size()) * static_cast<double>(columns.size()) /
                         static_cast<double>(files.other.has_all_entries() ? 1 : C);
    return {factor.of_all(world), entries, shape.axes.symmetric ? entries / 2 : entries,
            std::max(rounding_unit(shape.precision), files.other.rounding_unit())};
}

FitProblem fit_problem(const mpi::Communicator& self, const std::vector<Matrix<double>>& components,
                       const Matrix<double>& other, const EntryScales& scales, bool symmetric,
                       double rounding) {
    const std::vector<double> row_weights = entry_weights(scales.rows);
    const std::vector<double> column_weights = entry_weights(scales.columns);
    const FitColumns columns{static_cast<Index>(components.size())};
    RunningFactor factor(columns.all());
    std::vector<double> line(at(columns.all()));
    for (Index i = 0; i < other.rows(); ++i) {
        for (Index j = 0; j < other.cols(); ++j) {
            fill_line(
                columns, [&](Index k) { return components[at(k)](i, j); }, symmetric && i == j, other(i, j),
                row_weights[at(i)] * column_weights[at(j)], line);
            factor.add_row(line);
        }
    }
    const auto entries = static_cast<double>(other.size());
    return {factor.of_all(self), entries, symmetric ? entries / 2 : entries, rounding};
}

}  // namespace tangram
