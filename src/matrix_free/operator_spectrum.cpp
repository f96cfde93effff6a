#include "tangram/matrix_free/operator_spectrum.hpp"

#include "tangram/file/derived_file.hpp"
#include "tangram/support/blas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace tangram {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The same columns, or rows, in the opposite order: files have eigenvalues ascending.
std::vector<double> reversed(std::vector<double> values) {
    std::reverse(values.begin(), values.end());
    return values;
}

Matrix<double> with_rows_reversed(const Matrix<double>& matrix) {
    Matrix<double> other(matrix.rows(), matrix.cols());
    for (Index i = 0; i < matrix.rows(); ++i)
        std::copy_n(matrix.view().row(matrix.rows() - 1 - i), matrix.cols(), other.view().row(i));
    return other;
}

Matrix<double> with_columns_reversed(const Matrix<double>& matrix) {
    Matrix<double> other(matrix.rows(), matrix.cols());
    for (Index i = 0; i < matrix.rows(); ++i) {
        for (Index j = 0; j < matrix.cols(); ++j) other(i, j) = matrix(i, matrix.cols() - 1 - j);
    }
    return other;
}

void write(const h5::Handle& file, const std::string& path, const std::vector<double>& values) {
    h5::write_dataset(file, path, std::span<const double>(values),
                      std::array<Index, 1>{static_cast<Index>(values.size())});
}

void write(const h5::Handle& file, const std::string& path, const Matrix<double>& matrix) {
    h5::write_dataset(file, path, std::span<const double>(matrix.data(), at(matrix.size())),
                      std::array<Index, 2>{matrix.rows(), matrix.cols()});
}

double effective_rank(const OperatorSpectrum& spectrum) {
    return spectrum.estimates ? spectrum.trace * spectrum.trace / spectrum.estimates->squared_norm.mean : nan;
}

void write_pairs(const h5::Handle& file, const OperatorSpectrum& s) {
    if (s.values.empty()) return;
    const h5::Handle group = h5::create_group(file, "/spectrum/ntk");
    write(file, "/spectrum/ntk/eigenvalues", reversed(s.values));
    write(file, "/spectrum/ntk/residuals", reversed(s.residuals));
    write(file, "/spectrum/ntk/eigenvectors", with_columns_reversed(s.vectors));
    h5::write_attribute(group, "place", Index{0});
    h5::write_attribute(group, "solver", std::string("SLEPc Krylov-Schur"));
    h5::write_attribute(group, "seconds", s.seconds);
    h5::write_attribute(group, "n", s.extent);
    h5::write_attribute(group, "trace", s.trace);
    h5::write_attribute(group, "stable_rank", s.values.front() > 0 ? s.trace / s.values.front() : 0.0);
    h5::write_attribute(group, "residual", *std::max_element(s.residuals.begin(), s.residuals.end()));
    h5::write_attribute(group, "orthogonality", s.orthogonality);
    h5::write_attribute(group, "products", s.products);
    if (s.targets_text.empty()) return;
    write(file, "/spectrum/ntk/projections", with_rows_reversed(s.projections));
    write(file, "/spectrum/ntk/cumulative_power", with_rows_reversed(s.cumulative_power));
}

void write_estimates(const h5::Handle& file, const OperatorSpectrum& s) {
    if (!s.estimates) return;
    const Estimates& found = *s.estimates;
    const h5::Handle group = h5::create_group(file, "/estimates");
    h5::write_attribute(group, "vectors", found.vectors);
    h5::write_attribute(group, "steps", found.steps);
    h5::write_attribute(group, "seed", static_cast<Index>(s.seed));
    h5::write_attribute(group, "squared_norm", found.squared_norm.mean);
    h5::write_attribute(group, "squared_norm_half_width", found.squared_norm.half_width);
    h5::write_attribute(group, "effective_rank", effective_rank(s));
    const auto column = [&](const std::string& name, auto part) {
        std::vector<double> values;
        for (const RidgeEstimate& one : found.ridges) values.push_back(part(one));
        write(file, "/estimates/" + name, values);
    };
    column("ridge", [](const RidgeEstimate& one) { return one.ridge; });
    column("degrees_of_freedom", [](const RidgeEstimate& one) { return one.degrees_of_freedom.mean; });
    column("degrees_of_freedom_half_width",
           [](const RidgeEstimate& one) { return one.degrees_of_freedom.half_width; });
    column("log_determinant", [](const RidgeEstimate& one) { return one.log_determinant.mean; });
    column("log_determinant_half_width",
           [](const RidgeEstimate& one) { return one.log_determinant.half_width; });
}

