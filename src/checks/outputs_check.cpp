#include "tangram/checks/outputs_check.hpp"

#include "tangram/support/error_measures.hpp"
#include "tangram/support/sample_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace tangram {

namespace {

/// What outputs computed elsewhere in float32 can agree to.
constexpr double float32_outputs_tolerance = 1e-4;

std::int64_t predicted_class(ConstMatrixView<double> outputs, Index i) {
    const double* row = outputs.row(i);
    if (outputs.cols == 1) return row[0] > 0 ? 1 : 0;
    return std::max_element(row, row + outputs.cols) - row;
}

/// Collective. Rows `wanted` of all samples' values (n of them on this rank, from sample `first` on), on every rank.
Matrix<double> gather_rows(const mpi::Communicator& comm, ConstMatrixView<double> values, Index first,
                           const std::vector<std::int64_t>& wanted) {
    Matrix<double> rows(static_cast<Index>(wanted.size()), values.cols);
    for (Index k = 0; k < rows.rows(); ++k) {
        const Index own = wanted[at(k)] - first;
        if (own >= 0 && own < values.rows) std::copy_n(values.row(own), values.cols, rows.view().row(k));
    }
    mpi::sum(comm, {rows.data(), at(rows.size())});
    return rows;
}

/// Collective. max |g - f - b| / max |g| over all samples, b the middle of the differences of each output.
double error_beyond_constants(const mpi::Communicator& comm, ConstMatrixView<double> theirs,
                              ConstMatrixView<double> ours) {
    double worst = 0, size = 0;
    for (Index c = 0; c < ours.cols; ++c) {
        double high = -std::numeric_limits<double>::infinity(), minus_low = high;
        for (Index i = 0; i < ours.rows; ++i) {
            high = std::max(high, theirs(i, c) - ours(i, c));
            minus_low = std::max(minus_low, ours(i, c) - theirs(i, c));
            size = worse(size, std::abs(theirs(i, c)));
        }
        worst = worse(worst, (mpi::maximum(comm, high) + mpi::maximum(comm, minus_low)) / 2);
    }
    return relative_error_of(worst, mpi::maximum(comm, size));
}

/// How many samples every known activation is tried on: some seconds' worth.
Index few_samples(const Network& network) {
    constexpr double operations = 4e9;
    const double one =
        2.0 * static_cast<double>(2 * activation_names().size()) * static_cast<double>(network.parameters());
    return std::clamp<Index>(static_cast<Index>(operations / one), 2, 8);
}

}  // namespace

void check_expected_outputs(const mpi::Communicator& comm, const ExpectedOutputs& expected,
                            ConstMatrixView<double> outputs, double tolerance, OutputsFound& found) {
    double difference = 0;
    double largest = 0;
    for (Index i = 0; i < outputs.rows; ++i) {
        for (Index j = 0; j < outputs.cols; ++j) {
            difference = worse(difference, std::abs(outputs(i, j) - expected.values(i, j)));
            largest = worse(largest, std::abs(expected.values(i, j)));
        }
    }
    difference = mpi::maximum(comm, difference);
    largest = mpi::maximum(comm, largest);
    const bool is_narrow = mpi::maximum(comm, expected.is_narrow ? 1.0 : 0.0) > 0;
    found.error = relative_error_of(difference, largest);
    found.tolerance = is_narrow ? std::max(tolerance, float32_outputs_tolerance) : tolerance;
}

void explain_outputs(const mpi::Communicator& comm, const ExpectedOutputs& expected,
                     ConstMatrixView<double> outputs, const RankSamples& samples, const Network& network,
                     const ReadFewSamples& read_few, OutputsFound& found) {
    if (found.error <= found.tolerance) return;
    constexpr double float32_agreement = 1e-5;
    if (found.error <= float32_agreement) {
        found.relation.push_back(fmt::format(
            "your outputs agree with ours as numbers that were computed in float32, or from samples rounded to it: compute them in float64, or give --check-tolerance {:.0e}",
            10 * found.error));
        return;
    }
    const std::vector<std::int64_t> some = spread_check_samples(samples.count, 1000);
    const Matrix<double> ours = gather_rows(comm, outputs, samples.first, some);
    const Matrix<double> theirs = gather_rows(comm, expected.values.view(), samples.first, some);
    const double tolerance = std::max(found.tolerance, float32_agreement);
    const OutputsRelation relation = relate_outputs(ours.view(), theirs.view(), tolerance);
    found.relation = relation.lines;
    if (relation.differs_by_constants && relation.error_beyond <= found.tolerance) {
        found.error = error_beyond_constants(comm, expected.values.view(), outputs);
        found.relation.emplace_back("a constant does not change the kernel");
    }
    if (const std::optional<double> factor = relation.factor)
        found.relation.push_back(factor_option(network, *factor));
    if (!relation.lines.empty()) return;
    const std::vector<std::int64_t> few = spread_check_samples(samples.count, few_samples(network));
    const Matrix<double> X = read_few(few);
    const Matrix<double> theirs_few = gather_rows(comm, expected.values.view(), samples.first, few);
    const std::string activation = fitting_activation(network, X.view(), theirs_few.view(), tolerance);
    found.relation.push_back(
        !activation.empty()
            ? activation
            : "no factor, no constant, no other order of the samples and no other activation explains it: is it the same network, and the same samples?");
}

void check_labels(const mpi::Communicator& comm, const Labels& labels, Index first, Index count,
                  ConstMatrixView<double> outputs, OutputsFound& found) {
    if (!labels.integers) return;
    Index right = 0;
    for (Index i = 0; i < outputs.rows; ++i) {
        if (predicted_class(outputs, i) == static_cast<std::int64_t>(labels.values[at(first + i)])) ++right;
    }
    found.accuracy = static_cast<double>(mpi::sum(comm, right)) / static_cast<double>(count);
}

}  // namespace tangram
