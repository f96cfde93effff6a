#include "tangram/output/probe_check.hpp"

#include "entry_scan.hpp"
#include "probe_reference.hpp"
#include <cmath>
#include <limits>

namespace tangram {

namespace {

double ratio(double numerator, double denominator) {
    if (numerator == 0) return 0;
    return denominator > 0 ? numerator / denominator : std::numeric_limits<double>::infinity();
}

/// Collective. max_i |K v - reference|_i / (|K| |v|)_i, and the row where it is.
double probe_error(const mpi::Communicator& comm, std::vector<double>& products, std::vector<double>& sizes,
                   std::vector<double>& reference, Index& worst_row) {
    mpi::sum(comm, products);
    mpi::sum(comm, sizes);
    mpi::sum(comm, reference);
    double worst = -1;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const double error = ratio(std::abs(products[i] - reference[i]), sizes[i]);
        if (error <= worst) continue;
        worst = error;
        worst_row = static_cast<Index>(i);
        if (std::isnan(error)) break;
    }
    return worst;
}

}  // namespace

double probe_sign(std::uint64_t seed, Index row) {
    // splitmix64 (Steele, Lea and Flood, OOPSLA 2014) of seed and row.
    std::uint64_t z = seed + (static_cast<std::uint64_t>(row) + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return ((z ^ (z >> 31U)) & 1U) != 0 ? 1.0 : -1.0;
}

void check_all_entries(const mpi::Communicator& comm, const std::string& path, const KernelShape& shape,
                       const Network& network, const Reduction& reduction, const ReadSamples& read_samples,
                       CheckReport& report) {
    ProbeReference reference = probe_reference(comm, shape, network, reduction, read_samples, report.seed);
    const std::vector<Tile> tiles = tiles_of(assign_tiles(shape.panels, make_grid(comm.size())), comm.rank());
    EntryScan scan = scan_entries(path, shape, tiles, report.seed);
    mpi::maximum(comm, scan.largest);
    mpi::maximum(comm, scan.asymmetry);
    report.symmetry_error = 0;
    auto component = report.components.begin();
    bool components_stored = false;
    for (std::size_t m = 0; m < shape.matrices.size(); ++m) {
        report.symmetry_error = worse(report.symmetry_error, ratio(scan.asymmetry[m], scan.largest[m]));
        Index worst_row = -1;
        const double error =
            probe_error(comm, scan.products[m], scan.sizes[m], reference.products[m], worst_row);
        if (shape.matrices[m].is_component()) {
            (component++)->probe_error = error;
            components_stored = true;
        } else if (shape.matrices[m].kind == MatrixKind::conjugate_kernel) {
            report.conjugate_error =
                std::isnan(report.conjugate_error) ? error : worse(report.conjugate_error, error);
        } else {
            report.total.probe_error = error;
            report.worst_probe_row = worst_row;
        }
    }
    const double sum_difference = mpi::maximum(comm, scan.sum_difference);
    if (components_stored) report.sum_of_components_error = ratio(sum_difference, scan.largest.back());
}

}  // namespace tangram
