#pragma once
// The spectra of a kernel file in a file of their own, format "tangram spectrum", version 1:
//
//   /                              attributes: format, format_version, software, .., status, kernel_file, ..
//   /spectrum/<name>/eigenvalues   (n), ascending; attributes, also of the group: solver, trace, condition_number, ..;
//                                  of the group `place`: 0, 1, .. in the order of the network, the kernel first
//   /spectrum/<name>/eigenvectors  (n, k): column j belongs to the j-th of the last k eigenvalues; where asked for
//   /spectrum/<name>/projections, cumulative_power  (n, C), row j of the j-th eigenvalue; alignment_of_columns (C); gcv, gcv_ridge;
//                                  where targets were given (spectrum/target_facts.hpp)

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/spectrum/spectrum.hpp"
#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/mpi.hpp"

#include <string>

namespace tangram {

/// Root's open file of spectra.
class SpectrumFile {
public:
    SpectrumFile(const std::string& path, const KernelFile& kernel, const Provenance& provenance);
    void write(const Spectrum& spectrum);
    /// Attributes of the root: what targets were given.
    void describe(const std::vector<Attribute>& attributes);
    /// Creates the dataset (n, k) of eigenvectors of a spectrum that was written.
    void begin_vectors(const std::string& name, Index n, Index k);
    /// Its rows from `first` on, (rows, k).
    void write_vectors(const std::string& name, Index first, ConstMatrixView<double> rows);
    /// Throws Error(io).
    void close();

private:
    std::string path_;
    h5::Handle file_;
    Index spectra_ = 0;  ///< that were written
};

/// Collective over `comm`, the solver's ranks: the last k of the vectors to root's file, some rows at a time.
//
//                rank 0            rank 1                    rank 0
//   BEFORE       blocks of V       blocks of V      AFTER    rows of V, all its columns (then the next rows)
void write_eigenvectors(const mpi::Communicator& comm, const BlockCyclic& layout,
                        const AlignedBuffer<double>& vectors, const std::string& name, Index k,
                        SpectrumFile* file);

}  // namespace tangram
