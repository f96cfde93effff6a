// The blocks of one step between two panels, against sums written out:
//
//   H[i r, j s] = S_ir . S_js      K[W] = a^2 G o H      K[B] = b^2 H

#include "tangram/tangent/forms.hpp"

#include "random_networks.hpp"
#include "worst.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

using namespace tangram;
using namespace tangram::test;

namespace {

constexpr Index d_in = 5, d_out = 3;
constexpr double a2 = 1.7, b2 = 0.4;

/// d_in -> d_out, linear: its one step's sensitivity is the constant c E, c = 0.8 by random_chain()'s scale.
Network one_layer() {
    return random_network({d_in, d_out}, {"identity"}, {true}, 71);
}
constexpr double constant_c = 0.8;

struct Case {
    Form form = Form::outer;
    bool full = false;      ///< R' = R = d_out; otherwise R' = 1 of trace
    bool constant = false;  ///< the sensitivity
    bool diagonal = false;
    Index n = 4, m = 6;  ///< samples of the two panels
    double x_size = 1;
};

std::vector<Case> all_cases() {
    std::vector<Case> all;
    for (const Form form : {Form::outer, Form::plain}) {
        for (const bool full : {false, true}) {
            for (const bool constant : {false, true}) {
                for (const auto& [n, m] : {std::pair<Index, Index>{1, 1}, {2, 1}, {4, 6}, {17, 9}}) {
                    all.push_back({form, full, constant, false, n, m});
                    if (n > 1) all.push_back({form, full, constant, true, n, n});
                }
            }
        }
    }
    return all;
}

/// Numbers that float32 has too, so that both precisions start from the same.
template <class T>
Matrix<T> random_matrix(Index rows, Index cols, std::uint64_t seed, double size = 1) {
    const Matrix<double> wide = random_samples(rows, cols, seed);
    Matrix<T> narrow(rows, cols);
    for (Index k = 0; k < wide.size(); ++k)
        narrow.data()[k] = static_cast<T>(size * static_cast<double>(static_cast<float>(wide.data()[k])));
    return narrow;
}

/// The step of a case on two panels.
template <class T>
struct Panels {
    explicit Panels(const Case& which) : c(which), reduction(make_reduction(kind(c), d_out)) {
        const Index width = c.full ? d_out : d_out * d_out;
        const Index rows = c.full ? d_out : 1;
        X = random_matrix<T>(c.n, d_in, 72, c.x_size);
        Y = c.diagonal ? random_matrix<T>(c.n, d_in, 72, c.x_size)
                       : random_matrix<T>(c.m, d_in, 73, c.x_size);
        S = random_matrix<T>(c.n * rows, width, 74);
        Q = c.diagonal ? random_matrix<T>(c.n * rows, width, 74) : random_matrix<T>(c.m * rows, width, 75);
        prepared.step.form = c.form;
        if (c.form == Form::outer) {
            prepared.step.tensors.push_back({0, std::sqrt(a2), false});
            prepared.factors.push_back(a2);
        }
        prepared.step.tensors.push_back({1, std::sqrt(b2), true});
        prepared.factors.push_back(b2);
        prepared.constant = c.constant;
        if (c.constant) prepared.constant_H = constant_gram(reduction, constant_c);
    }
    static ReductionKind kind(const Case& c) { return c.full ? ReductionKind::full : ReductionKind::trace; }
    [[nodiscard]] StepTile<T> tile() const {
        const Index R = c.full ? d_out : 1;
        const ConstMatrixView<T> none{};
        const auto second = [&](const Matrix<T>& own, const Matrix<T>& other) {
            return c.diagonal ? own.view() : other.view();
        };
        return {prepared,
                X.view(),
                second(X, Y),
                c.constant ? none : S.view(),
                c.constant ? none : second(S, Q),
                c.n * R,
                c.m * R,
                c.diagonal,
                c.full};
    }
    /// Entry (p, q) of H and of G o H.
    [[nodiscard]] double H(Index p, Index q) const {
        if (c.constant) return constant_c * constant_c * (c.full ? (p % d_out == q % d_out ? 1 : 0) : d_out);
        double sum = 0;
        for (Index k = 0; k < S.cols(); ++k)
            sum += static_cast<double>(S(p, k)) * static_cast<double>(Q(q, k));
        return sum;
    }
    [[nodiscard]] double GH(Index p, Index q) const {
        const Index R = c.full ? d_out : 1;
        double sum = 0;
        for (Index k = 0; k < d_in; ++k)
            sum += static_cast<double>(X(p / R, k)) * static_cast<double>(Y(q / R, k));
        return sum * H(p, q);
    }
    Case c;
    Reduction reduction;
    Network network = one_layer();
    Matrix<T> X, Y, S, Q;
    PreparedStep prepared;
};

/// The largest error of any block of the case, in units of the largest entry.
template <class T>
double worst_block(const Case& c) {
    const Panels<T> panels(c);
    const GramScratch<T> scratch(c.n + 2, c.m + 3, panels.network, panels.reduction);
    const StepTile<T> tile = panels.tile();
    const TileRoutines<T>& routines = tile_routines_of<T>(c.form);
    const StepGrams<T> grams = routines.prepare(tile, scratch);
    double worst = 0;
    double largest = 0;
    const auto compare = [&](const Matrix<T>& block, const auto& expected) {
        for (Index p = 0; p < block.rows(); ++p) {
            for (Index q = 0; q < block.cols(); ++q) {
                const double error = std::abs(static_cast<double>(block(p, q)) - expected(p, q));
                keep_worst(worst, error);
                largest = std::max(largest, std::abs(expected(p, q)));
                if (c.diagonal && block(p, q) != block(q, p)) worst = std::numeric_limits<double>::infinity();
            }
        }
    };
    const auto weight = [&](Index p, Index q) { return a2 * panels.GH(p, q); };
    const auto bias = [&](Index p, Index q) { return b2 * panels.H(p, q); };
    const auto both = [&](Index p, Index q) {
        return bias(p, q) + (c.form == Form::outer ? weight(p, q) : 0.0);
    };
    Matrix<T> block = random_matrix<T>(tile.rows, tile.cols, 76);  // what was there must not matter
    CHECK(routines.add(grams, Start::zero, block.view()));
    compare(block, both);
    CHECK(routines.add(grams, Start::out, block.view()));
    compare(block, [&](Index p, Index q) { return 2 * both(p, q); });
    std::size_t which = 0;
    if (c.form == Form::outer) {
        routines.fill(grams, which++, block.view());
        compare(block, weight);
    }
    routines.fill(grams, which, block.view());
    compare(block, bias);
    return worst / largest;
}

}  // namespace

