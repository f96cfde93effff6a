#include "tangram/regression/result.hpp"

#include "tangram/support/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

SetScores scores_of(const Matrix<double>& fits, const RegressionResult& result, const TargetSet* targets,
                    const std::vector<bool>& skip) {
    SetScores scores;
    for (Index k = 0; k < fits.rows(); ++k) {
        if (targets == nullptr) {
            scores.error.push_back(nan);
            scores.accuracy.push_back(nan);
            continue;
        }
        const ConstMatrixView<double> f = fit_of(fits, k, result.problem.columns());
        scores.error.push_back(error_of(f, targets->values, skip));
        scores.accuracy.push_back(accuracy_of(f, *targets, result.code, skip));
    }
    return scores;
}

FitScores scores_of(const Fits& fits, const RegressionResult& result) {
    FitScores scores;
    scores.train = scores_of(fits.train, result, &result.train_targets, {});
    scores.left_out = scores_of(fits.left_out, result, &result.train_targets, {});
    if (result.test)
        scores.test = scores_of(fits.test, result, result.test->targets ? &*result.test->targets : nullptr,
                                result.test->skip);
    return scores;
}

double root_mean_square(const Matrix<double>& matrix) {
    double sum = 0;
    for (Index k = 0; k < matrix.size(); ++k) sum += matrix.data()[k] * matrix.data()[k];
    return std::sqrt(sum / static_cast<double>(std::max<Index>(1, matrix.size())));
}

std::string number(double value, const char* form = "{:.4g}") {
    return std::isnan(value) ? "-" : fmt::format(fmt::runtime(form), value);
}

struct Column {
    std::string title;
    std::vector<std::string> cells;
};

/// `shown`: which lines; empty for all.
std::string laid_out(const std::vector<Column>& columns, const std::vector<bool>& shown = {}) {
    std::string text;
    for (std::size_t line = 0; line <= columns.front().cells.size(); ++line) {
        if (line > 0 && !shown.empty() && !shown[line - 1]) continue;
        for (const Column& column : columns) {
            std::size_t width = column.title.size();
            for (const std::string& cell : column.cells) width = std::max(width, cell.size());
            text += fmt::format("{}{:>{}}", &column == &columns.front() ? "" : "  ",
                                line == 0 ? column.title : column.cells[line - 1], width);
        }
        text += "\n";
    }
    return text;
}

void add_column(std::vector<Column>& columns, const std::string& title, const std::vector<double>& values,
                const char* form = "{:.4g}") {
    if (std::all_of(values.begin(), values.end(), [](double value) { return std::isnan(value); })) return;
    Column column{title, {}};
    for (const double value : values) column.cells.push_back(number(value, form));
    columns.push_back(std::move(column));
}

void add_scores(std::vector<Column>& columns, const std::string& name, const SetScores& scores) {
    add_column(columns, name + " error", scores.error);
    add_column(columns, "accuracy", scores.accuracy, "{:.4f}");
}

std::string marks_of(const RegressionResult& result, Index k) {
    std::string marks;
    if (result.ridges.count() < 2) return marks;
    if (result.best_left_out == k) marks += " leave-one-out";
    if (result.best_gcv == k) marks += " GCV";
    if (result.best_likelihood == k) marks += " likelihood";
    return marks;
}

/// Of a long grid the ends, every fifth, and the best; the file and --csv have all.
std::vector<bool> shown_ridges(const RegressionResult& result) {
    constexpr Index most = 20;
    constexpr Index step = 5;
    const Index count = result.ridges.count();
    std::vector<bool> shown(at(count), count <= most);
    for (Index k = 0; k < count; ++k) {
        const bool is_end = k % step == 0 || k == count - 1;
        if (is_end || !marks_of(result, k).empty()) shown[at(k)] = true;
    }
    return shown;
}

std::string table_of_ridges(const RegressionResult& result) {
    const Fits& fits = result.ridges;
    std::vector<Column> columns;
    add_column(columns, "lambda", fits.at);
    add_scores(columns, "train", result.ridge_scores.train);
    add_scores(columns, "left-out", result.ridge_scores.left_out);
    if (result.test) add_scores(columns, "test", result.ridge_scores.test);
    add_column(columns, "GCV", fits.gcv);
    add_column(columns, "log likelihood", fits.log_likelihood, "{:.6g}");
    add_column(columns, "freedom", fits.degrees_of_freedom);
    add_column(columns, "residual", fits.residual, "{:.1e}");
    if (fits.count() > 1) {
        Column best{"best by", {}};
        for (Index k = 0; k < fits.count(); ++k) best.cells.push_back(marks_of(result, k));
        columns.push_back(std::move(best));
    }
    return laid_out(columns, shown_ridges(result));
}

std::string table_of_times(const RegressionResult& result) {
    std::vector<Column> columns;
    if (!result.given_times.empty()) add_column(columns, result.time_unit, result.given_times);
    add_column(columns, "tau", result.flow->at);
    add_scores(columns, "train", result.flow_scores.train);
    if (result.test) add_scores(columns, "test", result.flow_scores.test);
    return laid_out(columns);
}

std::string line(const std::string& name, const std::string& text) {
    return fmt::format("{:<12}{}\n", name, text);
}

std::string lines_of_samples(const RegressionResult& result) {
    const Repeated& repeated = result.repeated;
    std::string text;
    if (result.test && repeated.test_in_train > 0) {
        text += line("samples", fmt::format("{} of the {} test samples are training samples too{}",
                                            repeated.test_in_train, result.test->rows.size(),
                                            result.test->skip.empty()
                                                ? ": --drop-duplicates leaves them out of the scores"
                                                : ", left out of the scores"));
    }
    if (repeated.train_duplicates > 0) {
        text += line("samples",
                     fmt::format("{} training samples equal an earlier one, {} of them with another target",
                                 repeated.train_duplicates, repeated.contradicting));
    }
    if (result.test && result.test->targets && !result.test->targets->unknown.empty()) {
        text +=
            line("labels", fmt::format("of test samples that no training sample has, counted as wrong: {}",
                                       name_some(result.test->targets->unknown)));
    }
    return text;
}

