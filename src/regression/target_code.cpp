// How targets become columns: which code fits which reduction.

#include "tangram/regression/targets.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

using Kind = TargetCode::Kind;

std::vector<double> distinct(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
}

std::string name_of_label(double label, const std::vector<std::string>& texts) {
    const auto place = static_cast<Index>(label);
    if (place >= 0 && place < static_cast<Index>(texts.size())) return texts[at(place)];
    return fmt::format("{}", label);
}

/// One kernel of one output, of which the network has no more.
bool is_of_one_output(const KernelFile& kernel) {
    return kernel.outputs == 1;
}

[[noreturn]] void refuse_labels(const KernelFile& kernel, const std::string& why) {
    fail(ExitCode::usage, "labels do not fit the kernel, {} ({}): {}", kernel.reduction_text, kernel.path,
         why);
}

/// The classes: 0, .., C - 1 where all labels are among them, else the distinct labels.
std::vector<double> classes_for(const std::vector<double>& labels, Index outputs) {
    std::vector<double> found = distinct(labels);
    if (found.front() < 0 || found.back() >= static_cast<double>(outputs)) return found;
    std::vector<double> all;
    for (Index c = 0; c < outputs; ++c) all.push_back(static_cast<double>(c));
    return all;
}

void note_missing(const GivenTargets& train, TargetCode& code) {
    const std::vector<double> found = distinct(train.labels);
    std::vector<std::string> missing;
    for (std::size_t c = 0; c < code.classes.size(); ++c) {
        if (!std::binary_search(found.begin(), found.end(), code.classes[c]))
            missing.push_back(code.names[c]);
    }
    if (missing.empty()) return;
    code.notes.push_back(fmt::format("no training sample is of class {}: nothing is learnt of {}",
                                     name_some(missing), missing.size() == 1 ? "it" : "them"));
}

void choose_classes(const KernelFile& kernel, const GivenTargets& train, TargetCode& code) {
    const std::vector<double> found = distinct(train.labels);
    if (found.size() == 1) {
        fail(ExitCode::bad_input,
             "all training samples have the label {} ({}): there is nothing to tell apart",
             name_of_label(found.front(), train.classes), kernel.path);
    }
    code.classes = is_of_one_output(kernel) ? found : classes_for(train.labels, kernel.outputs);
    if (!train.classes.empty() && !is_of_one_output(kernel) && code.classes.size() < train.classes.size())
        code.classes = classes_for({0, static_cast<double>(train.classes.size() - 1)},
                                   static_cast<Index>(train.classes.size()));
    for (const double label : code.classes) code.names.push_back(name_of_label(label, train.classes));
}

void choose_label_code(const KernelFile& kernel, const GivenTargets& train, const TargetOptions& options,
                       TargetCode& code) {
    if (!kernel.of_plain_outputs) refuse_labels(kernel, "give numbers, one or more a sample, as floats");
    choose_classes(kernel, train, code);
    const auto count = static_cast<Index>(code.classes.size());
    code.minus = options.code == "plain" ? 0 : 1 / static_cast<double>(count);
    if (kernel.logit >= 0 && !is_of_one_output(kernel)) {
        if (count != kernel.outputs)
            refuse_labels(kernel, fmt::format("{} classes are not its {} outputs", count, kernel.outputs));
        code.kind = Kind::one_class;
        code.chosen = kernel.logit;
        code.columns = 1;
        code.notes.push_back(fmt::format("labels: class {} against the rest", code.names[at(kernel.logit)]));
        return;
    }
    if (is_of_one_output(kernel) && count == 2) {
        code.kind = Kind::two_signs;
        code.minus = 0;
        code.columns = 1;
        code.notes.push_back(fmt::format("labels: {} is -1, {} is +1", code.names[0], code.names[1]));
        return;
    }
    if (kernel.reduction == "full" && count != kernel.outputs)
        refuse_labels(kernel, fmt::format("{} classes are not its {} outputs", count, kernel.outputs));
    code.kind = Kind::one_hot;
    code.columns = count;
    if (count != kernel.outputs)
        code.notes.push_back(fmt::format("labels: {} classes, and the network has {} output{}", count,
                                         kernel.outputs, kernel.outputs == 1 ? "" : "s"));
    note_missing(train, code);
}

