#pragma once
// Some entries of a kernel file and of another program's kernel: those between a few samples, which meet every tile.

#include "tangram/compare/compared_files.hpp"
#include "tangram/compare/entry_comparison.hpp"
#include "tangram/compare/explanation.hpp"

#include <vector>

namespace tangram {

/// What the attributes of the file say of the kernel and its components (of the kernel as its one component, where none are
/// stored). One rank. Throws Error(io).
KernelFacts read_facts(const KernelFile& kernel);

/// The labels of some samples in a dataset of the file, "/labels" or "/test_labels", where all of them are whole numbers from
/// 0 to C - 1; else none. One rank. Throws Error(io).
std::vector<Index> read_classes(const KernelFile& kernel, const std::string& dataset,
                                const std::vector<std::int64_t>& samples);

/// How large an entry may be: |K_ij| <= sqrt(rows_i columns_j). The kernels of each row's and each column's sample with itself,
///
///   rows      K_ii: the diagonal, or /diagonal of the file where the matrix has none
///   columns   the same; where the file has none of them, what follows from K_ij^2 <= K_ii K_jj: the mean of K_ij^2 over i, by
///             the mean of K_ii, which is no more than K_jj
struct EntryScales {
    std::vector<double> rows, columns;  ///< (m), (n)
};

/// Collective. `sums`: of our kernel. The same on every rank. Throws AgreedError.
EntryScales read_scales(const ComparedFiles& files, const MatrixSums& sums);

/// Collective. The fit of OTHER's entries on those of the stored components: of all entries up to a million, of those between
/// a thousand chosen rows and columns beyond. The same on every rank. Throws AgreedError.
FitProblem fit_problem(const ComparedFiles& files, const EntryScales& scales);

/// The same from matrices in memory: components[k] and `other`, (m, n). `symmetric`: rows and columns are the same samples.
FitProblem fit_problem(const mpi::Communicator& self, const std::vector<Matrix<double>>& components,
                       const Matrix<double>& other, const EntryScales& scales, bool symmetric,
                       double rounding);

}  // namespace tangram
