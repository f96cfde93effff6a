#include "tangram/output/outputs_check.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

/// What outputs computed elsewhere in float32 can agree to.
constexpr double float32_outputs_tolerance = 1e-4;

void compare_with_expected(const mpi::Communicator& comm, const std::string& expected,
                           const SampleSelection& selection, Index first, ConstMatrixView<double> outputs,
                           CheckReport& report) {
    Matrix<double> theirs(outputs.rows, outputs.cols);
    bool narrow = false;
    if (outputs.rows > 0) narrow = read_expected_outputs(expected, selection, first, theirs.view());
    double difference = 0;
    double largest = 0;
    for (Index i = 0; i < outputs.rows; ++i) {
        for (Index j = 0; j < outputs.cols; ++j) {
            difference = std::max(difference, std::abs(outputs(i, j) - theirs(i, j)));
            largest = std::max(largest, std::abs(theirs(i, j)));
        }
    }
    difference = mpi::maximum(comm, difference);
    largest = mpi::maximum(comm, largest);
    narrow = mpi::maximum(comm, narrow ? 1.0 : 0.0) > 0;
    report.outputs_error = largest > 0 ? difference / largest : difference;
    report.outputs_tolerance =
        narrow ? std::max(report.tolerance, float32_outputs_tolerance) : report.tolerance;
}

std::int64_t predicted_class(ConstMatrixView<double> outputs, Index i) {
    const double* row = outputs.row(i);
    if (outputs.cols == 1) return row[0] > 0 ? 1 : 0;
    return std::max_element(row, row + outputs.cols) - row;
}

}  // namespace

void check_outputs(const mpi::Communicator& comm, const std::string& expected,
                   const SampleSelection& selection, const std::optional<Labels>& labels, Index first,
                   ConstMatrixView<double> outputs, CheckReport& report) {
    if (!expected.empty()) compare_with_expected(comm, expected, selection, first, outputs, report);
    if (!labels || !labels->integers) return;
    Index right = 0;
    for (Index i = 0; i < outputs.rows; ++i) {
        const auto label = static_cast<std::int64_t>(labels->values[static_cast<std::size_t>(first + i)]);
        if (predicted_class(outputs, i) == label) ++right;
    }
    right = mpi::sum(comm, right);
    report.accuracy = static_cast<double>(right) / static_cast<double>(selection.count());
}

}  // namespace tangram
