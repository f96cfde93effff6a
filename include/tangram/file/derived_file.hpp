#pragma once
// What is computed from a kernel file goes to a file of its own, on one rank. All such files begin alike:
//
//   /              attributes: format, format_version, software, software_version, git_commit, date, status, precision
//   /provenance    attributes: command_line, configuration, kernel_file, kernel_date, kernel_contents, compiler, blas, mpi,
//                  hdf5, hosts, slurm_job_id

#include "tangram/file/kernel_file.hpp"
#include "tangram/file/provenance.hpp"
#include "tangram/support/hdf5.hpp"

#include <string>

namespace tangram {

/// Creates (or truncates) the file, "complete" by its status, and writes the above. One rank. Throws Error(io).
h5::Handle create_derived_file(const std::string& path, const std::string& format, const KernelFile& kernel,
                               const Provenance& provenance);

/// Attributes that come as data.
void write_attributes(const h5::Handle& object, const std::vector<Attribute>& attributes);

}  // namespace tangram