void choose_number_code(const KernelFile& kernel, const GivenTargets& train, TargetCode& code) {
    const Index given = train.numbers.cols();
    const Index outputs = kernel.outputs;
    code.columns = given;
    if (kernel.reduction == "full" && given != kernel.rows_of_sample) {
        fail(ExitCode::usage,
             "targets have {} column{} and a sample has {} rows in the kernel, {} ({}): give as many columns",
             given, given == 1 ? "" : "s", kernel.rows_of_sample, kernel.reduction_text, kernel.path);
    }
    if (!code.prior_is_outputs) return;
    const bool is_one = kernel.logit >= 0 || kernel.reduction == "sum";
    if (is_one && given == outputs && outputs > 1) {
        code.columns = 1;
        code.chosen = kernel.logit;
        code.summed = kernel.logit < 0;
        return;
    }
    if (given == (is_one ? 1 : outputs)) return;
    fail(
        ExitCode::usage,
        "targets have {} column{} and the kernel is of {} ({}): with the network's outputs as prior give {}, or say --prior none",
        given, given == 1 ? "" : "s", kernel.reduction_text, kernel.path,
        is_one ? fmt::format("{} columns, or 1", outputs) : fmt::format("{} columns", outputs));
}

}  // namespace

TargetCode choose_code(const KernelFile& kernel, const GivenTargets& train, const TargetOptions& options) {
    TargetCode code;
    const bool wants_outputs = options.prior == "outputs" ||
                               (options.prior == "auto" && !train.are_labels && kernel.of_plain_outputs);
    if (wants_outputs && !kernel.of_plain_outputs) {
        fail(
            ExitCode::usage,
            "the network's outputs are no prior for a kernel of {} ({}): leave --prior outputs out, and give numbers",
            kernel.reduction_text, kernel.path);
    }
    code.prior_is_outputs = wants_outputs;
    if (train.are_labels) {
        choose_label_code(kernel, train, options, code);
        if (wants_outputs && code.kind == Kind::one_hot &&
            (code.columns != kernel.outputs || kernel.reduction == "sum"))
            refuse_labels(kernel, fmt::format("{} classes have no prior in its {} outputs: say --prior none",
                                              code.columns, kernel.outputs));
    } else {
        choose_number_code(kernel, train, code);
    }
    return code;
}

TargetSet encode(const GivenTargets& given, const TargetCode& code) {
    TargetSet set;
    if (code.kind == Kind::numbers) {
        const Matrix<double>& numbers = given.numbers;
        set.values = Matrix<double>(numbers.rows(), code.columns);
        for (Index i = 0; i < numbers.rows(); ++i) {
            for (Index c = 0; c < numbers.cols(); ++c) {
                if (code.summed) {
                    set.values(i, 0) += numbers(i, c);
                } else if (code.chosen < 0 || numbers.cols() == 1) {
                    set.values(i, c) = numbers(i, c);
                } else if (c == code.chosen) {
                    set.values(i, 0) = numbers(i, c);
                }
            }
        }
        return set;
    }
    const auto count = static_cast<Index>(given.labels.size());
    set.values = Matrix<double>(count, code.columns);
    for (Index i = 0; i < count; ++i) {
        const double label = given.labels[at(i)];
        const auto found = std::lower_bound(code.classes.begin(), code.classes.end(), label);
        const bool known = found != code.classes.end() && *found == label;
        const Index c = known ? found - code.classes.begin() : -1;
        set.classes.push_back(c);
        if (!known) {
            const std::string name = name_of_label(label, given.classes);
            if (std::find(set.unknown.begin(), set.unknown.end(), name) == set.unknown.end())
                set.unknown.push_back(name);
        }
        if (code.kind == Kind::two_signs) {
            set.values(i, 0) = known ? (c == 0 ? -1 : 1) : 0;
        } else if (code.kind == Kind::one_class) {
            set.values(i, 0) = (c == code.chosen ? 1 : 0) - code.minus;
        } else {
            for (Index k = 0; k < code.columns; ++k) set.values(i, k) = (c == k ? 1 : 0) - code.minus;
        }
    }
    return set;
}

Matrix<double> prior_of(const Matrix<double>& outputs, const KernelFile& kernel, const TargetCode& code) {
    Matrix<double> prior(outputs.rows(), code.columns);
    if (!code.prior_is_outputs) return prior;
    for (Index i = 0; i < outputs.rows(); ++i) {
        if (kernel.logit >= 0) {
            prior(i, 0) = outputs(i, kernel.logit);
            continue;
        }
        for (Index c = 0; c < outputs.cols(); ++c)
            prior(i, kernel.reduction == "sum" ? 0 : c) += outputs(i, c);
    }
    return prior;
}

Matrix<double> alignment_targets(const TargetSet& targets, const TargetCode& code) {
    Matrix<double> Y(targets.values.rows(), code.columns);
    for (Index k = 0; k < Y.size(); ++k)
        Y.data()[k] = targets.values.data()[k] + (code.of_labels() ? code.minus : 0);
    return Y;
}

}  // namespace tangram
