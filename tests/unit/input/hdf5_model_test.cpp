// Models in HDF5, written here through the C API.

#include "tangram/input/tensors.hpp"
#include "tangram/support/hdf5.hpp"
#include "temporary_file.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

using namespace tangram;
using test::error_of;
using test::says;
using test::TemporaryFile;

namespace {

h5::Handle create_file(const std::string& path, hsize_t user_block = 0) {
    const h5::Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_userblock(creation.get(), user_block);
    return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT), H5Fclose};
}

/// Writes `values` as a dataset of the file type `type`; `memory` is what they are in memory.
template <class T>
void put(const h5::Handle& file, const std::string& path, const std::vector<hsize_t>& dims,
         const std::vector<T>& values, hid_t type, hid_t memory) {
    const h5::Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    const h5::Handle space(dims.empty()
                               ? H5Screate(H5S_SCALAR)
                               : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                           H5Sclose);
    const h5::Handle dataset(
        H5Dcreate2(file.get(), path.c_str(), type, space.get(), links.get(), H5P_DEFAULT, H5P_DEFAULT),
        H5Dclose);
    CHECK(H5Dwrite(dataset.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
}

void put(const h5::Handle& file, const std::string& path, const std::vector<hsize_t>& dims,
         const std::vector<double>& values) {
    put(file, path, dims, values, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE);
}

/// A floating-point type of 16 bits: 10 fraction bits make IEEE's half, 7 make bfloat16.
h5::Handle small_float(std::size_t fraction) {
    h5::Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
    H5Tset_fields(type.get(), 15, fraction, 15 - fraction, 0, fraction);
    H5Tset_size(type.get(), 2);
    H5Tset_ebias(type.get(), fraction == 10 ? 15 : 127);
    return type;
}

std::string refusal(const std::string& location) {
    return error_of(ExitCode::bad_input, [&] { chain_layers(read_model(location), {}); });
}

}  // namespace

TEST_CASE("groups with weight and bias become tensors named by their path") {
    const TemporaryFile path("m.h5");
    {
        const h5::Handle file = create_file(path.path());
        put(file, "run/model/layer10/weight", {1, 3}, {7, 8, 9});
        put(file, "run/model/layer2/weight", {3, 2}, {1, 2, 3, 4, 5, 6});
        put(file, "run/model/layer2/bias", {3}, {-1, -2, -3});
        put(file, "run/x", {4, 2}, std::vector<double>(8));
    }
    for (const char* group : {"run/model", "/run/model", "run/model/"}) {
        INFO(group);
        const ModelFile model = read_model(path.path() + ":" + group);
        REQUIRE(model.tensors.size() == 3);
        CHECK(model.tensors[0].name == "layer10.weight");
        CHECK(model.tensors[1].name == "layer2.bias");
        CHECK(model.tensors[1].values == std::vector<double>{-1, -2, -3});
        CHECK(model.tensors[2].shape == std::vector<Index>{3, 2});
    }
    const Chain chain = chain_layers(read_model(path.path() + ":run/model"), {});
    REQUIRE(chain.depth() == 2);
    CHECK(chain.layers[0].weight_name == "layer2.weight");
    CHECK(chain.layers[0].weight(2, 0) == 5);
    CHECK(chain.layers[1].name == "layer10");
    CHECK_FALSE(chain.layers[1].has_bias());

    CHECK(says(refusal(path.path() + ":run"), "neither a weight nor a bias (" + path.path() + ":x, (4, 2))"));
    CHECK(
        says(refusal(path.path() + ":run"), "a part that chains by itself is " + path.path() + ":run/model"));
}

TEST_CASE("what does not belong into a model's group is refused by name") {
    const TemporaryFile path("m.h5");
    {
        const h5::Handle file = create_file(path.path());
        put(file, "run/model/layer1/weight", {1, 2}, {7, 8});
        put(file, "run/expected/gram", {1, 1}, {1});
        put(file, "norm/gamma", {3}, {1, 2, 3});
        put(file, "ints/fc/weight", {1, 1}, std::vector<double>{3}, H5T_STD_I32LE, H5T_NATIVE_DOUBLE);
        put(file, "nan/fc/weight", {2, 1}, {1, std::nan("")});
        put(file, "scalar/fc/weight", {}, {1});
        const h5::Handle empty(H5Gcreate2(file.get(), "empty", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                               H5Gclose);
        H5Lcreate_external("gone.h5", "/w", file.get(), "run/broken", H5P_DEFAULT, H5P_DEFAULT);
    }
    CHECK(says(refusal(path.path() + ":norm"),
               "a normalization is in the model (" + path.path() + ":gamma, (3))"));
    CHECK(says(refusal(path.path() + ":run"), "a link leads nowhere (" + path.path() + ":run/broken)"));
    CHECK(says(refusal(path.path() + ":runs"), "groups that hold layers: ints, nan, run/model, scalar"));
    CHECK(says(refusal(path.path() + ":run/model/layer1/weight"), "a dataset, not a group"));
    CHECK(says(refusal(path.path() + ":ints"), "not floating-point numbers"));
    CHECK(says(refusal(path.path() + ":nan"),
               "nan at index (1, 0) (" + path.path() + ":nan/fc/weight, (2, 1))"));
    CHECK(says(refusal(path.path() + ":scalar"), "not a matrix"));
    CHECK(says(refusal(path.path() + ":empty"), "no tensors"));
    CHECK(chain_layers(read_model(path.path() + ":run/model"), {}).depth() == 1);
}

TEST_CASE("a link to a weight counts, a cycle of groups ends") {
    const TemporaryFile path("m.h5");
    {
        const h5::Handle file = create_file(path.path());
        put(file, "a/fc1/weight", {2, 2}, {1, 2, 3, 4});
        put(file, "elsewhere", {2}, {5, 6});
        H5Lcreate_soft("/elsewhere", file.get(), "a/fc1/bias", H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(file.get(), "a", file.get(), "a/fc1/again", H5P_DEFAULT, H5P_DEFAULT);
        put(file, "b/fc1/weight", {1, 1}, {1});
        H5Lcreate_soft("/a", file.get(), "b/fc2", H5P_DEFAULT, H5P_DEFAULT);
    }
    const ModelFile model = read_model(path.path() + ":a");
    REQUIRE(model.tensors.size() == 2);
    CHECK(model.tensors[0].name == "fc1.bias");
    CHECK(model.tensors[0].values == std::vector<double>{5, 6});
    CHECK(says(refusal(path.path() + ":b"),
               ":b/fc2)"));  // a group behind a link by name is not silently left out
}

TEST_CASE("16-, 32- and 64-bit floats of either byte order are read exactly") {
    const TemporaryFile path("m.h5");
    const std::vector<double> values{1, -0.25, 0.333251953125, 65504};
    const std::vector<std::uint16_t> half{0x3c00, 0x0001, 0x83ff, 0x3555};
    const std::vector<std::uint16_t> bfloat{0x3f80, 0x0001, 0xc049, 0x7f7f};
    {
        const h5::Handle file = create_file(path.path());
        put(file, "f32/weight", {2, 2}, values, H5T_IEEE_F32BE, H5T_NATIVE_DOUBLE);
        put(file, "f64/weight", {2, 2}, values, H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE);
        const h5::Handle half_type = small_float(10);
        const h5::Handle bfloat_type = small_float(7);
        put(file, "f16/weight", {2, 2}, half, half_type.get(), half_type.get());
        put(file, "bf16/weight", {2, 2}, bfloat, bfloat_type.get(), bfloat_type.get());
        put(file, "long/weight", {2, 2}, values, H5T_NATIVE_LDOUBLE, H5T_NATIVE_DOUBLE);
    }
    const auto read = [&](const std::string& group) {
        return read_model(path.path() + ":" + group).tensors.at(0).values;
    };
    CHECK(read("f32") == values);
    CHECK(read("f64") == values);
    CHECK(read("f16") == std::vector<double>{1, 0x1p-24, -1023 * 0x1p-24, 0.333251953125});
    CHECK(read("bf16") == std::vector<double>{1, 0x1p-133, -3.140625, 0x1.fep127});
    CHECK(says(refusal(path.path() + ":long"), "at most 64 bits"));
}

TEST_CASE("a tensor that its file cannot hold is refused before memory is asked for it") {
    const TemporaryFile path("m.h5");
    {
        const h5::Handle file = create_file(path.path());
        const h5::Handle group(H5Gcreate2(file.get(), "fc", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
        const std::vector<hsize_t> dims{hsize_t{1} << 40U, hsize_t{1} << 23U};
        const std::vector<hsize_t> chunk{16, 16};
        const h5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        H5Pset_chunk(creation.get(), 2, chunk.data());
        const h5::Handle space(H5Screate_simple(2, dims.data(), nullptr), H5Sclose);
        const h5::Handle dataset(H5Dcreate2(group.get(), "weight", H5T_IEEE_F64LE, space.get(), H5P_DEFAULT,
                                            creation.get(), H5P_DEFAULT),
                                 H5Dclose);
        CHECK(dataset.valid());
    }
    CHECK(says(refusal(path.path()), "fc/weight, (1099511627776, 8388608)): is the file damaged?"));
}

TEST_CASE("HDF5 is known by its signature, also behind a user block, and refused when it is cut short") {
    const TemporaryFile path("m.bin");
    {
        const h5::Handle file = create_file(path.path(), 1024);
        put(file, "fc/weight", {20, 20}, std::vector<double>(400, 0.5));
    }
    CHECK(read_model(path.path()).tensors.at(0).values.at(399) == 0.5);
    const auto size = std::filesystem::file_size(path.path());
    for (const auto length : {size - 1, size / 2, std::uintmax_t{1100}, std::uintmax_t{1032}}) {
        INFO(length);
        std::filesystem::resize_file(path.path(), length);
        CHECK(says(refusal(path.path()), "cannot open as HDF5 (" + path.path() + ")"));
    }
}
