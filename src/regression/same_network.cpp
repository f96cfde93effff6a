#include "tangram/regression/same_network.hpp"

#include "tangram/life/identity.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace tangram {

namespace {

/// Fields that say how, where or of which test samples a kernel was made, not of what.
const std::set<std::string> fields_that_may_differ{"program version",
                                                   "compiler",
                                                   "BLAS kernel",
                                                   "model",
                                                   "model group",
                                                   "data",
                                                   "data dataset",
                                                   "data scale",
                                                   "data shift",
                                                   "data mean",
                                                   "data std",
                                                   "channels first",
                                                   "product",
                                                   "precision",
                                                   "tile",
                                                   "matrices",
                                                   "selection of samples",
                                                   "test data",
                                                   "test dataset",
                                                   "selection of test samples",
                                                   "labels or targets of test samples",
                                                   "labels or targets"};

std::map<std::string, std::string> fields_of(const KernelFile& kernel) {
    const std::optional<Identity> identity = parse_identity(read_kernel_identity(kernel));
    if (!identity) {
        fail(
            ExitCode::bad_input,
            "the kernel file does not say of which network it is ({}): it is older than that: compute it again",
            kernel.path);
    }
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : *identity) {
        if (!fields_that_may_differ.contains(name)) fields[name] = value;
    }
    return fields;
}

void require_equal(const KernelFile& train, const KernelFile& cross, const std::string& what,
                   const std::string& here, const std::string& there) {
    if (here == there) return;
    fail(
        ExitCode::bad_input,
        "the two kernels are not of the same network: {} is {} in one and {} in the other ({}, {}): compute both alike",
        what, printable(here.substr(0, 100)), printable(there.substr(0, 100)), train.path, cross.path);
}

}  // namespace

std::vector<std::string> require_same_network(const KernelFile& train, const KernelSamples& train_samples,
                                              const KernelFile& cross, const KernelSamples& cross_samples) {
    const auto here = fields_of(train);
    const auto there = fields_of(cross);
    require_equal(train, cross, "the reduction", train.reduction_text, cross.reduction_text);
    require_equal(train, cross, "the number of parameters",
                  fmt::format("{}", read_root_integer(train, "n_parameters", 0)),
                  fmt::format("{}", read_root_integer(cross, "n_parameters", 0)));
    for (const auto& [name, value] : here) {
        const auto found = there.find(name);
        require_equal(train, cross, name == "model weights" ? "the values of its parameters" : name, value,
                      found == there.end() ? "missing" : found->second);
    }
    for (const auto& [name, value] : there) {
        if (!here.contains(name)) require_equal(train, cross, name, "missing", value);
    }
    if (train_samples.hashes.empty() || cross_samples.hashes.empty()) {
        fail(ExitCode::bad_input,
             "the kernel file has no hashes of its samples ({}): it is older than that: compute it again",
             (train_samples.hashes.empty() ? train : cross).path);
    }
    if (train_samples.hashes.size() != cross_samples.hashes.size()) {
        fail(
            ExitCode::bad_input,
            "{} training samples and {} columns ({}, {}): the --data of both kernels must be the same samples",
            train_samples.hashes.size(), cross_samples.hashes.size(), train.path, cross.path);
    }
    for (std::size_t i = 0; i < train_samples.hashes.size(); ++i) {
        if (train_samples.hashes[i] == cross_samples.hashes[i]) continue;
        fail(
            ExitCode::bad_input,
            "training sample {} is another one than column {} ({}, {}): the --data of both kernels must be the same samples, in the same order and scaled alike",
            i, i, train.path, cross.path);
    }
    std::vector<std::string> notes;
    if (train.shape.precision != cross.shape.precision)
        notes.push_back(fmt::format("the training kernel is stored in {}, that of test samples in {}",
                                    to_string(train.shape.precision), to_string(cross.shape.precision)));
    return notes;
}

Repeated count_repeated(const std::vector<std::uint64_t>& train_hashes,
                        const std::vector<std::uint64_t>& test_hashes, const Matrix<double>& targets) {
    Repeated repeated;
    std::unordered_map<std::uint64_t, Index> first;  // of a sample: its first place
    for (std::size_t i = 0; i < train_hashes.size(); ++i) {
        const auto place = static_cast<Index>(i);
        const auto [found, is_new] = first.emplace(train_hashes[i], place);
        if (is_new) continue;
        ++repeated.train_duplicates;
        const double* a = targets.view().row(found->second);
        const double* b = targets.view().row(place);
        if (!std::equal(a, a + targets.cols(), b)) ++repeated.contradicting;
    }
    for (const std::uint64_t hash : test_hashes) {
        repeated.in_train.push_back(first.contains(hash));
        repeated.test_in_train += repeated.in_train.back() ? 1 : 0;
    }
    return repeated;
}

}  // namespace tangram
