#pragma once
// BLACS' grid of processes, and ScaLAPACK's descriptions of matrices that lie on it. Private to support/.

#ifdef TANGRAM_HAVE_SCALAPACK

#include "tangram/support/block_cyclic.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/mpi.hpp"
#include "tangram/support/narrow.hpp"

#include <algorithm>
#include <array>

extern "C" {
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int* context, const char* order, int rows, int cols);
void Cblacs_gridexit(int context);
void descinit_(int* desc, const int* m, const int* n, const int* mb, const int* nb, const int* rsrc,
               const int* csrc, const int* context, const int* lld, int* info);
}

namespace tangram {

/// Owns a process grid. Collective.
class ProcessGrid {
public:
    ProcessGrid(const mpi::Communicator& comm, const BlockCyclic& layout)
        : handle_(Csys2blacs_handle(comm.get())), context_(handle_) {
        Cblacs_gridinit(&context_, "Row", layout.rows.count, layout.cols.count);
    }
    ~ProcessGrid() {
        Cblacs_gridexit(context_);
        Cfree_blacs_system_handle(handle_);
    }
    ProcessGrid(const ProcessGrid&) = delete;
    ProcessGrid& operator=(const ProcessGrid&) = delete;
    [[nodiscard]] std::array<int, 9> describe(const BlockCyclic& layout) const {
        std::array<int, 9> description{};
        const int rows = narrow(layout.rows.extent, "rows");
        const int cols = narrow(layout.cols.extent, "columns");
        const int row_block = narrow(layout.rows.block, "rows of a block");
        const int col_block = narrow(layout.cols.block, "columns of a block");
        const int ld = narrow(std::max<Index>(1, layout.rows.local_extent()), "rows of a rank");
        const int zero = 0;
        int info = 0;
        descinit_(description.data(), &rows, &cols, &row_block, &col_block, &zero, &zero, &context_, &ld,
                  &info);
        if (info != 0) fail(ExitCode::failed, "ScaLAPACK descinit failed (info = {})", info);
        return description;
    }

private:
    int handle_;
    int context_;
};

}  // namespace tangram

#endif
