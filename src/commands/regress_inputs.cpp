#include "regress_inputs.hpp"

#include "tangram/file/kernel_diagonal.hpp"
#include "tangram/input/tensor_choice.hpp"
#include "tangram/run/recorded_run.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

/// The matrices of the file whose tensors the patterns match, or the total. Throws Error(usage) with what there is.
std::vector<std::size_t> choose_matrices(const KernelFile& kernel, const std::vector<std::string>& patterns) {
    if (patterns.empty()) return {kernel.shape.total_index()};
    std::vector<std::string> names;
    std::vector<std::size_t> chosen;
    for (std::size_t m = 0; m < kernel.shape.matrices.size(); ++m) {
        const StoredMatrix& matrix = kernel.shape.matrices[m];
        if (!matrix.is_component()) continue;
        names.push_back(matrix.name);
        if (matches_any(matrix.name, patterns)) chosen.push_back(m);
    }
    for (const std::string& pattern : patterns) {
        if (std::any_of(names.begin(), names.end(),
                        [&](const auto& name) { return matches_any(name, {pattern}); }))
            continue;
        fail(ExitCode::usage,
             "--components {}: no component of the kernel file has such a name ({}): there {}",
             printable(pattern), kernel.path,
             names.empty() ? "are none: compute it with --components all" : "are " + name_some(names));
    }
    return chosen;
}

/// 1 / C of a sum over C outputs, so that it is the kernel of one of them.
double default_scale(const KernelFile& kernel) {
    return kernel.reduction == "trace" ? 1 / static_cast<double>(kernel.outputs_that_count()) : 1;
}

double mean_diagonal(const KernelFile& kernel, const KernelSum& sum) {
    const TileFile tiles(kernel.path, kernel.shape, TileFile::Access::read);
    const Index n = kernel.shape.rows(kernel.shape.matrices[sum.matrices.front()]);
    double total = 0;
    for (Index i = 0; i < n; ++i) {
        double entry = 0;
        double whole = 0;
        for (const std::size_t m : sum.matrices) {
            tiles.read_entries(m, i, i, {&entry, 1, 1, 1});
            whole += entry;
        }
        total += whole / static_cast<double>(n);
    }
    return total * sum.scale;
}

Matrix<double> scaled(Matrix<double> matrix, double factor) {
    for (Index k = 0; k < matrix.size(); ++k) matrix.data()[k] *= factor;
    return matrix;
}

/// The kernels of test samples with themselves, of the same matrices; nothing where the file lacks one.
std::optional<Matrix<double>> diagonals_of(const KernelFile& kernel, const KernelSum& sum) {
    if (sum.matrices.front() == kernel.shape.total_index()) return scaled(read_diagonal(kernel), sum.scale);
    Matrix<double> total;
    for (const std::size_t m : sum.matrices) {
        std::optional<Matrix<double>> one = read_component_diagonal(kernel, kernel.shape.matrices[m]);
        if (!one) return std::nullopt;
        if (total.size() == 0) {
            total = std::move(*one);
            continue;
        }
        for (Index k = 0; k < total.size(); ++k) total.data()[k] += one->data()[k];
    }
    return scaled(std::move(total), sum.scale);
}

/// The same tensors as in the training kernel.
KernelSum same_sum(const KernelFile& train, const KernelSum& sum, const KernelFile& cross) {
    KernelSum found{{}, sum.scale};
    for (const std::size_t m : sum.matrices) {
        const StoredMatrix& wanted = train.shape.matrices[m];
        const auto& matrices = cross.shape.matrices;
        const auto place = std::find_if(matrices.begin(), matrices.end(), [&](const StoredMatrix& other) {
            return other.role == wanted.role && other.name == wanted.name;
        });
        if (place == matrices.end()) {
            fail(
                ExitCode::bad_input,
                "the component {} is missing in the kernel of test samples ({}): compute it with --components all",
                wanted.name, cross.path);
        }
        found.matrices.push_back(static_cast<std::size_t>(place - matrices.begin()));
    }
    return found;
}

