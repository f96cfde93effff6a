#include "tangram/run/kernel_drift.hpp"

#include "tangram/product/matrices.hpp"
#include "tangram/run/measured_targets.hpp"
#include "tangram/run/model_names.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

using Values = MeasureRecord::Values;

const std::string name_axis = std::string(drift_group) + "/name";
const std::string model_axis = std::string(drift_group) + "/model";

/// (k, K)
Values by_model(const FollowedKernels& followed, const std::string& name,
                std::vector<double> KernelDrift::*member, const std::string& meaning) {
    Values values{name, {}, {}, {name_axis, model_axis}, meaning};
    for (const KernelDrift& drift : followed.drifts)
        values.values.insert(values.values.end(), (drift.*member).begin(), (drift.*member).end());
    const auto kernels = static_cast<Index>(followed.drifts.size());
    values.shape = {kernels, static_cast<Index>(values.values.size()) / kernels};
    return values;
}

/// (k, K, K)
template <class Get>
Values by_pair(const FollowedKernels& followed, const std::string& name, const std::string& meaning,
               Get get) {
    Values values{name, {}, {}, {name_axis, model_axis, model_axis}, meaning};
    for (const KernelDrift& drift : followed.drifts) {
        const Matrix<double>& matrix = get(drift);
        values.values.insert(values.values.end(), matrix.data(), matrix.data() + matrix.size());
        values.shape = {static_cast<Index>(followed.drifts.size()), matrix.rows(), matrix.cols()};
    }
    return values;
}

Values one_a_model(const std::string& name, const std::vector<double>& numbers, const std::string& meaning) {
    return {name, numbers, {static_cast<Index>(numbers.size())}, {model_axis}, meaning};
}

/// The total, model by model.
std::string table_of_models(const KernelDrift& total, const ModelsFollowed& models) {
    std::size_t width = 5;
    for (const std::string& model : models.models) width = std::max(width, short_name(model).size());
    std::string text = fmt::format("{:<{}}  {:>9}  {:>11}  {:>11}  {:>11}  {:>11}  {:>11}", "model", width,
                                   "step", "trace", "from first", "from before", "CKA first", "CKA before");
    if (models.has_targets) text += fmt::format("  {:>11}  {:>11}", "alignment", "centred");
    if (!models.accuracies.empty()) text += fmt::format("  {:>11}", "accuracy %");
    text += "\n";
    for (std::size_t t = 0; t < models.models.size(); ++t) {
        const auto k = static_cast<Index>(t);
        text += fmt::format("{:<{}}  {:>9}", short_name(models.models[t]), width, models.steps[t]);
        text += table_cell(total.trace[t], "{:.4e}") + table_cell(total.change_from_first[t], "{:.4f}") +
                table_cell(total.change_from_previous[t], "{:.4f}") +
                table_cell(total.group.cka(0, k), "{:.4f}") +
                table_cell(total.group.cka(std::max<Index>(k - 1, 0), k), "{:.4f}");
        if (models.has_targets)
            text +=
                table_cell(total.alignment[t], "{:.4f}") + table_cell(total.centred_alignment[t], "{:.4f}");
        if (!models.accuracies.empty()) text += table_cell(100 * models.accuracies[t], "{:.2f}");
        text += "\n";
    }
    return text;
}

/// Every kernel, of the last model against the first.
std::string table_of_kernels(const FollowedKernels& followed, const ModelsFollowed& models) {
    const std::size_t last = models.models.size() - 1;
    const std::string title = "first to last";
    std::size_t width = title.size();
    for (const std::string& name : followed.names) width = std::max(width, name.size());
    std::string text = fmt::format("{:<{}}  {:>11}  {:>11}  {:>11}", title, width, "trace", "change", "CKA");
    if (models.has_targets) text += fmt::format("  {:>11}  {:>11}", "alignment", "centred");
    text += "\n";
    for (std::size_t k = 0; k < followed.names.size(); ++k) {
        const KernelDrift& drift = followed.drifts[k];
        const double growth = drift.trace[0] > 0 ? drift.trace[last] / drift.trace[0] : std::nan("");
        text += fmt::format("{:<{}}", followed.names[k], width) + table_cell(growth, "x {:.4g}") +
                table_cell(drift.change_from_first[last], "{:.4f}") +
                table_cell(drift.group.cka(0, static_cast<Index>(last)), "{:.4f}");
        if (models.has_targets)
            text += table_cell(drift.alignment[last] - drift.alignment[0], "{:+.4f}") +
                    table_cell(drift.centred_alignment[last] - drift.centred_alignment[0], "{:+.4f}");
        text += "\n";
    }
    return text;
}

std::string remarks(const FollowedKernels& followed) {
    std::vector<std::string> constant, large;
    for (std::size_t k = 0; k < followed.names.size(); ++k) {
        const std::vector<bool>& zero = followed.drifts[k].centred_is_zero;
        if (std::find(zero.begin(), zero.end(), true) != zero.end()) constant.push_back(followed.names[k]);
        const Matrix<double>& gram = followed.drifts[k].group.gram;
        if (std::any_of(gram.data(), gram.data() + gram.size(),
                        [](double entry) { return std::isinf(entry); }))
            large.push_back(followed.names[k]);
    }
    std::string text = remark_on_constant(constant);
    if (!large.empty())
        text += fmt::format("large       products of {} are beyond float64, and infinite in the Grams\n",
                            name_some(large));
    return text;
}

}  // namespace

