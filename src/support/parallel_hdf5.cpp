#include "tangram/support/parallel_hdf5.hpp"

#include "tangram/support/error.hpp"

namespace tangram::h5 {

namespace {

/// Owns an MPI_Info.
class Info {
public:
    explicit Info(const MpiIoHints& hints) {
        MPI_Info_create(&info_);
        for (const auto& [key, value] : hints) MPI_Info_set(info_, key.c_str(), value.c_str());
    }
    ~Info() { MPI_Info_free(&info_); }
    Info(const Info&) = delete;
    Info& operator=(const Info&) = delete;
    [[nodiscard]] MPI_Info get() const { return info_; }

private:
    MPI_Info info_ = MPI_INFO_NULL;
};

Handle parallel_access(const mpi::Communicator& comm, const MpiIoHints& hints) {
    Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    const Info info(hints);  // HDF5 keeps a copy
    require(H5Pset_fapl_mpio(access.get(), comm.get(), info.get()), "choosing MPI-IO");
    require(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_LATEST), "choosing a file format");
    require(H5Pset_coll_metadata_write(access.get(), true), "choosing collective metadata");
    // Whole tiles start on page boundaries; the small pieces of metadata share theirs.
    require(H5Pset_alignment(access.get(), 65536, 4096), "aligning tiles");
    return access;
}

}  // namespace

Handle create_parallel(const std::string& path, const mpi::Communicator& comm, const MpiIoHints& hints) {
    const Handle access = parallel_access(comm, hints);
    Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
    if (!file.valid()) fail(ExitCode::io, "cannot create ({}): {}", path, last_error());
    return file;
}

}  // namespace tangram::h5
