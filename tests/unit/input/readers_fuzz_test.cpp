// Spoilt .npy, .npz, IDX, Keras and index files: whatever the bytes, samples, labels and models are read or refused in one
// line, without taking more memory than the file explains. Each is cut at every byte, has every byte changed, and is spoilt at
// random; TANGRAM_FUZZ_MUTATIONS=100000 tries that many a format.

#include "allocations.hpp"
#include "array_files.hpp"
#include "input_file.hpp"
#include "keras_files.hpp"
#include "mutate.hpp"
#include "tangram/input/input_dataset.hpp"
#include "tangram/input/tensors.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>

using namespace tangram;
using test::counting;
using test::mutate;
using test::Numbers;
using test::Random;
using test::stored;
using test::TemporaryFile;

namespace {

struct Seed {
    const char* file;
    std::string bytes;
    std::function<Numbers(const std::string& path)> read;
    Numbers values{};  ///< that are read of it as long as nobody spoils it
};

Numbers read_as_samples(const std::string& location) {
    const SampleOptions options{{location}, "", ""};
    const SampleSelection selection = select_samples(options, 6);
    Matrix<double> rows(std::min<Index>(selection.count(), 20), 6);
    read_samples(options, selection, 0, rows.view());
    return {rows.data(), rows.data() + rows.size()};
}

Numbers read_as_labels(const std::string& path) {
    SampleSelection selection;
    selection.dataset_rows = 4;
    selection.rows = {0, 1, 2, 3};
    return read_labels(path, selection).values;
}

/// All values, by the tensors' names.
Numbers read_as_model(const std::string& path) {
    const ModelFile model = read_model(path);
    with_metadata_defaults({}, model);
    chain_layers(model, {});
    std::map<std::string, Numbers> by_name;
    for (const Tensor& tensor : model.tensors) by_name[tensor.name] = tensor.values;
    Numbers all;
    for (const auto& [name, values] : by_name) all.insert(all.end(), values.begin(), values.end());
    return all;
}

const std::string keras_config =
    R"({"module": "keras", "class_name": "Functional", "config": {"layers": [
{"class_name": "InputLayer", "name": "in", "config": {}, "inbound_nodes": []},
{"class_name": "Dense", "name": "a", "config": {"activation": "relu"}, "inbound_nodes": [{"args": [["in", 0, 0]]}]},
{"class_name": "Dense", "name": "b", "config": {"activation": "linear"}, "inbound_nodes": [{"args": [["a", 0, 0]]}]}]}})";

/// The index of a model in two files, which are beside it while the seed is there.
Seed sharded_model() {
    const auto first = std::make_shared<TemporaryFile>("a.safetensors");
    const auto second = std::make_shared<TemporaryFile>("b.safetensors");
    write_safetensors(first->path(), {{"0.weight", {2, 3}, counting(6)}, {"0.bias", {2}, counting(2)}}, {});
    write_safetensors(second->path(), {{"2.weight", {1, 2}, counting(2)}}, {});
    const auto name = [](const TemporaryFile& file) {
        return std::filesystem::path(file.path()).filename().string();
    };
    const std::string index = fmt::format(
        R"({{"metadata": {{"total_size": 40}}, "weight_map": {{"0.weight": "{0}", "0.bias": "{0}", "2.weight": "{1}"}}}})",
        name(*first), name(*second));
    return {"m.safetensors.index.json",
            index,
            [first, second](const std::string& path) { return read_as_model(path); },
            {0, 1, 0, 1, 2, 3, 4, 5, 0, 1}};
}

std::vector<Seed> seeds() {
    const std::string x = test::npy("<f8", "(10, 6)", stored<double>(counting(60)));
    const std::string images = test::npy(">f4", "(10, 2, 3)", stored<float>(counting(60), true), true, 2);
    const std::string names =
        test::npy("<U2", "(4,)", std::string("c\0\0\0a\0\0\0d\0\0\0\0\0\0\0", 16) + std::string(16, '\0'));
    const std::string pixels = test::idx(8, {10, 2, 3}, stored<std::uint8_t>(counting(60)));
    const auto member = [](const std::string& path) { return read_as_samples(path + ":x"); };
    const Numbers in_order = counting(60);
    Numbers of_images;  // whose first axis is the fastest in the file
    for (int i = 0; i < 10; ++i) {
        for (int row = 0; row < 2; ++row) {
            for (int column = 0; column < 3; ++column) of_images.push_back(i + row * 10 + column * 20);
        }
    }
    return {
        {"x.npy", x, read_as_samples, in_order},
        {"x.npy", images, read_as_samples, of_images},
        {"y.npy", names, read_as_labels, {1, 2, 0, 0}},
        {"x.npz", test::zip({{"x.npy", x, true}}), member, in_order},
        {"x.npz", test::zip({{"y.npy", names}, {"x.npy", images}}, true), member, of_images},
        {"x-idx3-ubyte", pixels, read_as_samples, in_order},
        {"x-idx3-ubyte.gz", test::deflate_bytes(pixels, 31), read_as_samples, in_order},
        sharded_model(),
        {"m.keras", test::keras_archive(keras_config), read_as_model, {0, 1, 2, 0, 3, 1, 4, 2, 5, 0, 1, 2}},
    };
}

