#pragma once
// HDF5 files of inputs, of many types and shapes, written through the C API.

#include "tangram/input/samples.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

namespace tangram::test {

using Dims = std::vector<hsize_t>;
using Numbers = std::vector<double>;
using Rows = std::vector<std::int64_t>;

/// Writes `values`, converted by HDF5 to `type`; in gzip-compressed chunks where `chunk` is given.
inline void put(const h5::Handle& file, const std::string& name, hid_t type, const Dims& dims,
                const Numbers& values, const Dims& chunk = {}) {
    const h5::Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    const h5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (!chunk.empty()) {
        H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
        H5Pset_shuffle(creation.get());
        H5Pset_deflate(creation.get(), 4);
    }
    const h5::Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
    const h5::Handle dataset(
        H5Dcreate2(file.get(), name.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT),
        H5Dclose);
    CHECK(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
}

inline Numbers counting(std::size_t count) {
    Numbers values(count);
    std::iota(values.begin(), values.end(), 0.0);
    return values;
}

/// A file of inputs: x (10, 6) holds 0..59, so that row i starts with 6 i.
class Inputs {
public:
    Inputs() : path_("inputs.h5") {
        const h5::Handle file = open(H5F_ACC_TRUNC);
        put(file, "x", H5T_IEEE_F64LE, {10, 6}, counting(60));
    }
    [[nodiscard]] h5::Handle reopen() const { return open(H5F_ACC_RDWR); }
    [[nodiscard]] std::string at(const std::string& dataset) const { return path_.path() + ":" + dataset; }
    [[nodiscard]] const std::string& path() const { return path_.path(); }
    [[nodiscard]] SampleOptions samples(const std::string& dataset = "x") const {
        return {{at(dataset)}, "", ""};
    }

private:
    [[nodiscard]] h5::Handle open(unsigned flags) const {
        if (flags == H5F_ACC_TRUNC) {
            return {H5Fcreate(path_.path().c_str(), flags, H5P_DEFAULT, H5P_DEFAULT), H5Fclose};
        }
        return {H5Fopen(path_.path().c_str(), flags, H5P_DEFAULT), H5Fclose};
    }
    TemporaryFile path_;
};

}  // namespace tangram::test
