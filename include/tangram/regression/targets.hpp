#pragma once
// What a regression is to predict: numbers as the user gives them, or labels, which become numbers by a code.
//
//   labels, K classes                 Y (N, K)   1 at the sample's class, minus 1/K everywhere ("centred"), or without ("plain")
//   labels, two classes, one output   Y (N, 1)   -1, +1, the smaller label first
//   labels, --logit k                 Y (N, 1)   class k against the rest: column k of the first
//   numbers                           Y (N, T)   as given, or what belongs to the kernel's rows: column k of --logit k, the sum
//                                                over outputs of `sum`, C columns of `full`
//   prior f0                          zero, or the network's outputs, of the same shape
//
// Classes are those of the training samples.

#include "tangram/file/kernel_file.hpp"
#include "tangram/support/matrix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tangram {

struct TargetOptions {
    std::string location;          ///< FILE[:DATASET]
    std::string kind = "auto";     ///< labels, numbers; auto: by how they are stored
    std::string code = "centred";  ///< of one-hot targets: centred, plain
    std::string prior = "auto";    ///< none, outputs; auto: none for labels, outputs for numbers
};

/// The targets of some samples as they were read.
struct GivenTargets {
    bool are_labels = false;
    std::vector<double> labels;        ///< (N)
    std::vector<std::string> classes;  ///< of labels that are texts: each once, sorted
    Matrix<double> numbers;            ///< (N, T)
    std::vector<std::string> notes;
};

/// How targets become columns, as the training samples decide.
struct TargetCode {
    enum class Kind { numbers, one_hot, two_signs, one_class };
    Kind kind = Kind::numbers;
    std::vector<double> classes;     ///< the label of class 0, 1, ..
    std::vector<std::string> names;  ///< of the classes, for people
    Index columns = 1;               ///< of Y
    Index chosen = -1;               ///< numbers: this column of what is given; one_class: this class
    bool summed = false;             ///< numbers: all columns added up
    double minus = 0;                ///< what is taken off the ones and zeros
    bool prior_is_outputs = false;
    std::vector<std::string> notes;  ///< what the user should be told
    [[nodiscard]] bool of_labels() const { return kind != Kind::numbers; }
};

/// Targets of one set of samples, ready to be predicted.
struct TargetSet {
    Matrix<double> values;       ///< Y (N, columns)
    std::vector<Index> classes;  ///< (N), of labels: -1 where the class is none of the training samples'
    std::vector<std::string> unknown;  ///< such labels, each once
};

/// Reads what belongs to the samples that are rows `rows` of their input: one entry a row of that input, or one a sample.
/// `train`: the training samples', which test samples' must be like. Throws Error(bad_input): also at a NaN.
GivenTargets read_given_targets(const std::string& location, const std::string& kind,
                                const std::vector<std::int64_t>& rows, const GivenTargets* train);

/// Throws Error(usage) where targets do not fit the reduction of the kernel, and Error(bad_input) where labels do not.
TargetCode choose_code(const KernelFile& kernel, const GivenTargets& train, const TargetOptions& options);

TargetSet encode(const GivenTargets& given, const TargetCode& code);

/// f0 (N, columns) of network outputs (N, C): zero, or what belongs to the kernel's rows.
Matrix<double> prior_of(const Matrix<double>& outputs, const KernelFile& kernel, const TargetCode& code);

/// The part of the samples whose class the predictions (N, columns) tell; NaN of numbers. `skip`: samples that do not count.
double accuracy_of(ConstMatrixView<double> predictions, const TargetSet& targets, const TargetCode& code,
                   const std::vector<bool>& skip = {});

/// The same of the network's own outputs (N, C); NaN where they are not one a class.
double accuracy_of_outputs(const Matrix<double>& outputs, const TargetSet& targets, const TargetCode& code,
                           const std::vector<bool>& skip = {});

/// The mean over samples of sum_c (f_c - y_c)^2.
double error_of(ConstMatrixView<double> predictions, const Matrix<double>& targets,
                const std::vector<bool>& skip = {});

/// Labels for kernel-target alignment: one-hot 0 and 1, -1 and +1 of two_signs, numbers as given.
Matrix<double> alignment_targets(const TargetSet& targets, const TargetCode& code);

}  // namespace tangram
