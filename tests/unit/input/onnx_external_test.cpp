// Numbers that an ONNX file keeps in files beside it: found, put in place, and never taken from elsewhere.

#include "input/onnx/onnx_model.hpp"
#include "onnx_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>

using namespace tangram;
using namespace tangram::test;

namespace {

namespace fs = std::filesystem;

/// A folder with a model and what lies beside it.
struct Folder {
    Folder() { fs::create_directories(inside()); }
    [[nodiscard]] std::string inside() const { return root.path() + "/inside"; }
    [[nodiscard]] std::string model() const { return inside() + "/m.onnx"; }
    void write(const std::string& name, const std::string& bytes) const {
        std::ofstream(root.path() + "/" + name, std::ios::binary) << bytes;
    }
    TemporaryFile root{"onnx"};
};

void set(onnx::TensorProto& tensor, const char* key, const std::string& value) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
}

/// w (2, 3) of small_model() elsewhere.
onnx::TensorProto& move_out(onnx::TensorProto& tensor, const std::string& location) {
    tensor.clear_float_data();
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    set(tensor, "location", location);
    return tensor;
}

std::string bytes_of(const std::vector<float>& values) {
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

/// What is said of the small model with w at `location`.
std::string refusal_of(const Folder& folder, const std::string& location, const std::string& offset = "0",
                       const std::string& length = "24") {
    onnx::ModelProto model = small_model();
    onnx::TensorProto& w = move_out(*model.mutable_graph()->mutable_initializer(0), location);
    set(w, "offset", offset);
    set(w, "length", length);
    folder.write("inside/m.onnx", model.SerializeAsString());
    const std::string message = error_of(ExitCode::bad_input, [&] { onnx_file::read_bytes(folder.model()); });
    const std::string start = folder.model() + ": initializer 'w': ";
    return message.starts_with(start) || message.starts_with('(') ? message : "(names no place) " + message;
}

}  // namespace

TEST_CASE("external tensors of an ONNX file are put into it") {
    const Folder folder;
    folder.write("inside/w.bin", "12345678" + bytes_of({6, 5, 4, 3, 2, 1, 8, 9}));
    fs::create_directory(folder.inside() + "/deeper");
    folder.write("inside/deeper/b.bin", bytes_of({7, 8, 9}));
    fs::create_symlink("deeper/b.bin", folder.inside() + "/link.bin");
    onnx::ModelProto model = small_model();
    onnx::GraphProto& graph = *model.mutable_graph();
    onnx::TensorProto& w = move_out(*graph.mutable_initializer(0), "w.bin");
    set(w, "offset", "8");
    set(w, "length", "24");
    move_out(*graph.mutable_initializer(1), "./link.bin");  // all of the file
    onnx::TensorProto& c = *graph.mutable_node(3)->mutable_attribute(0)->mutable_t();
    c.clear_int64_data();
    set(move_out(c, "w.bin"), "length", "8");
    folder.write("inside/m.onnx", model.SerializeAsString());

    const onnx_file::Bytes bytes = onnx_file::read_bytes(folder.model());
    CHECK(bytes.external_files ==
          std::vector<std::string>{folder.inside() + "/w.bin", folder.inside() + "/link.bin"});
    const onnx_file::Tensor* found = nullptr;
    const onnx_file::Model read = [&] {
        c.set_raw_data(std::string("\1\0\0\0\0\0\0\0", 8));  // what "12345678" is not: beyond 2^53
        const std::string message =
            error_of(ExitCode::bad_input, [&] { onnx_file::parse(folder.model(), bytes.model); });
        CHECK(says(message, "node 'unused' (Constant), attribute 'value'"));
        folder.write("inside/w.bin", std::string("\1\0\0\0\0\0\0\0", 8) + bytes_of({6, 5, 4, 3, 2, 1, 8, 9}));
        return onnx_file::parse(folder.model(), onnx_file::read_bytes(folder.model()).model);
    }();
    CHECK(read.initializers.at(0).values == std::vector<double>{6, 5, 4, 3, 2, 1});
    CHECK(read.initializers.at(1).values == std::vector<double>{7, 8, 9});
    found = &std::get<onnx_file::Tensor>(read.nodes.at(3).attributes.at("value"));
    CHECK(found->values == std::vector<double>{1});
}

