#include "tangram/output/entry_check.hpp"

#include "entry_scan.hpp"
#include "error_measures.hpp"
#include "probe_reference.hpp"
#include "tangram/support/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>

namespace tangram {

namespace {

/// Collective. max_i |K v - reference|_i / (|K| |v|)_i, and the row where it is.
double probe_error(const mpi::Communicator& comm, std::vector<double>& products, std::vector<double>& sizes,
                   std::vector<double>& reference, Precision precision, double tolerance, Index& worst_row) {
    mpi::sum(comm, products);
    mpi::sum(comm, sizes);
    mpi::sum(comm, reference);
    // Rows smaller than this may have underflowed on their way.
    const double floor =
        std::max(std::pow(rounding_unit(precision), 2) * *std::max_element(sizes.begin(), sizes.end()),
                 smallest_normal(precision) / tolerance);
    double worst = -1;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const double error = relative_to(std::max(sizes[i], floor), std::abs(products[i] - reference[i]));
        if (error <= worst) continue;
        worst = error;
        worst_row = static_cast<Index>(i);
    }
    return worst;
}

/// Collective. The smallest diagonal entry of all matrices, by matrix and sample, into the report.
void find_smallest_diagonal(const mpi::Communicator& comm, const KernelShape& shape, const EntryScan& scan,
                            CheckReport& report) {
    std::vector<double> negated(scan.smallest.size());
    std::transform(scan.smallest.begin(), scan.smallest.end(), negated.begin(), std::negate<>());
    mpi::maximum(comm, negated);
    const auto worst = std::max_element(negated.begin(), negated.end());
    const auto m = static_cast<std::size_t>(worst - negated.begin());
    report.smallest_diagonal = -*worst;
    const Index mine = scan.smallest[m] == -*worst ? scan.smallest_row[m] : -1;
    const auto row = static_cast<Index>(mpi::maximum(comm, static_cast<double>(mine)));
    report.smallest_diagonal_place =
        fmt::format("{}, sample {}", shape.matrices[m].path, row / shape.matrices[m].rows_per_sample);
}

}  // namespace

double probe_sign(std::uint64_t seed, Index row) {
    return random_sign(splitmix64(seed), static_cast<std::uint64_t>(row));
}

void check_all_entries(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                       const Distribution& distribution, const Network& network, const Reduction& reduction,
                       const ReadSamples& read_samples, const CheckResources& resources,
                       CheckReport& report) {
    // The disk reads while the processor multiplies: the scan makes no MPI call, and HDF5 calls only to open.
    const TileFile file(path, shape, TileFile::Access::read);
    auto scanning = std::async(std::launch::async, [&] {
        return scan_entries(file, shape, distribution.tiles, resources.threads, report.seed);
    });
    ProbeReference reference =
        probe_reference(comm, shape, distribution, network, reduction, read_samples, resources, report.seed);
    EntryScan scan = scanning.get();
    mpi::maximum(comm, scan.largest);
    mpi::maximum(comm, scan.asymmetry);
    find_smallest_diagonal(comm, shape, scan, report);
    report.symmetry_error = 0;
    auto component = report.components.begin();
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        report.symmetry_error = worse(report.symmetry_error, relative_to(scan.largest[m], scan.asymmetry[m]));
        Index worst_row = -1;
        const double error = probe_error(comm, scan.products[m], scan.sizes[m], reference.products[m],
                                         shape.precision, report.tolerance, worst_row);
        if (shape.matrices[m].is_component()) {
            (component++)->probe_error = error;
        } else if (shape.matrices[m].kind == MatrixKind::conjugate_kernel) {
            report.conjugate_error =
                std::isnan(report.conjugate_error) ? error : worse(report.conjugate_error, error);
        } else {
            report.total.probe_error = error;
            report.worst_probe_row = worst_row;
        }
    }
    const double sum_difference = mpi::maximum(comm, scan.sum_difference);
    if (!report.components.empty()) {
        report.sum_of_components_error = relative_to(scan.largest.back(), sum_difference);
    }
}

}  // namespace tangram