void read_test(const RegressOptions& options, const GivenTargets& given, const KernelSamples& train_samples,
               RegressInputs& inputs) {
    CrossInputs cross;
    cross.kernel = read_kernel_file(options.test, FailedChecks::refuse);
    require_that_serves(cross.kernel, cross.kernel.test_samples > 0, "--test of a regression");
    RegressionResult& result = inputs.result;
    for (std::string& note :
         require_same_network(inputs.kernel, train_samples, cross.kernel, read_kernel_samples(cross.kernel)))
        result.notes.push_back(std::move(note));
    cross.sum = same_sum(inputs.kernel, inputs.sum, cross.kernel);
    cross.diagonals = diagonals_of(cross.kernel, cross.sum);
    if (!cross.diagonals)
        result.notes.emplace_back("no variances: the kernel file has no diagonals of these components");
    const KernelSamples samples = read_test_samples(cross.kernel);
    TestSet test;
    test.rows = samples.rows;
    test.prior = prior_of(samples.outputs, cross.kernel, result.code);
    result.repeated = count_repeated(train_samples.hashes, samples.hashes, result.problem.targets);
    if (options.drop_duplicates) test.skip = result.repeated.in_train;
    if (!options.test_targets.empty()) {
        GivenTargets given_test =
            read_given_targets(options.test_targets, options.targets.kind, samples.rows, &given);
        if (!given.are_labels && given_test.numbers.cols() != given.numbers.cols())
            fail(ExitCode::bad_input, "test targets have {} columns, those of the training samples {} ({})",
                 given_test.numbers.cols(), given.numbers.cols(), options.test_targets);
        test.targets = encode(given_test, result.code);
        test.network_accuracy = accuracy_of_outputs(samples.outputs, *test.targets, result.code, test.skip);
    }
    result.test = std::move(test);
    inputs.cross = std::move(cross);
}

}  // namespace

RegressInputs read_regress_inputs(const RegressOptions& options) {
    RegressInputs inputs;
    inputs.kernel = read_kernel_file(options.file, FailedChecks::refuse);
    const KernelFile& kernel = inputs.kernel;
    require_that_serves(kernel, kernel.product == "samples", "a regression");
    RegressionResult& result = inputs.result;
    result.kernel_scale = options.kernel_scale.value_or(default_scale(kernel));
    result.prior_variance = options.prior_variance;
    inputs.sum = {choose_matrices(kernel, options.components), result.kernel_scale * result.prior_variance};
    for (const std::size_t m : inputs.sum.matrices)
        result.matrices.push_back(kernel.shape.matrices[m].path.substr(1));
    result.reduction_text = kernel.reduction_text;
    result.output_operator = read_root_text(kernel, "output_operator", "");
    result.mean_diagonal = mean_diagonal(kernel, inputs.sum);

    const KernelSamples samples = read_kernel_samples(kernel);
    GivenTargets given =
        read_given_targets(options.targets.location, options.targets.kind, samples.rows, nullptr);
    result.notes = given.notes;
    result.code = choose_code(kernel, given, options.targets);
    result.notes.insert(result.notes.end(), result.code.notes.begin(), result.code.notes.end());
    result.train_targets = encode(given, result.code);
    result.samples = samples.rows;
    RegressionProblem& problem = result.problem;
    problem.unit = kernel.shape.matrices[inputs.sum.matrices.front()].rows_each;
    problem.targets = encode(given, result.code).values;
    problem.prior = prior_of(samples.outputs, kernel, result.code);
    result.network_accuracy = accuracy_of_outputs(samples.outputs, result.train_targets, result.code);
    if (options.attribution_output >= problem.columns())
        fail(ExitCode::usage, "--attribution-output is {}, and there are {} columns",
             options.attribution_output, problem.columns());
    if (!options.test.empty()) {
        read_test(options, given, samples, inputs);
    } else {
        result.repeated = count_repeated(samples.hashes, {}, problem.targets);
    }
    return inputs;
}

}  // namespace tangram
