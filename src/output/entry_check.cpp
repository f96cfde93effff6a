#include "tangram/output/entry_check.hpp"

#include "entry_findings.hpp"
#include "error_measures.hpp"
#include "probe_reference.hpp"
#include "tangram/support/random.hpp"

#include <algorithm>
#include <cmath>

namespace tangram {

double probe_sign(std::uint64_t seed, Index row) {
    return random_sign(splitmix64(seed), static_cast<std::uint64_t>(row));
}

void check_all_entries(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                       const Distribution& distribution, const Network& network, const Reduction& reduction,
                       const ReadSamples& read_samples, const CheckResources& resources,
                       CheckReport& report) {
    const EntryFindings findings = examine_entries(
        comm, path, shape, distribution.tiles, resources.threads,
        [&] {
            return probe_reference(comm, shape, distribution, network, reduction, read_samples, resources,
                                   report.seed);
        },
        report);
    auto component = report.components.begin();
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        const std::vector<double>& errors = findings.probe_errors[m];
        const auto worst = std::max_element(errors.begin(), errors.end());
        if (shape.matrices[m].is_component()) {
            (component++)->probe_error = *worst;
        } else if (shape.matrices[m].kind == MatrixKind::conjugate_kernel) {
            report.conjugate_error =
                std::isnan(report.conjugate_error) ? *worst : worse(report.conjugate_error, *worst);
        } else {
            report.total.probe_error = *worst;
            report.worst_probe_row = worst - errors.begin();
        }
    }
}

}  // namespace tangram
