#include "tangram/compare/other_networks.hpp"

#include "few_gradients.hpp"
#include "product_of_traces.hpp"
#include "tangram/input/other_readings.hpp"
#include "tangram/support/agreement.hpp"

#include <fmt/format.h>

namespace tangram {

namespace {

using namespace recomputing;

/// What all hypotheses are held against.
struct Question {
    const SmallRun& few;
    const OtherKernel& other;
    const Reduction& reduction;
    const Matrix<double>& theirs;
    const mpi::Communicator& alone;
    double tolerance;
};

/// The components that OTHER would have, and those of the samples with themselves where rows and columns are not the same.
struct Hypothesis {
    std::string words;
    std::vector<Matrix<double>> components, of_rows, of_columns;
    KernelFacts facts;
};

EntryScales scales_of(const Hypothesis& hypothesis, bool symmetric) {
    if (symmetric) {
        const std::vector<double> diagonal = diagonal_of(sum_of(hypothesis.components));
        return {diagonal, diagonal};
    }
    return {diagonal_of(sum_of(hypothesis.of_rows)), diagonal_of(sum_of(hypothesis.of_columns))};
}

bool is_equal(const Question& question, const Hypothesis& hypothesis) {
    const Matrix<double> K = sum_of(hypothesis.components);
    return worst_of(question.theirs, K) <= question.tolerance * largest_of(K);
}

/// What has to be said of the components besides; "" if they do not explain OTHER.
std::string explained(const Question& question, const Hypothesis& hypothesis) {
    const bool symmetric = question.few.symmetric;
    const FitProblem problem =
        fit_problem(question.alone, hypothesis.components, question.theirs, scales_of(hypothesis, symmetric),
                    symmetric, question.other.rounding_unit());
    const Explanation found = explain(problem, hypothesis.facts, question.tolerance);
    return found.holds && !found.verdict.starts_with("residual") ? found.verdict : "";
}

/// The kernel of another network of the same samples.
Hypothesis as_network(const Question& question, const OtherReading& reading) {
    const Network& network = reading.network;
    const Gradients gradients = gradients_of(network, question.few);
    const auto components = [&](const auto& rows, const auto& columns) {
        return components_of(network, rows, columns, question.reduction);
    };
    Hypothesis hypothesis{reading.words,
                          components(gradients.rows, gradients.columns()),
                          {},
                          {},
                          facts_of(network, question.few, question.reduction)};
    if (question.few.symmetric) return hypothesis;
    hypothesis.of_rows = components(gradients.rows, gradients.rows);
    hypothesis.of_columns = components(gradients.columns(), gradients.columns());
    return hypothesis;
}

/// Calls try_it(hypothesis) of each network that the graph may be taken for, until it is true.
template <class Try>
bool any_other_reading(const Question& question, Try try_it) {
    for (std::size_t k = 0; k < other_readings(); ++k) {
        const auto reading = read_otherwise(*question.few.graph, question.few.graph_options, k);
        if (reading && try_it(as_network(question, *reading))) return true;
    }
    return false;
}

/// The same of each formula for weights at several positions.
template <class Try>
bool any_position_formula(const Question& question, Try try_it) {
    const Network& network = question.few.network;
    if (!has_positions(network)) return false;
    const Gradients gradients = gradients_of(network, question.few);
    const std::vector<SampleGradient>&rows = gradients.rows, &columns = gradients.columns();
    const KernelFacts facts = facts_of(network, question.few, question.reduction);
    struct Block {
        const std::vector<SampleGradient>&rows, &columns;
        std::vector<Matrix<double>> right;
    };
    std::vector<Block> blocks;
    blocks.push_back({rows, columns, {}});
    if (!question.few.symmetric) {
        blocks.push_back({rows, rows, {}});
        blocks.push_back({columns, columns, {}});
    }
    for (Block& block : blocks)
        block.right = components_of(network, block.rows, block.columns, question.reduction);
    for (std::size_t k = 0; k < position_formulas(); ++k) {
        std::vector<PositionFormula> found;
        for (const Block& block : blocks)
            found.push_back(
                position_formula(network, question.reduction, block.rows, block.columns, block.right, k));
        Hypothesis hypothesis{found[0].words, std::move(found[0].components), {}, {}, facts};
        if (!question.few.symmetric) {
            hypothesis.of_rows = std::move(found[1].components);
            hypothesis.of_columns = std::move(found[2].components);
        }
        if (try_it(std::move(hypothesis))) return true;
    }
    return false;
}

/// One that OTHER is equal to; else one whose components explain it, with the words for how.
std::string find_hypothesis(const Question& question) {
    const std::string on = fmt::format(" (on {})", question.few.samples_in_words());
    std::vector<Hypothesis> tried;
    const auto try_it = [&](Hypothesis hypothesis) {
        tried.push_back(std::move(hypothesis));
        return is_equal(question, tried.back());
    };
    if (any_other_reading(question, try_it) || any_position_formula(question, try_it))
        return tried.back().words + on;
    for (const Hypothesis& hypothesis : tried) {
        const std::string besides = explained(question, hypothesis);
        if (!besides.empty()) return fmt::format("{}; besides, {}{}", hypothesis.words, besides, on);
    }
    return "";
}

}  // namespace

std::string find_other_network(const mpi::Communicator& world, const SmallRun& few, const OtherKernel& other,
                               const std::string& reduction, Index logit, double tolerance) {
    std::string verdict;
    const mpi::Communicator alone = world.split(world.rank(), 0);
    agree_on_root(world, [&] {
        if (!few.graph) return;
        const Reduction wanted = reduction_of(reduction, few.network.outputs(), logit);
        const Matrix<double> theirs = entries_of(other, few, wanted.rows_per_sample());
        const Question question{few, other, wanted, theirs, alone, tolerance};
        verdict = find_hypothesis(question);
    });
    return mpi::broadcast(world, std::move(verdict));
}

}  // namespace tangram