void write_density(const h5::Handle& file, const OperatorSpectrum& s) {
    if (!s.writes_density || !s.estimates) return;
    const auto& all = s.estimates->quadratures;
    const auto M = static_cast<Index>(all.size());
    Matrix<double> nodes(M, s.estimates->steps), weights(M, s.estimates->steps);
    for (Index k = 0; k < M; ++k) {
        const Quadrature& one = all[at(k)];
        for (Index j = 0; j < nodes.cols(); ++j) {
            const bool is_there = j < static_cast<Index>(one.nodes.size());
            nodes(k, j) = is_there ? one.nodes[at(j)] : nan;
            weights(k, j) = is_there ? one.weights[at(j)] : nan;
        }
    }
    h5::create_group(file, "/density");
    write(file, "/density/nodes", nodes);
    write(file, "/density/weights", weights);
}

std::string with_interval(const Estimate& estimate) {
    return std::isnan(estimate.half_width)
               ? fmt::format("{:.6g}", estimate.mean)
               : fmt::format("{:.6g} +- {:.2g}", estimate.mean, estimate.half_width);
}

}  // namespace

void project(OperatorSpectrum& spectrum, const Matrix<double>& T) {
    const auto K = static_cast<Index>(spectrum.values.size());
    spectrum.projections = Matrix<double>(K, T.cols());
    spectrum.cumulative_power = Matrix<double>(K, T.cols());
    if (K > 0)
        blas::gemm(blas::Op::transpose, blas::Op::none, 1.0, std::as_const(spectrum.vectors).view(), T.view(),
                   0.0, spectrum.projections.view());
    for (Index c = 0; c < T.cols(); ++c) {
        double total = 0;
        for (Index i = 0; i < T.rows(); ++i) total += T(i, c) * T(i, c);
        double sum = 0;
        for (Index k = 0; k < K; ++k) {
            sum += spectrum.projections(k, c) * spectrum.projections(k, c);
            spectrum.cumulative_power(k, c) = total > 0 ? sum / total : nan;
        }
    }
}

void write_operator_spectrum(const std::string& path, const KernelFile& described,
                             const Provenance& provenance, const OperatorSpectrum& spectrum) {
    h5::Handle file = create_derived_file(path, "tangram spectrum", described, provenance);
    write_attributes(h5::open_group(file, "/"), {{"matrix_free", Index{1}},
                                                 {"trace", spectrum.trace},
                                                 {"n_samples", described.samples},
                                                 {"reduction", described.reduction_text},
                                                 {"targets_projected", spectrum.targets_text}});
    h5::write_attribute(h5::open_group(file, "/provenance"), "inputs", inputs_as_json(provenance.inputs));
    write_pairs(file, spectrum);
    write_estimates(file, spectrum);
    write_density(file, spectrum);
    file.close(path);
}

std::string to_table(const OperatorSpectrum& s) {
    std::string table = fmt::format("trace       {:.10g}, exact, of {} x {}\n", s.trace, s.extent, s.extent);
    if (!s.values.empty()) {
        table += fmt::format("\n{:>6}  {:>14}  {:>12}  {:>9}{}\n", "number", "eigenvalue", "of the trace",
                             "residual", s.targets_text.empty() ? "" : "  explained of the targets");
        double sum = 0;
        for (std::size_t k = 0; k < s.values.size(); ++k) {
            sum += s.values[k];
            table += fmt::format("{:>6}  {:>14.8e}  {:>10.3f} %  {:>9.1e}", k + 1, s.values[k],
                                 s.trace > 0 ? 100 * sum / s.trace : nan, s.residuals[k]);
            if (!s.targets_text.empty()) {
                double mean = 0;
                const Index C = s.cumulative_power.cols();
                for (Index c = 0; c < C; ++c)
                    mean += s.cumulative_power(static_cast<Index>(k), c) / static_cast<double>(C);
                table += fmt::format("  {:>21.3f} %", 100 * mean);
            }
            table += "\n";
        }
        table += fmt::format(
            "\nSLEPc Krylov-Schur: {} products of K with a vector in {:.2f} s; orthogonality {:.1e}\n",
            s.products, s.seconds, s.orthogonality);
    }
    if (!s.targets_text.empty()) table += fmt::format("targets are projected {}\n", s.targets_text);
    if (!s.estimates) return table;
    table += fmt::format(
        "\nestimates of {} random vectors, {} steps each, with 95 % intervals\nsquared Frobenius norm  {}\neffective rank          {:.4g}\n",
        s.estimates->vectors, s.estimates->steps, with_interval(s.estimates->squared_norm),
        effective_rank(s));
    if (s.estimates->ridges.empty()) return table;
    table += fmt::format("{:>12}  {:>26}  {:>26}\n", "ridge", "degrees of freedom", "log det (K + ridge)");
    for (const RidgeEstimate& one : s.estimates->ridges)
        table += fmt::format("{:>12.4e}  {:>26}  {:>26}\n", one.ridge, with_interval(one.degrees_of_freedom),
                             with_interval(one.log_determinant));
    return table;
}

}  // namespace tangram
