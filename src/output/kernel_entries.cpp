#include "tangram/output/kernel_entries.hpp"

#include "tangram/support/agreement.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tangram {

namespace {

/// As many rows are chosen where there are more.
constexpr Index most_rows = 1000;
constexpr std::uint64_t choice_seed = 1;
/// Samples whose K_ii is a smaller part of the largest one count as if it were this.
constexpr double smallest_weight = 1e-3;

/// 1 / sqrt(K_ii)
std::vector<double> entry_weights(const std::vector<double>& diagonal) {
    const double largest = *std::max_element(diagonal.begin(), diagonal.end());
    std::vector<double> weights;
    for (const double value : diagonal) {
        const double size = std::max(value, smallest_weight * largest);
        weights.push_back(size > 0 ? 1 / std::sqrt(size) : 1);
    }
    return weights;
}

/// The columns of the fit: stored components, or the kernel itself.
std::vector<std::size_t> fitted_matrices(const KernelShape& shape) {
    std::vector<std::size_t> matrices;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        if (shape.matrices[m].is_component()) matrices.push_back(m);
    }
    if (matrices.empty()) matrices.push_back(shape.matrices.size() - 1);
    return matrices;
}

}  // namespace

KernelFacts read_facts(const KernelFile& kernel) {
    const h5::Handle file = open_kernel_file(kernel.path);
    KernelFacts facts;
    facts.samples = kernel.shape.panels.samples;
    facts.outputs = kernel.shape.outputs;
    facts.reduction = kernel.reduction;
    facts.logit = kernel.logit;
    facts.parameters = h5::read_integer_attribute(h5::open_group(file, "/"), "n_parameters");
    for (const std::size_t m : fitted_matrices(kernel.shape)) {
        const KernelMatrix& matrix = kernel.shape.matrices[m];
        ComponentFacts component;
        component.name = matrix.name;
        if (matrix.is_component()) {
            const h5::Handle dataset = h5::open_dataset(file, matrix.path);
            component.is_bias = matrix.kind == MatrixKind::bias_component;
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

std::vector<Index> choose_samples(Index samples, Index wanted, std::uint64_t seed) {
    std::vector<Index> chosen(at(samples));
    std::iota(chosen.begin(), chosen.end(), Index{0});
    if (wanted >= samples) return chosen;
    const std::uint64_t key = stream_key(seed, 0);
    std::sort(chosen.begin(), chosen.end(), [&](Index a, Index b) {
        return splitmix64(key + static_cast<std::uint64_t>(a)) <
               splitmix64(key + static_cast<std::uint64_t>(b));
    });
    chosen.resize(at(std::max<Index>(wanted, 1)));
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

void read_row(const TileFile& file, const KernelShape& shape, std::size_t m, Index row,
              std::vector<double>& out) {
    const Index n = shape.rows(shape.matrices[m]);
    const Index side = shape.tile_rows(shape.matrices[m]);
    out.resize(at(n));
    for (Index first = 0; first < n; first += side) {
        const Index width = std::min(side, n - first);
        file.read_entries(m, row, first, {out.data() + first, 1, width, width});
    }
}

FitProblem fit_problem(const mpi::Communicator& world, const KernelFile& kernel, const TileFile& file,
                       const OtherKernel& other, const std::vector<double>& diagonal) {
    const KernelShape& shape = kernel.shape;
    const Index C = shape.matrices.back().rows_per_sample;
    const std::vector<Index> samples =
        choose_samples(shape.panels.samples, std::max<Index>(1, most_rows / C), choice_seed);
    std::vector<Index> rows;
    for (const Index sample : samples) {
        for (Index r = 0; r < C; ++r) rows.push_back(sample * C + r);
    }
    const std::vector<std::size_t> matrices = fitted_matrices(shape);
    const std::vector<double> weights = entry_weights(diagonal);
    const auto columns = static_cast<Index>(matrices.size()) + 2;  // components, constant, OTHER
    RunningFactor factor(columns);
    agree(world, [&] {
        std::vector<std::vector<double>> row_of(matrices.size() + 1,
                                                std::vector<double>(at(shape.rows(shape.matrices.back()))));
        std::vector<double> line(at(columns));
        for (std::size_t k = at(world.rank()); k < rows.size(); k += at(world.size())) {
            for (std::size_t m = 0; m < matrices.size(); ++m)
                read_row(file, shape, matrices[m], rows[k], row_of[m]);
            std::vector<double>& theirs = row_of.back();
            const auto n = static_cast<Index>(theirs.size());
            other.read(rows[k], 0, {theirs.data(), 1, n, n});
            for (const Index column : rows) {
                const double weight = weights[at(rows[k])] * weights[at(column)];
                for (std::size_t m = 0; m < matrices.size(); ++m) line[m] = weight * row_of[m][at(column)];
                line[matrices.size()] = weight;
                line.back() = weight * theirs[at(column)];
                factor.add_row(line);
            }
        }
    });
    const auto count = static_cast<double>(rows.size());
    return {factor.of_all(world), count * count,
            std::max(rounding_unit(shape.precision), other.rounding_unit())};
}

FitProblem fit_problem(const mpi::Communicator& self, const std::vector<Matrix<double>>& components,
                       const Matrix<double>& other, double rounding) {
    const Index n = other.rows();
    std::vector<double> diagonal(at(n), 0);
    for (Index i = 0; i < n; ++i) {
        for (const Matrix<double>& K : components) diagonal[at(i)] += K(i, i);
    }
    const std::vector<double> weights = entry_weights(diagonal);
    const std::size_t columns = components.size() + 2;
    RunningFactor factor(static_cast<Index>(columns));
    std::vector<double> line(columns);
    for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) {
            const double weight = weights[at(i)] * weights[at(j)];
            for (std::size_t k = 0; k < components.size(); ++k) line[k] = weight * components[k](i, j);
            line[columns - 2] = weight;
            line[columns - 1] = weight * other(i, j);
            factor.add_row(line);
        }
    }
    return {factor.of_all(self), static_cast<double>(n) * static_cast<double>(n), rounding};
}

}  // namespace tangram