/// What is wrong with how a file is read, "" if nothing is.
std::string misbehaviour(const Seed& seed, const std::string& path, std::size_t file_bytes,
                         std::size_t& accepted) {
    std::string wrong;
    test::watch_allocations();
    try {
        seed.read(path);
        ++accepted;
    } catch (const Error& error) {
        const std::string message = error.what();
        if (error.code() != ExitCode::bad_input && error.code() != ExitCode::io)
            wrong = "exit code: " + message;
        if (message.find('\n') != std::string::npos) wrong = "more than one line: " + message;
        if (message.size() > 1500 + 2 * path.size()) wrong = "a very long line: " + message;
    } catch (const std::exception& error) {
        wrong = std::string("not an Error: ") + error.what();
    }
    if (test::most_allocated() > 8000 * file_bytes + (std::size_t{1} << 20U))
        wrong = fmt::format("{} bytes taken for a file of {}", test::most_allocated(), file_bytes);
    return wrong;
}

/// Reads the seed's file with these bytes instead of its own.
void try_bytes(const Seed& seed, const std::string& bytes, const std::string& how, std::size_t& accepted) {
    if (bytes.empty()) return;
    const TemporaryFile file(seed.file, bytes);
    const std::string wrong = misbehaviour(seed, file.path(), bytes.size(), accepted);
    INFO(how, " of ", std::string(seed.file), ": ", wrong);
    CHECK(wrong.empty());
}

/// Cut at every `step`-th byte, and with such a byte changed.
void try_every_byte(const Seed& seed, std::size_t step, std::size_t& accepted) {
    for (std::size_t place = 0; place < seed.bytes.size(); place += step) {
        try_bytes(seed, seed.bytes.substr(0, place), fmt::format("the first {} bytes", place), accepted);
        std::string bytes = seed.bytes;
        bytes[place] = static_cast<char>(~bytes[place]);
        try_bytes(seed, bytes, fmt::format("byte {}", place), accepted);
    }
}

std::string nested(std::size_t depth, const std::string& start, const std::string& end) {
    return start + std::string(depth, '[') + std::string(depth, ']') + end;
}

}  // namespace

TEST_CASE(
    "whatever the bytes, arrays, indices and archives are read or refused, within the file's own size") {
    std::size_t format = 0;
    for (const Seed& seed : seeds()) {
        INFO(std::string(seed.file));
        const TemporaryFile file(seed.file, seed.bytes);
        CHECK(seed.read(file.path()) == seed.values);
        std::size_t accepted = 0;
        try_every_byte(seed, 1 + seed.bytes.size() / 1000, accepted);
        Random random(++format);
        const std::size_t mutations = test::fuzz_mutations(300);
        for (std::size_t k = 0; k < mutations; ++k)
            try_bytes(seed, mutate(seed.bytes, random), fmt::format("mutation {}", k), accepted);
        MESSAGE(std::string(seed.file), ": ", mutations, " mutations, ", accepted,
                " spoilt files still good");
    }
}

TEST_CASE("whatever the configuration, a Keras archive is read or refused") {
    const TemporaryFile good("m.keras", test::keras_archive(keras_config));
    const ModelFile model = read_model(good.path());
    CHECK(model.metadata.at("activation") == "relu");
    CHECK(model.metadata.at("output_activation") == "identity");
    CHECK(model.metadata.at("layers") == "dense,dense_1");
    CHECK(model.tensors.front().shape == std::vector<Index>{3, 2});
    CHECK(model.tensors.front().values == std::vector<double>{0, 3, 1, 4, 2, 5});
    const Seed seed{"m.keras", "", read_as_model};
    Random random(2);
    std::size_t accepted = 0;
    for (std::size_t k = 0; k < test::fuzz_mutations(1000); ++k)
        try_bytes(seed, test::keras_archive(mutate(keras_config, random)), fmt::format("configuration {}", k),
                  accepted);
    MESSAGE("configurations still good: ", accepted);
}

TEST_CASE("JSON nested a hundred thousand deep is refused in every place that may hold some") {
    constexpr std::size_t depth = 100'000;
    const TemporaryFile index("m.safetensors.index.json", nested(depth, R"({"weight_map": {"a": )", "}}"));
    CHECK(
        test::says(test::error_of(ExitCode::bad_input, [&] { read_model(index.path()); }), "cannot be read"));
    for (const char* place :
         {R"({"config": {"layers": [{"inbound_nodes": )", R"({"config": {"output_layers": )",
          R"({"config": {"layers": [{"config": {"activation": )"}) {
        const TemporaryFile archive("m.keras", test::keras_archive(nested(depth, place, "")));
        CHECK(test::says(test::error_of(ExitCode::bad_input, [&] { read_model(archive.path()); }),
                         "cannot be read"));
    }
    const TemporaryFile tied("m.safetensors");
    write_safetensors(tied.path(), {{"0.weight", {1, 1}, {1}}}, {{"tangram.shared", nested(depth, "", "")}});
    CHECK(test::says(test::error_of(ExitCode::bad_input, [&] { read_as_model(tied.path()); }),
                     "tangram.shared"));
}

TEST_CASE("a text of a length that nothing in the file backs takes no memory") {
    const TemporaryFile names("y.npy", test::npy("<U999999999", "(0,)", ""));
    test::watch_allocations();
    CHECK(read_texts(names.path()).empty());
    CHECK(test::most_allocated() < (std::size_t{1} << 20U));
}
