#include "tangram/commands/init.hpp"

#include "tangram/input/tensors.hpp"
#include "tangram/run/options.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/random.hpp"

#include <array>
#include <cmath>
#include <filesystem>
#include <iostream>

namespace tangram {

namespace {

/// `count` numbers from N(0, std^2). Each tensor has a stream of its own.
std::vector<double> normal_numbers(Index count, double std_deviation, std::uint64_t seed,
                                   std::uint64_t stream) {
    const std::uint64_t key = stream_key(seed, stream);
    std::vector<double> numbers(static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = normal_number(key, k, std_deviation);
    return numbers;
}

std::vector<Tensor> random_tensors(const InitOptions& options) {
    std::vector<Tensor> tensors;
    for (std::size_t l = 1; l < options.widths.size(); ++l) {
        const Index in = options.widths[l - 1];
        const Index out = options.widths[l];
        const double std_deviation =
            options.fan_in ? 1.0 / std::sqrt(static_cast<double>(in)) : options.std_deviation.value_or(1.0);
        const std::string name = "fc" + std::to_string(l);
        tensors.push_back(
            {name + ".weight",
             {out, in},
             normal_numbers(in * out, std_deviation, static_cast<std::uint64_t>(options.seed), 2 * l)});
        if (options.no_bias) continue;
        tensors.push_back({name + ".bias",
                           {out},
                           normal_numbers(out, options.std_deviation.value_or(1.0),
                                          static_cast<std::uint64_t>(options.seed), 2 * l + 1)});
    }
    return tensors;
}

void write_random_samples(const InitOptions& options) {
    constexpr std::uint64_t stream = 0;
    const Index width = options.widths.front();
    Matrix<float> X(options.samples, width);
    const std::vector<double> numbers =
        normal_numbers(X.size(), 1.0, static_cast<std::uint64_t>(options.seed), stream);
    for (Index k = 0; k < X.size(); ++k)
        X.data()[k] = static_cast<float>(numbers[static_cast<std::size_t>(k)]);
    h5::Handle file = h5::create_serial(options.data);
    const std::array<Index, 2> dims{options.samples, width};
    h5::Handle dataset = h5::create_dataset(file, "/x", H5T_IEEE_F32LE, dims);
    h5::write_block(dataset, 0, 0, std::as_const(X).view());
    dataset.close(options.data);
    file.close(options.data);
}

void refuse_existing(const std::string& path, bool overwrite) {
    if (!overwrite && std::filesystem::exists(path)) {
        fail(ExitCode::usage,
             "the output is there already ({}): choose another name, or replace it with --overwrite", path);
    }
}

}  // namespace

void add_init_options(CLI::App& app, InitOptions& options) {
    add_list(app, "--widths", options.widths, "d_0,d_1,..,C: inputs, hidden widths, outputs")->required();
    app.add_option("--output", options.output, "the model to write")->required()->type_name("M.safetensors");
    app.add_option("--seed", options.seed, "the same seed, the same bytes everywhere (0)");
    CLI::Option* deviation =
        app.add_option("--std", options.std_deviation, "standard deviation of weights and biases (1)");
    app.add_flag("--fan-in", options.fan_in, "weights N(0, 1 / fan_in)")->excludes(deviation);
    app.add_flag("--no-bias", options.no_bias, "no biases");
    CLI::Option* samples =
        app.add_option("--samples", options.samples, "how many N(0, 1) samples to write too");
    CLI::Option* data =
        app.add_option("--data", options.data, "where to: dataset x of this HDF5 file")->type_name("D.h5");
    samples->needs(data);
    data->needs(samples);
    app.add_flag("--overwrite", options.overwrite, "replace files that are there");
    add_config_option(app);
}

void validate(const InitOptions& options) {
    require_widths(options.widths);
    if (options.std_deviation && !(*options.std_deviation > 0 && *options.std_deviation < 1e30)) {
        fail(ExitCode::usage, "--std is {}: give a positive number below 1e30, so that float32 holds it",
             *options.std_deviation);
    }
    require_between("--seed", options.seed, 0,
                    std::int64_t{1} << 62);  // the parser clips what is beyond 2^63
    if (options.data.empty()) return;
    if (options.samples < 1 || options.samples > (Index{1} << 32)) {
        fail(ExitCode::usage, "--samples is {}: give a number from 1 to {}", options.samples, Index{1} << 32);
    }
    if (options.data == options.output) {
        fail(ExitCode::usage, "--data and --output are one file ({}): give them different names",
             options.data);
    }
}

int run_init(const InitOptions& options, const mpi::Communicator& world) {
    agree_on_root(world, [&] {
        refuse_existing(options.output, options.overwrite);
        if (!options.data.empty()) refuse_existing(options.data, options.overwrite);
        if (!options.data.empty()) write_random_samples(options);
        write_safetensors(options.output, random_tensors(options), {});
        std::cout << "model    " << options.output << "\n";
        if (!options.data.empty()) std::cout << "samples  " << options.data << ":x\n";
        std::cout << std::flush;
    });
    return static_cast<int>(ExitCode::done);
}

}  // namespace tangram