TEST_CASE("external tensors outside the model's folder are refused") {
    const Folder folder;
    folder.write("secret.bin", std::string(24, 's'));
    folder.write("inside/w.bin", std::string(24, 'w'));
    CHECK(refusal_of(folder, "w.bin") == "(no error)");
    const char* outside = "outside the model's folder";
    CHECK(says(refusal_of(folder, "../secret.bin"), outside));
    CHECK(says(refusal_of(folder, "../inside/w.bin"), outside));
    CHECK(says(refusal_of(folder, folder.inside() + "/w.bin"), outside));
    CHECK(says(refusal_of(folder, "/etc/passwd"), outside));
    fs::create_symlink("../secret.bin", folder.inside() + "/link.bin");
    CHECK(says(refusal_of(folder, "link.bin"), outside));
    fs::create_directory_symlink("..", folder.inside() + "/up");
    CHECK(says(refusal_of(folder, "up/secret.bin"), outside));
    // A neighbour whose name begins as the folder's does.
    fs::create_directory(folder.inside() + "2");
    folder.write("inside2/w.bin", std::string(24, 'w'));
    fs::create_symlink("../inside2/w.bin", folder.inside() + "/neighbour.bin");
    CHECK(says(refusal_of(folder, "neighbour.bin"), outside));
}

TEST_CASE("external tensors that are not there, not whole or no files are refused") {
    const Folder folder;
    folder.write("inside/w.bin", std::string(24, 'w'));
    CHECK(says(refusal_of(folder, "none.bin"), "cannot read the file of its external data (none.bin)"));
    CHECK(says(refusal_of(folder, ""), "in no file"));
    CHECK(says(refusal_of(folder, std::string("w.bin\0.txt", 10)), "in no file"));
    CHECK(says(refusal_of(folder, "a\nb"), "(a?b)"));
    CHECK(says(refusal_of(folder, "."), "no regular file"));
    CHECK(says(refusal_of(folder, "w.bin", "1"), "24 bytes at 1, is not in the file (w.bin), which has 24"));
    CHECK(says(refusal_of(folder, "w.bin", "25"), "not in the file"));
    CHECK(says(refusal_of(folder, "w.bin", "9223372036854775807", "9223372036854775807"), "not in the file"));
    CHECK(says(refusal_of(folder, "w.bin", "9223372036854775808"), "no size"));
    CHECK(says(refusal_of(folder, "w.bin", "-1"), "the offset of its external data, '-1', is no size"));
    CHECK(
        says(refusal_of(folder, "w.bin", "0", "24x"), "the length of its external data, '24x', is no size"));
    CHECK(says(refusal_of(folder, "w.bin", "0", ""), "no size"));
    REQUIRE(mkfifo((folder.inside() + "/pipe").c_str(), 0600) == 0);
    CHECK(says(refusal_of(folder, "pipe"), "no regular file"));
    std::error_code error;
    fs::resize_file(folder.inside() + "/w.bin", std::uintmax_t{3} << 30U, error);  // a hole: no disk is taken
    if (!error) CHECK(says(refusal_of(folder, "w.bin", "0", "2147483647"), "more than 2 GiB"));
}

TEST_CASE("an external tensor with numbers of its own, or with a key twice, is refused") {
    const Folder folder;
    folder.write("inside/w.bin", std::string(24, 'w'));
    onnx::ModelProto model = small_model();
    onnx::TensorProto& w = move_out(*model.mutable_graph()->mutable_initializer(0), "w.bin");
    const auto refusal = [&] {
        folder.write("inside/m.onnx", model.SerializeAsString());
        return error_of(ExitCode::bad_input, [&] {
            onnx_file::parse(folder.model(), onnx_file::read_bytes(folder.model()).model);
        });
    };
    w.set_raw_data("own");
    CHECK(says(refusal(), "initializer 'w': it holds numbers twice"));
    w.clear_raw_data();
    w.add_float_data(1);
    CHECK(says(refusal(), "twice"));
    w.clear_float_data();
    CHECK(refusal() == "(no error)");
    set(w, "location", "other.bin");
    CHECK(says(refusal(), "key 'location' twice"));
    w.mutable_external_data()->RemoveLast();
    fs::resize_file(folder.inside() + "/w.bin", 20);
    CHECK(says(refusal(), "needs 24 bytes and holds 20"));
}

TEST_CASE("a model that is no regular file, or is not there, is refused by its own name") {
    const Folder folder;
    const auto refusal = [&] {
        return error_of(ExitCode::bad_input, [&] { onnx_file::read_bytes(folder.model()); });
    };
    CHECK(says(refusal(), "no such file (" + folder.model()));
    REQUIRE(mkfifo(folder.model().c_str(), 0600) == 0);
    CHECK(says(refusal(), "no regular file (" + folder.model()));
}
