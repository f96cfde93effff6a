#include "tangram/regression/stored_modes.hpp"

#include "tangram/support/agreement.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hdf5.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

constexpr Index rows_at_once = 256;

h5::Handle open_spectra(const std::string& path, const KernelFile& kernel) {
    h5::Handle file = h5::open_readonly(path);
    const h5::Handle root = h5::open_group(file, "/");
    if (!h5::has_attribute(root, "format") || h5::read_text_attribute(root, "format") != "tangram spectrum")
        fail(ExitCode::bad_input,
             "no file of spectra ({}): name the --output of 'tangram spectrum --vectors'", path);
    const h5::Handle group = h5::open_group(file, "/provenance");
    if (h5::read_unsigned_attribute(group, "kernel_contents") != kernel.contents.value_or(0)) {
        fail(ExitCode::bad_input,
             "the eigenvectors are those of another kernel file ({}, not {}): make them of this one", path,
             kernel.path);
    }
    return file;
}

}  // namespace

std::shared_ptr<const Modes> modes_of_file(const KernelOnRanks& kernel, const std::string& path,
                                           const KernelFile& file, const KernelSum& sum) {
    std::vector<double> values;
    std::string group;
    agree(kernel.comm, [&] {
        if (sum.matrices.size() != 1)
            fail(ExitCode::usage, "--eigen is of one matrix, and --components name {}: leave --eigen out",
                 sum.matrices.size());
        const StoredMatrix& matrix = file.shape.matrices[sum.matrices.front()];
        group = "/spectrum" + matrix.path;
        const h5::Handle spectra = open_spectra(path, file);
        const Index n = file.shape.rows(matrix);
        const bool there = h5::exists(spectra, group) && h5::exists(spectra, group + "/eigenvectors");
        if (!there ||
            h5::shape(h5::open_dataset(spectra, group + "/eigenvectors")) != std::vector<Index>{n, n}) {
            fail(ExitCode::bad_input,
                 "the file has not all eigenvectors of {} ({}): 'tangram spectrum --vectors' writes them",
                 matrix.path.substr(1), path);
        }
        values = h5::read_doubles(h5::open_dataset(spectra, group + "/eigenvalues"));
    });
    const auto read = [&](AlignedBuffer<double>& local) {
        agree(kernel.comm, [&] {
            const h5::Handle spectra = open_spectra(path, file);
            const h5::Handle vectors = h5::open_dataset(spectra, group + "/eigenvectors");
            const CyclicAxis& rows = kernel.layout.rows;
            const CyclicAxis& cols = kernel.layout.cols;
            const Index count = rows.local_extent();
            local = AlignedBuffer<double>(std::max<Index>(1, kernel.layout.local_size()));
            Index here = 0;
            for (Index first = 0; first < rows.extent; first += rows_at_once) {
                const Index height = std::min(rows_at_once, rows.extent - first);
                if (here >= count || rows.global(here) >= first + height) continue;
                Matrix<double> part(height, rows.extent);
                h5::read_rows(vectors, first, part.view());
                for (; here < count && rows.global(here) < first + height; ++here) {
                    for (Index j = 0; j < cols.local_extent(); ++j)
                        local.data()[here + j * count] = part(rows.global(here) - first, cols.global(j));
                }
            }
        });
    };
    return modes_from(kernel, std::move(values), sum.scale, read);
}

}  // namespace tangram
