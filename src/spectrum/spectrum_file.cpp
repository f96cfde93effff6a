#include "tangram/spectrum/spectrum_file.hpp"

#include "tangram/file/derived_file.hpp"
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
    if (s.targets) {
        h5::write_attribute(object, "alignment", s.targets->alignment);
        h5::write_attribute(object, "centred_alignment", s.targets->centred_alignment);
        h5::write_attribute(object, "needed_for_90", s.targets->needed_for_90);
        h5::write_attribute(object, "needed_for_99", s.targets->needed_for_99);
    }
    if (!s.errors) return;
    h5::write_attribute(object, "residual", s.errors->residual);
    h5::write_attribute(object, "orthogonality", s.errors->orthogonality);
}

void write_targets(const h5::Handle& file, const std::string& path, const TargetFacts& facts) {
    const std::array<Index, 2> dims{facts.projections.rows(), facts.projections.cols()};
    const auto whole = [](const Matrix<double>& matrix) {
        return std::span<const double>(matrix.data(), at(matrix.size()));
    };
    const auto write = [&](const char* name, const std::vector<double>& values) {
        h5::write_dataset(file, path + name, values, std::array<Index, 1>{static_cast<Index>(values.size())});
    };
    h5::write_dataset(file, path + "/projections", whole(facts.projections), dims);
    h5::write_dataset(file, path + "/cumulative_power", whole(facts.cumulative_power), dims);
    write("/alignment_of_columns", facts.alignments);
    write("/gcv_ridge", facts.ridges);
    write("/gcv", facts.gcv);
}

}  // namespace

SpectrumFile::SpectrumFile(const std::string& path, const KernelFile& kernel, const Provenance& provenance)
    : path_(path), file_(create_derived_file(path, "tangram spectrum", kernel, provenance)) {}

void SpectrumFile::write(const Spectrum& spectrum) {
    const std::string path = "/spectrum/" + spectrum.name;
    const h5::Handle group = h5::create_group(file_, path);
    const std::array<Index, 1> length{static_cast<Index>(spectrum.eigenvalues.size())};
    h5::write_dataset(file_, path + "/eigenvalues", spectrum.eigenvalues, length);
    h5::write_attribute(group, "place", spectra_++);
    write_attributes(group, spectrum);
    write_attributes(h5::open_dataset(file_, path + "/eigenvalues"), spectrum);
    if (spectrum.targets) write_targets(file_, path, *spectrum.targets);
}

void SpectrumFile::begin_vectors(const std::string& name, Index n, Index k) {
    const std::array<Index, 2> dims{n, k};
    h5::create_dataset(file_, "/spectrum/" + name + "/eigenvectors", H5T_IEEE_F64LE, dims);
}

void SpectrumFile::write_vectors(const std::string& name, Index first, ConstMatrixView<double> rows) {
    h5::write_block(h5::open_dataset(file_, "/spectrum/" + name + "/eigenvectors"), first, 0, rows);
}

void SpectrumFile::describe(const std::vector<Attribute>& attributes) {
    tangram::write_attributes(h5::open_group(file_, "/"), attributes);
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