std::string lines_of_checks(const RegressionResult& result) {
    const RegressionChecks& checks = result.checks;
    std::string text = fmt::format("residual {:.1e} (below {:.0e})", checks.residual, checks.residual_limit);
    if (checks.left_out)
        text += fmt::format("; {} samples really left out: off by {:.1e} of the largest (below {:.0e})",
                            checks.left_out->samples.size(), checks.left_out->error, checks.left_out_limit);
    if (!std::isnan(checks.infinity_error))
        text +=
            fmt::format("; lambda to infinity {:.1e}, to 0 {:.1e}", checks.infinity_error, checks.zero_error);
    return line("checks", text);
}

}  // namespace

std::string RegressionChecks::first_failure() const {
    constexpr double limit_of_limits = 1e-6;
    if (!(residual <= residual_limit)) return fmt::format("residual = {:.1e}", residual);
    if (left_out && !(left_out->error <= left_out_limit))
        return fmt::format("samples really left out differ by {:.1e} of the largest prediction",
                           left_out->error);
    if (infinity_error > limit_of_limits)
        return fmt::format("predictions for a large lambda differ from their limit by {:.1e}",
                           infinity_error);
    if (zero_error > limit_of_limits)
        return fmt::format("predictions for lambda = 0 differ from the targets by {:.1e}", zero_error);
    return "";
}

void add_comparisons(RegressionResult& result) {
    result.ridge_scores = scores_of(result.ridges, result);
    result.best_left_out = place_of_least(result.ridge_scores.left_out.error);
    result.best_gcv = place_of_least(result.ridges.gcv);
    std::vector<double> negative = result.ridges.log_likelihood;
    for (double& value : negative) value = -value;
    result.best_likelihood = place_of_least(negative);
    if (result.flow) result.flow_scores = scores_of(*result.flow, result);
}

std::string to_table(const RegressionResult& result) {
    const RegressionProblem& problem = result.problem;
    std::string text;
    text +=
        line("kernel", fmt::format("{}, {} of {} samples, times {:.6g}{}", fmt::join(result.matrices, " + "),
                                   result.reduction_text, problem.samples(), result.kernel_scale,
                                   result.prior_variance == 1
                                       ? ""
                                       : fmt::format(" and prior variance {:.4g}", result.prior_variance)));
    text += line("targets", fmt::format("{} column{}, rms {:.4g}; prior: {}, rms {:.4g}", problem.columns(),
                                        problem.columns() == 1 ? "" : "s", root_mean_square(problem.targets),
                                        result.code.prior_is_outputs ? "the network's outputs" : "none",
                                        root_mean_square(problem.prior)));
    for (const std::string& note : result.notes) text += line("note", note);
    text += lines_of_samples(result);
    text +=
        line("solver", fmt::format("{} in {:.2f} s; mean diagonal {:.4g}, noise of storage {:.2e}{}",
                                   result.method, result.seconds, result.mean_diagonal, result.storage_noise,
                                   std::isnan(result.largest_eigenvalue)
                                       ? ""
                                       : fmt::format(", eigenvalues {:.4g} to {:.4g}",
                                                     result.smallest_eigenvalue, result.largest_eigenvalue)));
    if (result.ridges.count() > 0) text += "\n" + table_of_ridges(result);
    if (result.flow) text += "\n" + table_of_times(result);
    text += "\n";
    if (!std::isnan(result.network_accuracy)) {
        text +=
            line("network",
                 fmt::format("accuracy {:.4f} on the training samples{}", result.network_accuracy,
                             result.test && !std::isnan(result.test->network_accuracy)
                                 ? fmt::format(", {:.4f} on the test samples", result.test->network_accuracy)
                                 : ""));
    }
    if (result.ridges.count() > 0) {
        text += line(
            "scores",
            "leave-one-out, GCV and likelihood assume that the network was not trained on these samples");
    }
    if (result.output_operator == "sigmoid" || result.output_operator == "softmax" ||
        result.output_operator == "log_softmax") {
        text += line(
            "outputs",
            fmt::format(
                "this is the kernel of what {} gives, not of the logits: --value NAME or --output-activation identity of 'tangram kernel' takes those",
                result.output_operator));
    }
    text += lines_of_checks(result);
    return text;
}

std::string to_csv(const RegressionResult& result) {
    std::string text =
        "kind,at,train_error,train_accuracy,leave_one_out_error,leave_one_out_accuracy,test_error,test_accuracy,gcv,log_marginal_likelihood,degrees_of_freedom,residual\n";
    const auto lines = [&](const char* kind, const Fits& fits, const FitScores& scores) {
        for (std::size_t k = 0; k < fits.at.size(); ++k) {
            const auto of = [k](const std::vector<double>& values) {
                return k < values.size() ? values[k] : nan;
            };
            text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", kind, fits.at[k],
                                of(scores.train.error), of(scores.train.accuracy), of(scores.left_out.error),
                                of(scores.left_out.accuracy), of(scores.test.error), of(scores.test.accuracy),
                                of(fits.gcv), of(fits.log_likelihood), of(fits.degrees_of_freedom),
                                of(fits.residual));
        }
    };
    lines("ridge", result.ridges, result.ridge_scores);
    if (result.flow) lines("time", *result.flow, result.flow_scores);
    return text;
}

}  // namespace tangram
