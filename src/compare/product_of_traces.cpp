#include "product_of_traces.hpp"

#include "positions.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram::recomputing {

namespace {

/// s_p and x_p of a sample in one group, and the input without patches.
struct Factors {
    std::vector<Matrix<double>> S;  ///< [r] (T, d_out)
    Matrix<double> X;               ///< (T, d_in)
    std::vector<double> x;
};

double dot(const double* a, const double* b, Index n) {
    double sum = 0;
    for (Index k = 0; k < n; ++k) sum += a[k] * b[k];
    return sum;
}

double of_same_position(const Matrix<double>& A, const Matrix<double>& B) {
    return dot(A.data(), B.data(), A.size());
}

std::vector<double> sum_over_positions(const Matrix<double>& A) {
    std::vector<double> sum(at(A.cols()), 0);
    for (Index p = 0; p < A.rows(); ++p) {
        for (Index k = 0; k < A.cols(); ++k) sum[at(k)] += A(p, k);
    }
    return sum;
}

double of_sums(const Matrix<double>& A, const Matrix<double>& B) {
    return dot(sum_over_positions(A).data(), sum_over_positions(B).data(), A.cols());
}

/// Of two samples, for rows r and s.
using Formula = double (*)(const Factors& a, const Factors& b, std::size_t r, std::size_t s);

double traces(const Factors& a, const Factors& b, std::size_t r, std::size_t s) {
    return of_same_position(a.S[r], b.S[s]) * of_same_position(a.X, b.X);
}

double traces_of_input(const Factors& a, const Factors& b, std::size_t r, std::size_t s) {
    return of_same_position(a.S[r], b.S[s]) * dot(a.x.data(), b.x.data(), static_cast<Index>(a.x.size()));
}

double sums(const Factors& a, const Factors& b, std::size_t r, std::size_t s) {
    return of_sums(a.S[r], b.S[s]) * of_sums(a.X, b.X);
}

double same_position(const Factors& a, const Factors& b, std::size_t r, std::size_t s) {
    double sum = 0;
    for (Index p = 0; p < a.X.rows(); ++p) {
        sum += dot(a.S[r].view().row(p), b.S[s].view().row(p), a.S[r].cols()) *
               dot(a.X.view().row(p), b.X.view().row(p), a.X.cols());
    }
    return sum;
}

struct Named {
    const char* words;
    Formula formula;
};

/// A new one is a function and a line here.
constexpr std::array formulas{
    Named{
        "product of traces: of weights that are used at several positions it has (sum_p s_p . s'_p)(sum_p x_p . x'_p), "
        "not the sum over all pairs of positions",
        traces},
    Named{
        "product of traces: of weights that are used at several positions it has (sum_p s_p . s'_p)(x . x') with the whole "
        "input x, not the sum over all pairs of positions",
        traces_of_input},
    Named{
        "product of sums: of weights that are used at several positions it has (sum_p s_p . sum_q s'_q)(sum_p x_p . sum_q "
        "x'_q), not the sum over all pairs of positions",
        sums},
    Named{
        "one weight, not shared: each position counts as having a weight of its own, sum_p (s_p . s'_p)(x_p . x'_p), without "
        "the products of different positions",
        same_position},
};

constexpr std::array powers{0, 1, 2, 4};
constexpr std::array power_words{"", "; means over positions in one of the factors, 1/T",
                                 "; means over positions in both factors, 1/T^2",
                                 "; means over positions everywhere, 1/T^4"};
constexpr std::array bias_words{"", "; biases position by position, too"};

/// K += of the factors of two lists of samples, by rows of the reduction.
template <class Entry>
void add_entries(const Reduction& reduction, Index rows, Index columns, const Entry& entry,
                 Matrix<double>& K) {
    const Index R = reduction.sensitivities();
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
            for (Index r = 0; r < R; ++r) {
                for (Index s = 0; s < R; ++s) {
                    if (!reduction.is_full() && r != s) continue;
                    double& sum = reduction.is_full() ? K(i * R + r, j * R + s) : K(i, j);
                    sum += reduction.factor() * entry(at(i), at(j), at(r), at(s));
                }
            }
        }
    }
}

