#include "tangram/file/derived_file.hpp"

#include "tangram/support/blas.hpp"

namespace tangram {

h5::Handle create_derived_file(const std::string& path, const std::string& format, const KernelFile& kernel,
                               const Provenance& provenance) {
    h5::Handle file = h5::create_serial(path);
    const h5::Handle root = h5::open_group(file, "/");
    h5::write_attribute(root, "format", format);
    h5::write_attribute(root, "format_version", Index{1});
    h5::write_attribute(root, "software", std::string("tangram"));
    h5::write_attribute(root, "software_version", software_version());
    h5::write_attribute(root, "git_commit", git_commit());
    h5::write_attribute(root, "date", timestamp());
    h5::write_attribute(root, "status", std::string("complete"));
    h5::write_attribute(root, "precision", to_string(kernel.shape.precision));
    const h5::Handle group = h5::create_group(file, "/provenance");
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
    return file;
}

void write_attributes(const h5::Handle& object, const std::vector<Attribute>& attributes) {
    for (const Attribute& attribute : attributes)
        std::visit([&](const auto& value) { h5::write_attribute(object, attribute.name, value); },
                   attribute.value);
}

}  // namespace tangram
