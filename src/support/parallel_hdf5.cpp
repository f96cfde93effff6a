#include "tangram/support/parallel_hdf5.hpp"

#include "tangram/support/error.hpp"

namespace tangram::h5 {

namespace {

Handle parallel_access(const mpi::Communicator& comm) {
    Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    require(H5Pset_fapl_mpio(access.get(), comm.get(), MPI_INFO_NULL), "choosing MPI-IO");
    require(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_LATEST), "choosing a file format");
    require(H5Pset_coll_metadata_write(access.get(), true), "choosing collective metadata");
    // Whole tiles start on page boundaries; the small pieces of metadata share theirs.
    require(H5Pset_alignment(access.get(), 65536, 4096), "aligning tiles");
    return access;
}

}  // namespace

Handle create_parallel(const std::string& path, const mpi::Communicator& comm) {
    const Handle access = parallel_access(comm);
    Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
    if (!file.valid()) fail(ExitCode::io, "cannot create ({}): {}", path, last_error());
    return file;
}

}  // namespace tangram::h5