std::vector<Factors> factors_of(const Network& network, const Reduction& reduction, const WeightUse& use,
                                Index group, const std::vector<SampleGradient>& samples) {
    std::vector<Factors> factors;
    for (const SampleGradient& sample : samples)
        factors.push_back({sensitivities_at(network, use, reduction, sample, group),
                           inputs_at(network, use, sample, group), plain_input(network, use, sample, group)});
    return factors;
}

/// Of two lists of samples.
struct Samples {
    const Network& network;
    const Reduction& reduction;
    const std::vector<SampleGradient>&rows, &columns;
};

void add_use(const Samples& of, const WeightUse& use, Formula formula, int power, Matrix<double>& K) {
    const double scale = std::pow(static_cast<double>(use.positions), -power);
    for (Index group = 0; group < use.groups; ++group) {
        const std::vector<Factors> a = factors_of(of.network, of.reduction, use, group, of.rows);
        const std::vector<Factors> b = factors_of(of.network, of.reduction, use, group, of.columns);
        add_entries(
            of.reduction, static_cast<Index>(a.size()), static_cast<Index>(b.size()),
            [&](std::size_t i, std::size_t j, std::size_t r, std::size_t s) {
                return scale * formula(a[i], b[j], r, s);
            },
            K);
    }
}

/// sum_p s_p . s'_p of what a bias is added to.
void add_by_position(const Samples& of, Index value, Matrix<double>& K) {
    const auto factors = [&](const std::vector<SampleGradient>& samples) {
        std::vector<std::vector<std::vector<double>>> all;
        for (const SampleGradient& sample : samples) all.push_back(reduced(of.reduction, sample, value));
        return all;
    };
    const auto a = factors(of.rows), b = factors(of.columns);
    add_entries(
        of.reduction, static_cast<Index>(a.size()), static_cast<Index>(b.size()),
        [&](std::size_t i, std::size_t j, std::size_t r, std::size_t s) {
            return dot(a[i][r].data(), b[j][s].data(), static_cast<Index>(a[i][r].size()));
        },
        K);
}

bool is_at_positions(const std::vector<WeightUse>& uses) {
    return std::any_of(uses.begin(), uses.end(), [](const WeightUse& use) { return use.positions > 1; });
}

Matrix<double> copy_of(const Matrix<double>& K) {
    Matrix<double> copy(K.rows(), K.cols());
    std::copy_n(K.data(), K.size(), copy.data());
    return copy;
}

}  // namespace

bool has_positions(const Network& network) {
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
        if (is_at_positions(weight_uses(network, static_cast<Index>(t)))) return true;
    }
    return false;
}

std::size_t position_formulas() {
    return formulas.size() * powers.size() * bias_words.size();
}

PositionFormula position_formula(const Network& network, const Reduction& reduction,
                                 const std::vector<SampleGradient>& rows,
                                 const std::vector<SampleGradient>& columns,
                                 const std::vector<Matrix<double>>& right, std::size_t which) {
    const bool biases_too = which % bias_words.size() == 1;
    const std::size_t power = which / bias_words.size() % powers.size();
    const Named& named = formulas[which / bias_words.size() / powers.size()];
    const Samples of{network, reduction, rows, columns};
    PositionFormula result{std::string(named.words) + power_words[power] + bias_words[biases_too ? 1 : 0],
                           {}};
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
        const std::vector<WeightUse> uses = weight_uses(network, static_cast<Index>(t));
        const Index sum = biases_too ? added_at(network, static_cast<Index>(t)) : -1;
        Matrix<double> K = copy_of(right[t]);
        if (is_at_positions(uses) || sum >= 0) std::fill_n(K.data(), K.size(), 0.0);
        if (is_at_positions(uses)) {
            for (const WeightUse& use : uses) add_use(of, use, named.formula, powers[power], K);
        } else if (sum >= 0) {
            add_by_position(of, sum, K);
        }
        result.components.push_back(std::move(K));
    }
    return result;
}

}  // namespace tangram::recomputing
