#include "entry_findings.hpp"

#include "entry_scan.hpp"
#include "error_measures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>

namespace tangram {

namespace {

/// Collective. |K v - reference|_i / (|K| |v|)_i of every row.
std::vector<double> probe_errors(const mpi::Communicator& comm, std::vector<double>& products,
                                 std::vector<double>& sizes, std::vector<double>& reference,
                                 Precision precision, double tolerance) {
    mpi::sum(comm, products);
    mpi::sum(comm, sizes);
    mpi::sum(comm, reference);
    // Rows smaller than this may have underflowed on their way.
    const double floor =
        std::max(std::pow(rounding_unit(precision), 2) * *std::max_element(sizes.begin(), sizes.end()),
                 smallest_normal(precision) / tolerance);
    std::vector<double> errors(products.size());
    for (std::size_t i = 0; i < products.size(); ++i)
        errors[i] = relative_to(std::max(sizes[i], floor), std::abs(products[i] - reference[i]));
    return errors;
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
    const char* unit = shape.space() == Space::samples ? "sample" : "parameter";
    report.smallest_diagonal_place =
        fmt::format("{}, {} {}", shape.matrices[m].path, unit, row / shape.matrices[m].rows_per_sample);
}

}  // namespace

EntryFindings examine_entries(const mpi::Communicator& comm, const std::string& path,
                              const KernelShape& shape, const std::vector<Tile>& tiles, int threads,
                              const std::function<ProbeReference()>& make_reference, CheckReport& report) {
    // The disk reads while the processor multiplies: the scan makes no MPI call, and HDF5 calls only to open.
    const TileFile file(path, shape, TileFile::Access::read);
    auto scanning = std::async(std::launch::async,
                               [&] { return scan_entries(file, shape, tiles, threads, report.seed); });
    ProbeReference reference = make_reference();
    EntryScan scan = scanning.get();
    mpi::maximum(comm, scan.largest);
    mpi::maximum(comm, scan.asymmetry);
    mpi::sum(comm, scan.traces);
    find_smallest_diagonal(comm, shape, scan, report);
    report.symmetry_error = 0;
    EntryFindings findings{{}, scan.traces};
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        report.symmetry_error = worse(report.symmetry_error, relative_to(scan.largest[m], scan.asymmetry[m]));
        findings.probe_errors.push_back(probe_errors(
            comm, scan.products[m], scan.sizes[m], reference.products[m], shape.precision, report.tolerance));
    }
    const double sum_difference = mpi::maximum(comm, scan.sum_difference);
    const bool has_components = std::any_of(shape.matrices.begin(), shape.matrices.end(),
                                            [](const KernelMatrix& matrix) { return matrix.is_component(); });
    if (has_components) report.sum_of_components_error = relative_to(scan.largest.back(), sum_difference);
    return findings;
}

}  // namespace tangram
