#include "tangram/output/outputs_check.hpp"

#include "error_measures.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

/// What outputs computed elsewhere in float32 can agree to.
constexpr double float32_outputs_tolerance = 1e-4;

std::int64_t predicted_class(ConstMatrixView<double> outputs, Index i) {
    const double* row = outputs.row(i);
    if (outputs.cols == 1) return row[0] > 0 ? 1 : 0;
    return std::max_element(row, row + outputs.cols) - row;
}

}  // namespace

void check_expected_outputs(const mpi::Communicator& comm, const ExpectedOutputs& expected,
                            ConstMatrixView<double> outputs, CheckReport& report) {
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
    report.outputs_error = relative_to(largest, difference);
    report.outputs_tolerance =
        is_narrow ? std::max(report.tolerance, float32_outputs_tolerance) : report.tolerance;
}

void check_labels(const mpi::Communicator& comm, const Labels& labels, Index first, Index count,
                  ConstMatrixView<double> outputs, CheckReport& report) {
    if (!labels.integers) return;
    Index right = 0;
    for (Index i = 0; i < outputs.rows; ++i) {
        if (predicted_class(outputs, i) == static_cast<std::int64_t>(labels.values[at(first + i)])) ++right;
    }
    report.accuracy = static_cast<double>(mpi::sum(comm, right)) / static_cast<double>(count);
}

}  // namespace tangram
