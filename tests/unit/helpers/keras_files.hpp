#pragma once
// A .keras archive of two dense layers, 2-3-1, around any configuration.

#include "array_files.hpp"
#include "input_file.hpp"

namespace tangram::test {

/// The weights of a Keras model of two layers, as HDF5.
inline std::string keras_weights() {
    const TemporaryFile path("seed.weights.h5");
    {
        const h5::Handle file(H5Fcreate(path.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                              H5Fclose);
        put(file, "layers/dense/vars/0", H5T_IEEE_F32LE, {2, 3}, counting(6));
        put(file, "layers/dense/vars/1", H5T_IEEE_F32LE, {3}, counting(3));
        put(file, "layers/dense_1/vars/0", H5T_IEEE_F32LE, {3, 1}, counting(3));
    }
    std::ifstream file(path.path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// `metadata` is metadata.json, which has the version of Keras.
inline std::string keras_archive(const std::string& config,
                                 const std::string& metadata = R"({"keras_version": "3.3.3"})") {
    static const std::string weights = keras_weights();
    return zip({{"metadata.json", metadata}, {"config.json", config}, {"model.weights.h5", weights, true}});
}

}  // namespace tangram::test
