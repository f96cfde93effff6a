#pragma once
// All that a regression gives, as a value: what the file, the table and the CSV file say.

#include "tangram/regression/fits.hpp"
#include "tangram/regression/left_out_check.hpp"
#include "tangram/regression/same_network.hpp"
#include "tangram/regression/targets.hpp"
#include "tangram/regression/test_kernel.hpp"

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace tangram {

/// Errors and accuracies of r fits on one set of samples; NaN where there is nothing to compare with.
struct SetScores {
    std::vector<double> error, accuracy;
};

struct FitScores {
    SetScores train, left_out, test;
};

struct TestSet {
    std::vector<std::int64_t> rows;  ///< (M): of the test input
    Matrix<double> prior;            ///< f0* (M, C)
    std::optional<TargetSet> targets;
    std::vector<bool> skip;  ///< that do not count in scores
    double network_accuracy = std::numeric_limits<double>::quiet_NaN();
};

struct RegressionChecks {
    double residual = 0;  ///< the largest of all ridges
    double residual_limit = 0;
    std::optional<LeftOutCheck> left_out;
    double left_out_limit = 0;
    double infinity_error = std::numeric_limits<
        double>::quiet_NaN();  ///< max |lambda (f - f0) - K R| / max |K R| at a large lambda
    double zero_error =
        std::numeric_limits<double>::quiet_NaN();  ///< what is left of R on modes above noise at lambda -> 0
    [[nodiscard]] std::string first_failure() const;  ///< "" where all passed
};

struct RegressionResult {
    RegressionProblem problem;
    TargetCode code;
    TargetSet train_targets;
    std::vector<std::int64_t> samples;  ///< (N): rows of the input
    std::optional<TestSet> test;
    Repeated repeated;

    std::vector<std::string> matrices;  ///< whose sum is the kernel: "ntk", or components
    double kernel_scale = 1;
    double prior_variance = 1;
    std::string reduction_text;
    std::string output_operator;
    double storage_noise = 0;
    double mean_diagonal = 0;
    double largest_eigenvalue = std::numeric_limits<double>::quiet_NaN();
    double smallest_eigenvalue = std::numeric_limits<double>::quiet_NaN();
    std::string method;
    double seconds = 0;
    double network_accuracy = std::numeric_limits<double>::quiet_NaN();

    bool is_automatic = false;  ///< the ridges are a grid
    Fits ridges;
    FitScores ridge_scores;
    std::optional<Index> best_left_out, best_gcv, best_likelihood;
    std::optional<Fits> flow;
    FitScores flow_scores;
    std::vector<double> given_times;  ///< in the units that they were given in
    std::string time_unit;            ///< what those are
    std::optional<Attribution> attribution;
    double attribution_ridge = 0;
    bool by_representer = false;
    RegressionChecks checks;
    std::vector<std::string> notes;
    Index planned_memory = 0;
    [[nodiscard]] Index samples_of_test() const { return test ? static_cast<Index>(test->rows.size()) : 0; }
};

/// Fills in errors, accuracies and the best ridges.
void add_comparisons(RegressionResult& result);

/// For people.
std::string to_table(const RegressionResult& result);

/// One line a ridge and a time, with a line of names first.
std::string to_csv(const RegressionResult& result);

}  // namespace tangram