TEST_CASE(
    "both forms' blocks are the sums of products, full or not, constant or not, on the diagonal or not") {
    for (const Case& c : all_cases()) {
        CAPTURE(facts_of(c.form).name);
        CAPTURE(c.full);
        CAPTURE(c.constant);
        CAPTURE(c.diagonal);
        CAPTURE(c.n);
        CHECK(worst_block<double>(c) < 1e-15);
        CHECK(worst_block<float>(c) < 1e-6);
    }
}

TEST_CASE("the blocks of very small and very large inputs are finite and right, and an overflow is told") {
    for (const bool full : {false, true}) {
        for (const bool constant : {false, true}) {
            CAPTURE(full);
            CAPTURE(constant);
            CHECK(worst_block<double>({Form::outer, full, constant, false, 4, 6, 1e-160}) < 1e-15);
            CHECK(worst_block<double>({Form::outer, full, constant, false, 4, 6, 1e150}) < 1e-15);
            const Case beyond{Form::outer, full, constant, false, 4, 6, 1e160};
            const Panels<double> panels(beyond);
            const GramScratch<double> scratch(4, 6, panels.network, panels.reduction);
            const StepTile<double> tile = panels.tile();
            Matrix<double> total(tile.rows, tile.cols);
            const auto& routines = tile_routines_of<double>(Form::outer);
            CHECK_FALSE(routines.add(routines.prepare(tile, scratch), Start::zero, total.view()));
        }
    }
}

TEST_CASE("the scratch takes the bytes that plans count") {
    for (const ReductionKind kind : {ReductionKind::trace, ReductionKind::full}) {
        const Network network = random_residual(4, 5, 77);
        const Reduction reduction = make_reduction(kind, 3);
        // G, H and, for full, one block for each step whose sensitivity is constant: the head alone.
        const Index R = reduction.rows_per_sample();
        const Index line = 8;
        const Index G = 11 * (13 + line), H = 11 * R * (13 * R + line);
        CHECK(gram_scratch_bytes(11, 13, network, reduction, 8) ==
              8 * (G + (kind == ReductionKind::full ? 2 : 1) * H));
    }
}
