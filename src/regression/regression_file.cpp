#include "tangram/regression/regression_file.hpp"

#include <array>

namespace tangram {

namespace {

using Dims = std::vector<Index>;

void write(const h5::Handle& file, const std::string& path, const Matrix<double>& matrix, const Dims& dims) {
    h5::write_dataset(file, path, std::span<const double>(matrix.data(), at(matrix.size())), dims);
}

void write(const h5::Handle& file, const std::string& path, const std::vector<double>& values) {
    h5::write_dataset(file, path, std::span<const double>(values), Dims{static_cast<Index>(values.size())});
}

void write(const h5::Handle& file, const std::string& path, const std::vector<std::int64_t>& values) {
    h5::write_dataset(file, path, std::span<const std::int64_t>(values),
                      Dims{static_cast<Index>(values.size())});
}

void write_scores(const h5::Handle& file, const std::string& prefix, const SetScores& scores) {
    write(file, prefix + "_error", scores.error);
    write(file, prefix + "_accuracy", scores.accuracy);
}

/// What ridges and times have alike.
void write_fits(const h5::Handle& file, const std::string& group, const RegressionResult& result,
                const Fits& fits, const FitScores& scores) {
    const Index r = fits.count();
    const Index C = result.problem.columns();
    const Dims of_train{r, result.problem.samples(), C};
    write(file, group + "/coefficients", fits.coefficients, of_train);
    write(file, group + "/train_predictions", fits.train, of_train);
    write_scores(file, group + "/train", scores.train);
    if (!result.test) return;
    write(file, group + "/test_predictions", fits.test, {r, result.samples_of_test(), C});
    write_scores(file, group + "/test", scores.test);
}

void write_ridges(const h5::Handle& file, const RegressionResult& result) {
    const Fits& fits = result.ridges;
    if (fits.count() == 0) return;
    const std::string group = "/regression";
    const Index unit = result.problem.unit;
    write(file, group + "/ridge", fits.at);
    write_fits(file, group, result, fits, result.ridge_scores);
    if (fits.left_out.size() > 0) {
        write(file, group + "/leave_one_out_predictions", fits.left_out,
              {fits.count(), result.problem.samples(), result.problem.columns()});
        write_scores(file, group + "/leave_one_out", result.ridge_scores.left_out);
    }
    if (fits.variance.size() > 0) {
        const Index M = result.samples_of_test();
        write(file, group + "/test_variance", fits.variance,
              unit == 1 ? Dims{fits.count(), M} : Dims{fits.count(), M, unit, unit});
    }
    write(file, group + "/gcv", fits.gcv);
    write(file, group + "/log_marginal_likelihood", fits.log_likelihood);
    write(file, group + "/degrees_of_freedom", fits.degrees_of_freedom);
    write(file, group + "/residual", fits.residual);
    write(file, group + "/modes", fits.modes);
}

void write_flow(const h5::Handle& file, const RegressionResult& result) {
    if (!result.flow) return;
    write(file, "/dynamics/times", result.flow->at);
    write_fits(file, "/dynamics", result, *result.flow, result.flow_scores);
    if (result.given_times.empty()) return;
    write(file, "/dynamics/given", result.given_times);
    h5::write_attribute(h5::open_group(file, "/dynamics"), "given", result.time_unit);
}

void write_attribution(const h5::Handle& file, const RegressionResult& result) {
    if (!result.attribution) return;
    const Attribution& found = *result.attribution;
    const Dims dims{result.samples_of_test(), found.columns};
    h5::write_dataset(file, "/attribution/indices", std::span<const std::int64_t>(found.indices), dims);
    h5::write_dataset(file, "/attribution/value", std::span<const double>(found.values), dims);
    h5::write_dataset(file, "/attribution/negative_indices", std::span<const std::int64_t>(found.negative),
                      dims);
    h5::write_dataset(file, "/attribution/negative_value", std::span<const double>(found.negative_values),
                      dims);
    write(file, "/attribution/output", found.outputs);
    write(file, "/attribution/sum", found.sums, {result.samples_of_test()});
    const h5::Handle group = h5::open_group(file, "/attribution");
    h5::write_attribute(group, "ridge", result.attribution_ridge);
    h5::write_attribute(group, "by", std::string(result.by_representer ? "representer" : "left out"));
}

void write_checks(const h5::Handle& file, const RegressionChecks& checks) {
    const h5::Handle group = h5::create_group(file, "/checks");
    const std::string failure = checks.first_failure();
    h5::write_attribute(group, "passed", Index{failure.empty() ? 1 : 0});
    h5::write_attribute(group, "first_failure", failure);
    h5::write_attribute(group, "residual", checks.residual);
    h5::write_attribute(group, "residual_limit", checks.residual_limit);
    h5::write_attribute(group, "infinity_error", checks.infinity_error);
    h5::write_attribute(group, "zero_error", checks.zero_error);
    if (!checks.left_out || checks.left_out->samples.empty()) return;
    h5::write_attribute(group, "left_out_error", checks.left_out->error);
    h5::write_attribute(group, "left_out_limit", checks.left_out_limit);
    h5::write_attribute(group, "left_out_residual", checks.left_out->residual);
    write(file, "/checks/left_out", checks.left_out->samples);
    write(file, "/checks/left_out_predictions", checks.left_out->predictions,
          {checks.left_out->predictions.rows(), checks.left_out->predictions.cols()});
}

double best_of(const std::vector<double>& ridges, const std::optional<Index>& best) {
    return best ? ridges[at(*best)] : std::numeric_limits<double>::quiet_NaN();
}

std::vector<Attribute> root_attributes(const RegressionResult& result) {
    std::vector<Attribute> root{
        {"status", std::string(result.checks.first_failure().empty() ? "complete" : "check failed")},
        {"n_samples", result.problem.samples()},
        {"n_test_samples", result.samples_of_test()},
        {"n_columns", result.problem.columns()},
        {"reduction", result.reduction_text},
        {"matrices", result.matrices},
        {"kernel_scale", result.kernel_scale},
        {"prior_variance", result.prior_variance},
        {"prior", std::string(result.code.prior_is_outputs ? "outputs" : "none")},
        {"targets_are", std::string(result.code.of_labels() ? "labels" : "numbers")},
        {"subtracted_from_one_hot", result.code.minus},
        {"scores_assume", std::string("that the network was not trained on the training samples")},
        {"storage_noise", result.storage_noise},
        {"mean_diagonal", result.mean_diagonal},
        {"largest_eigenvalue", result.largest_eigenvalue},
        {"smallest_eigenvalue", result.smallest_eigenvalue},
        {"solver", result.method},
        {"seconds", result.seconds},
        {"planned_memory", result.planned_memory},
        {"network_accuracy", result.network_accuracy},
        {"best_by_leave_one_out", best_of(result.ridges.at, result.best_left_out)},
        {"best_by_gcv", best_of(result.ridges.at, result.best_gcv)},
        {"best_by_likelihood", best_of(result.ridges.at, result.best_likelihood)},
        {"train_duplicates", result.repeated.train_duplicates},
        {"contradicting_duplicates", result.repeated.contradicting},
    };
    if (!result.notes.empty()) root.push_back({"notes", result.notes});
    if (result.code.of_labels()) root.push_back({"classes", result.code.names});
    if (!result.test) return root;
    root.push_back({"network_test_accuracy", result.test->network_accuracy});
    root.push_back({"test_samples_in_train", result.repeated.test_in_train});
    root.push_back({"dropped_from_scores", Index{result.test->skip.empty() ? 0 : 1}});
    return root;
}

}  // namespace

void write_regression(const std::string& path, const KernelFile& kernel, const Provenance& provenance,
                      const std::vector<Attribute>& more_provenance, const RegressionResult& result) {
    h5::Handle file = create_derived_file(path, "tangram regression", kernel, provenance);
    write_attributes(h5::open_group(file, "/"), root_attributes(result));
    write_attributes(h5::open_group(file, "/provenance"), more_provenance);
    const Index N = result.problem.samples();
    const Index C = result.problem.columns();
    write(file, "/targets", result.problem.targets, {N, C});
    write(file, "/prior", result.problem.prior, {N, C});
    write(file, "/samples", result.samples);
    if (result.code.of_labels()) write(file, "/classes", result.train_targets.classes);
    if (result.test) {
        const Index M = result.samples_of_test();
        write(file, "/test_samples", result.test->rows);
        write(file, "/test_prior", result.test->prior, {M, C});
        if (result.test->targets) {
            write(file, "/test_targets", result.test->targets->values, {M, C});
            if (result.code.of_labels()) write(file, "/test_classes", result.test->targets->classes);
        }
    }
    write_ridges(file, result);
    write_flow(file, result);
    write_attribution(file, result);
    write_checks(file, result.checks);
    file.close(path);
}

}  // namespace tangram
