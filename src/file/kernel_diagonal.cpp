#include "tangram/file/kernel_diagonal.hpp"

#include "tangram/file/format.hpp"
#include "tangram/support/error.hpp"

#include <algorithm>

namespace tangram {

Matrix<double> read_diagonal(const KernelFile& kernel) {
    const Index entries = kernel.shape.total().rows_each * kernel.shape.total().rows_each;
    const h5::Handle file = open_kernel_file(kernel.path);
    const std::vector<double> values = h5::read_doubles(h5::open_dataset(file, "/diagonal"));
    if (static_cast<Index>(values.size()) != kernel.test_samples * entries) {
        fail(ExitCode::bad_input,
             "a dataset has a shape that does not fit the others ({}:/diagonal, {} values for {}): {}",
             kernel.path, values.size(), kernel.test_samples * entries, get_another);
    }
    Matrix<double> diagonal(kernel.test_samples, entries);
    std::copy_n(values.data(), values.size(), diagonal.data());
    return diagonal;
}

}  // namespace tangram
