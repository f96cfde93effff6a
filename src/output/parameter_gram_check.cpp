#include "tangram/output/parameter_gram_check.hpp"

#include "check_gradients.hpp"
#include "entry_findings.hpp"
#include "error_measures.hpp"
#include "gram_comparison.hpp"
#include "gram_reference.hpp"
#include "tangram/kernel/parameter_gram.hpp"
#include "tangram/output/entry_check.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

namespace {

/// The check samples that lie near no kink.
struct Comparable {
    Matrix<double> X;
    std::vector<SampleGradient> gradients;
};

Comparable leave_out(ConstMatrixView<double> X, std::vector<SampleGradient> gradients,
                     const std::vector<bool>& excluded) {
    const auto kept = static_cast<Index>(std::count(excluded.begin(), excluded.end(), false));
    Comparable comparable{Matrix<double>(kept, X.cols), {}};
    for (Index k = 0; k < X.rows; ++k) {
        if (excluded[at(k)]) continue;
        std::copy_n(X.row(k), X.cols,
                    comparable.X.view().row(static_cast<Index>(comparable.gradients.size())));
        comparable.gradients.push_back(std::move(gradients[at(k)]));
    }
    return comparable;
}

/// A line for every tensor, nothing compared: which is no pass.
void add_empty_components(const Network& network, CheckReport& report) {
    for (const ParameterBlock& block : parameter_blocks(network)) {
        report.components.emplace_back();
        report.components.back().name = block.name;
    }
    report.total.name = "parameter_gram";
}

}  // namespace

void check_parameter_gram(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                          const Distribution& distribution, const Network& network,
                          const Reduction& reduction, ConstMatrixView<double> X,
                          const ReadSamples& read_samples, int threads, CheckReport& report) {
    std::vector<SampleGradient> gradients = gradients_of(comm, network, X);
    const std::vector<bool> excluded = near_kink(network, X, gradients);
    report.samples_near_kink = std::count(excluded.begin(), excluded.end(), true);
    raise_tolerance(comm, network, gradients, report);
    check_finite_differences(comm, network, gradients, report);
    const Comparable comparable = leave_out(X, std::move(gradients), excluded);
    if (comparable.gradients.empty()) {
        add_empty_components(network, report);
    } else {
        compare_gram_tiles(comm, shape, distribution.tiles, network, reduction, comparable.X.view(),
                           comparable.gradients, threads, report);
    }

    std::vector<double> u(at(shape.panels.samples));
    for (std::size_t p = 0; p < u.size(); ++p) u[p] = probe_sign(report.seed, static_cast<Index>(p));
    double trace = 0;
    const EntryFindings findings = examine_entries(
        comm, path, shape, distribution.tiles, threads,
        [&] {
            FeaturePanels features(sample_batches(shape.samples, reduction), network, reduction,
                                   read_samples);
            GramReference reference =
                gram_reference(comm, network, reduction, features, distribution.shard, threads, u);
            trace = reference.trace;
            return ProbeReference{{std::move(reference.products)}};
        },
        report);
    report.trace_error = relative_to(trace, std::abs(findings.traces[0] - trace));
    const std::vector<double>& errors = findings.probe_errors[0];
    const auto blocks = parameter_blocks(network);
    for (std::size_t t = 0; t < blocks.size(); ++t) {
        const auto begin = errors.begin() + blocks[t].first;
        report.components[t].probe_error = *std::max_element(begin, begin + blocks[t].size);
    }
    const auto worst = std::max_element(errors.begin(), errors.end());
    report.total.probe_error = *worst;
    report.worst_probe_row = worst - errors.begin();
}

}  // namespace tangram
