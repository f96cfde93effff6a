#include "tangram/spectrum/spectrum_file.hpp"

#include "tangram/file/kernel_rows.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tangram {

namespace {

/// Rows of eigenvectors that are on their way at once.
constexpr Index rows_at_once = 256;

void write_attributes(const h5::Handle& object, const Spectrum& s) {
    h5::write_attribute(object, "solver", s.solver);
    h5::write_attribute(object, "seconds", s.seconds);
    h5::write_attribute(object, "n", static_cast<Index>(s.eigenvalues.size()));
    h5::write_attribute(object, "trace", s.trace);
    h5::write_attribute(object, "condition_number", s.condition_number);
    h5::write_attribute(object, "condition_number_is_noise", Index{s.below_noise_floor > 0 ? 1 : 0});
    h5::write_attribute(object, "effective_rank", s.effective_rank);
    h5::write_attribute(object, "entropy_rank", s.entropy_rank);
    h5::write_attribute(object, "stable_rank", s.stable_rank);
    h5::write_attribute(object, "largest_stable_step", s.largest_stable_step);
    h5::write_attribute(object, "storage_noise", s.storage_noise);
    h5::write_attribute(object, "noise_floor_worst_case", s.noise_floor_worst_case);
    h5::write_attribute(object, "below_noise_floor", s.below_noise_floor);
    h5::write_attribute(object, "trace_error", s.value_errors.trace);
    h5::write_attribute(object, "trace_of_square_error", s.value_errors.squares);
    h5::write_attribute(object, "power_iteration_error", s.value_errors.rayleigh);
    if (!s.errors) return;
    h5::write_attribute(object, "residual", s.errors->residual);
    h5::write_attribute(object, "orthogonality", s.errors->orthogonality);
}

}  // namespace

void read_block_cyclic(const TileFile& file, const KernelFile& kernel, std::size_t m,
                       const BlockCyclic& layout, AlignedBuffer<double>& local) {
    const Index rows = layout.rows.local_extent();
    const Index cols = layout.cols.local_extent();
    local = AlignedBuffer<double>(std::max<Index>(1, rows * cols));
    std::vector<double> row;
    for (Index i = 0; i < rows; ++i) {
        const Index global_row = layout.rows.global(i);
        read_row(file, kernel.shape, m, global_row, row);
        for (Index j = 0; j < cols; ++j) {
            const Index global_col = layout.cols.global(j);
            const double entry = row[at(global_col)];
            if (!std::isfinite(entry)) {
                fail(ExitCode::bad_input,
                     "{} at row {}, column {} ({}:{}): 'tangram verify' finds what is wrong with the file",
                     std::isnan(entry) ? "a NaN" : "an infinity", global_row, global_col, kernel.path,
                     kernel.shape.matrices[m].path);
            }
            local.data()[i + j * rows] = entry;
        }
    }
}

SpectrumFile::SpectrumFile(const std::string& path, const KernelFile& kernel, const Provenance& provenance)
    : path_(path), file_(h5::create_serial(path)) {
    const h5::Handle root = h5::open_group(file_, "/");
    h5::write_attribute(root, "format", std::string("tangram spectrum"));
    h5::write_attribute(root, "format_version", Index{1});
    h5::write_attribute(root, "software", std::string("tangram"));
    h5::write_attribute(root, "software_version", software_version());
    h5::write_attribute(root, "git_commit", git_commit());
    h5::write_attribute(root, "date", timestamp());
    h5::write_attribute(root, "status", std::string("complete"));
    h5::write_attribute(root, "precision", to_string(kernel.shape.precision));
    const h5::Handle group = h5::create_group(file_, "/provenance");
    h5::write_attribute(group, "command_line", provenance.command_line);
    h5::write_attribute(group, "configuration", provenance.configuration);
    h5::write_attribute(group, "kernel_file", kernel.path);
    h5::write_attribute(group, "kernel_date", kernel.date);
    h5::write_attribute(group, "kernel_contents", kernel.contents.value_or(0));
    h5::write_attribute(group, "compiler", compiler());
    h5::write_attribute(group, "blas", blas::library_description() + ", kernel " + provenance.blas_kernel);
    h5::write_attribute(group, "mpi", mpi::library_version());
    h5::write_attribute(group, "hdf5", h5::library_version());
    h5::write_attribute(group, "hosts", provenance.hosts);
    h5::write_attribute(group, "slurm_job_id", provenance.slurm_job_id);
}

void SpectrumFile::write(const Spectrum& spectrum) {
    const std::string path = "/spectrum/" + spectrum.name;
    const h5::Handle group = h5::create_group(file_, path);
    const std::array<Index, 1> length{static_cast<Index>(spectrum.eigenvalues.size())};
    h5::write_dataset(file_, path + "/eigenvalues", spectrum.eigenvalues, length);
    h5::write_attribute(group, "place", spectra_++);
    write_attributes(group, spectrum);
    write_attributes(h5::open_dataset(file_, path + "/eigenvalues"), spectrum);
}

void SpectrumFile::begin_vectors(const std::string& name, Index n, Index k) {
    const std::array<Index, 2> dims{n, k};
    h5::create_dataset(file_, "/spectrum/" + name + "/eigenvectors", H5T_IEEE_F64LE, dims);
}

void SpectrumFile::write_vectors(const std::string& name, Index first, ConstMatrixView<double> rows) {
    h5::write_block(h5::open_dataset(file_, "/spectrum/" + name + "/eigenvectors"), first, 0, rows);
}

void SpectrumFile::close() {
    file_.close(path_);
}

void write_eigenvectors(const mpi::Communicator& comm, const BlockCyclic& layout,
                        const AlignedBuffer<double>& vectors, const std::string& name, Index k,
                        SpectrumFile* file) {
    const Index n = layout.rows.extent;
    const Index local_rows = layout.rows.local_extent();
    const Index local_cols = layout.cols.local_extent();
    if (file != nullptr) file->begin_vectors(name, n, k);
    Index local = 0;  // the first local row that is not written yet
    for (Index first = 0; first < n; first += rows_at_once) {
        const Index count = std::min(rows_at_once, n - first);
        Matrix<double> rows(count, k);
        for (; local < local_rows && layout.rows.global(local) < first + count; ++local) {
            for (Index j = 0; j < local_cols; ++j) {
                const Index column = layout.cols.global(j) - (n - k);
                if (column >= 0)
                    rows(layout.rows.global(local) - first, column) = vectors.data()[local + j * local_rows];
            }
        }
        mpi::sum(comm, std::span<double>(rows.data(), at(rows.size())));
        if (file != nullptr) file->write_vectors(name, first, std::as_const(rows).view());
    }
}

}  // namespace tangram