Measuring drift_measuring(const Inputs& inputs, const Shape& made, std::uint64_t seed) {
    Measuring measuring = make_measuring(made, seed);
    const Index K = inputs.models, tensors = static_cast<Index>(inputs.network.tensors.size()) / K;
    const auto place_of = [&](Index s, Index t) {
        return measuring.place[at(component_of(made, s * tensors + t).value())];
    };
    std::vector<Index> totals;
    for (Index s = 0; s < K; ++s) {
        std::vector<Index> of_model;
        for (Index t = 0; t < tensors; ++t) of_model.push_back(place_of(s, t));
        totals.push_back(K == 1 ? 0
                                : add_sum(fmt::format("model {}", s + 1), std::move(of_model), measuring));
    }
    add_targets_and_classes(inputs, measuring);
    follow(std::move(totals), measuring);
    for (Index t = 0; t < tensors; ++t) {
        std::vector<Index> places;
        for (Index s = 0; s < K; ++s) places.push_back(place_of(s, t));
        follow(std::move(places), measuring);
    }
    return measuring;
}

FollowedKernels followed_kernels(const MeasureSums& sums, const Inputs& inputs) {
    FollowedKernels followed{{"ntk"}, kernel_drifts(sums)};
    followed.names.insert(followed.names.end(), inputs.tensor_names.begin(), inputs.tensor_names.end());
    return followed;
}

MeasuresFound describe_drift(const FollowedKernels& followed, const ModelsFollowed& models) {
    MeasuresFound found;
    MeasureRecord& record = found.record;
    record.group = drift_group;
    record.scales = {{"name", followed.names}, {"model", models.models}};
    record.attributes = {{"steps", models.steps_from},
                         {"zero_centred_norm", zero_centred_norm(models.precision)}};
    const auto group = [&](const std::string& name, Matrix<double> GroupMeasures::*member,
                           const std::string& meaning) {
        record.values.push_back(by_pair(
            followed, name, meaning,
            [member](const KernelDrift& drift) -> const Matrix<double>& { return drift.group.*member; }));
    };
    std::vector<Values>& values = record.values;
    values.push_back(one_a_model("step", models.steps, "where the model lies in training"));
    values.push_back(by_model(followed, "trace", &KernelDrift::trace, "sum of the diagonal"));
    values.push_back(by_model(followed, "frobenius", &KernelDrift::frobenius, "Frobenius norm"));
    group("gram", &GroupMeasures::gram, "Frobenius products of the models' kernels");
    group("centred_gram", &GroupMeasures::centred_gram, "the same of kernels centred over samples");
    group("debiased_gram", &GroupMeasures::debiased_gram, "unbiased HSIC");
    group("cka", &GroupMeasures::cka, "centred kernel alignment");
    values.push_back(
        by_pair(followed, "distance", "kernel distance, 1 - cosine",
                [](const KernelDrift& drift) -> const Matrix<double>& { return drift.distance; }));
    values.push_back(by_model(followed, "change_from_first", &KernelDrift::change_from_first,
                              "norm of the difference to the first model's kernel over the norm of that"));
    values.push_back(by_model(followed, "change_from_previous", &KernelDrift::change_from_previous,
                              "norm of the difference to the previous model's kernel over the norm of that"));
    if (models.has_targets) {
        values.push_back(by_model(followed, "alignment", &KernelDrift::alignment, "kernel-target alignment"));
        values.push_back(by_model(followed, "centred_alignment", &KernelDrift::centred_alignment,
                                  "kernel-target alignment, both centred over samples"));
    }
    if (!models.accuracies.empty())
        values.push_back(one_a_model("accuracy", models.accuracies,
                                     "how often the largest output is the label's, 0 to 1"));
    found.table = table_of_models(followed.drifts.front(), models) + "\n" +
                  table_of_kernels(followed, models) + remarks(followed);
    return found;
}

std::vector<double> accuracies_of(const mpi::Communicator& world, const std::optional<Labels>& labels,
                                  const RankSamples& samples,
                                  const std::vector<ConstMatrixView<double>>& outputs) {
    std::vector<double> accuracies;
    if (!labels || !labels->integers) return accuracies;
    for (const ConstMatrixView<double> its : outputs) {
        OutputsFound found;
        check_labels(world, *labels, samples.first, samples.count, its, found);
        accuracies.push_back(found.accuracy);
    }
    return accuracies;
}

Index drift_file_bytes(Index kernels, Index models) {
    constexpr Index number = 8, of_a_dataset = 2600, datasets = 16;
    return kernels * models * number * (8 + 5 * models) + datasets * of_a_dataset + (kernels + models) * 128;
}

}  // namespace tangram
