#include "tangram/checks/verification.hpp"

#include "tangram/file/contents_checksum.hpp"
#include "tangram/file/format.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/error_measures.hpp"
#include "tangram/support/text.hpp"
#include "tile_verification.hpp"

#include <algorithm>

namespace tangram {

namespace {

Checksums read_checksums(const KernelFile& kernel) {
    const h5::Handle file = open_kernel_file(kernel.path);
    Checksums checksums;
    for (const StoredMatrix& matrix : kernel.shape.matrices)
        checksums.push_back(h5::read_unsigned(h5::open_dataset(file, "/checksums" + matrix.path)));
    return checksums;
}

/// Tile pairs dealt to the ranks in turn.
std::vector<Tile> deal_tiles(const Axes& axes, int ranks, int rank) {
    const std::vector<Tile> all = axes.all();
    std::vector<Tile> tiles;
    for (std::size_t k = at(rank); k < all.size(); k += at(ranks)) tiles.push_back(all[k]);
    return tiles;
}

/// Collective. What all ranks found.
Verification gather_findings(const mpi::Communicator& comm, const Findings& mine) {
    Verification all;
    all.matrices = mine.matrices;
    for (MatrixVerification& matrix : all.matrices) {
        matrix.changed_tiles = mpi::sum(comm, matrix.changed_tiles);
        matrix.unlike_entries = mpi::sum(comm, matrix.unlike_entries);
        matrix.bad_tiles = mpi::sum(comm, matrix.bad_tiles);
        matrix.largest_on_diagonal = mpi::maximum(comm, matrix.largest_on_diagonal);
        matrix.symmetry_error =
            relative_error_of(mpi::maximum(comm, matrix.symmetry_error), matrix.largest_on_diagonal);
    }
    all.sum_error = mpi::maximum(comm, mine.sum_error);
    all.tiles = mpi::sum(comm, mine.tiles);
    all.bytes = mpi::sum(comm, mine.bytes);
    all.bad_tiles = mpi::sum(comm, mine.bad_tiles);
    // Places are far below 2^53, so that a double holds them.
    const auto place = static_cast<double>(mine.first.place);
    const bool is_first = all.bad_tiles > 0 && place == mpi::minimum(comm, place);
    for (const std::string& text : mpi::gather(comm, is_first ? mine.first.text : ""))
        all.first_fault += text;
    return all;
}

}  // namespace

Verification verify_tiles(const mpi::Communicator& comm, const KernelFile& kernel, int threads) {
    const Shape& shape = kernel.shape;
    const auto components = std::count_if(shape.matrices.begin(), shape.matrices.end(),
                                          [](const StoredMatrix& matrix) { return matrix.is_component(); });
    // One rounding for each component that is added, and as much again.
    const double sum_limit = static_cast<double>(components + 1) * rounding_unit(shape.precision);
    Findings mine;
    agree(comm, [&] {
        const TileFile file(kernel.path, shape, TileFile::Access::read);
        const Checksums checksums = read_checksums(kernel);
        mine = verify_pairs({kernel, file, checksums, components > 0, sum_limit},
                            deal_tiles(shape.axes, comm.size(), comm.rank()), threads);
    });
    Verification all = gather_findings(comm, mine);
    all.has_sum = components > 0;
    all.sum_limit = sum_limit;
    return all;
}

bool verify_contents(const KernelFile& kernel) {
    if (!kernel.contents) return false;
    std::set<std::string> matrices;
    for (const StoredMatrix& matrix : kernel.shape.matrices) matrices.insert(matrix.path);
    const h5::Handle file = open_kernel_file(kernel.path);
    std::uint64_t found = 0;
    try {
        require_sensible_texts(file, kernel.path);
        found = contents_checksum(file, matrices);
    } catch (const Error& error) {
        fail(error.code(), "cannot read the kernel file ({}:/): {}: {}", kernel.path, error.what(),
             get_another);
    }
    if (found != *kernel.contents) {
        const std::vector<std::string> changed = changed_objects(file, matrices);
        fail(ExitCode::check_failed,
             "what is no tile is not as it was written ({}:{}, checksum {:016x}, not {:016x}): {}",
             kernel.path, changed.empty() ? "/" : name_some(changed), found, *kernel.contents, get_another);
    }
    return true;
}

}  // namespace tangram
