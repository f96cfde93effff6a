// From samples to tiles of J^T J on disk: what `tangram kernel --space params` spends its time on.

#include "kernel_tiles.hpp"
#include "tangram/kernel/parameter_gram.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/tangent/jacobian_rows.hpp"

#include <limits>

namespace tangram {

namespace {

ReadSamples sample_reader(const Run& run) {
    return [&run](Index first, MatrixView<double> out) {
        read_samples(run.options.samples, run.inputs.selection, first, out);
    };
}

/// Throws Error(bad_input) naming the first entry on the diagonal of J^T J that overflows the file's precision; where
/// there is none, no entry does.
void require_in_range(const Run& run, const std::vector<ParameterBlock>& blocks,
                      const std::vector<double>& diagonal) {
    const bool is_narrow = run.shape.precision == Precision::float32;
    const double most =
        is_narrow ? double{std::numeric_limits<float>::max()} / 2 : std::numeric_limits<double>::max() / 2;
    for (std::size_t p = 0; p < diagonal.size(); ++p) {
        if (diagonal[p] <= most) continue;
        fail(ExitCode::bad_input, "J^T J overflows {} at {} ({}, {}): use {}smaller samples or weights",
             to_string(run.shape.precision), name_of_parameter(blocks, static_cast<Index>(p)),
             run.options.model, run.options.samples.location, is_narrow ? "--precision float64, or " : "");
    }
}

/// Collective. The outputs of this rank's part of the samples, and what the user expects of them; and whether J^T J will
/// be finite, before anything is spent on it.
void compute_outputs(const Run& run, Computed& computed) {
    const PanelRange& samples = run.distribution.shard_samples;
    const Inputs& inputs = run.inputs;
    const ReadSamples read = sample_reader(run);
    const auto blocks = parameter_blocks(inputs.network);
    std::vector<double> diagonal(at(inputs.network.parameters()));
    agree(run.world, [&] {
        const auto timed = run.timer.measure(Phase::features);
        computed.outputs = Matrix<double>(samples.size(), inputs.network.outputs());
        fault_point("read", run.world.rank());
        if (!run.options.expected_outputs.empty()) {
            computed.expected.emplace();
            computed.expected->values = Matrix<double>(samples.size(), inputs.network.outputs());
            if (samples.size() > 0) {
                computed.expected->is_narrow =
                    read_expected_outputs(run.options.expected_outputs, inputs.selection, samples.begin,
                                          computed.expected->values.view());
            }
        }
        fault_point("features", run.world.rank());
        FeaturePanels features(sample_batches(run.shape.samples, inputs.reduction), inputs.network,
                               inputs.reduction, read);
        const PanelRange& batches = run.distribution.shard;
        for (Index first = batches.begin; first < batches.end; first += run.threads) {
            const PanelRange wave{first, std::min<Index>(first + run.threads, batches.end)};
            naming_inputs(run.options, inputs.selection, [&] { features.compute(wave, run.threads); });
            for (Index batch = wave.begin; batch < wave.end; ++batch) {
                const Matrix<double>& outputs = features.outputs(batch);
                const Index row = features.samples().begin(batch) - samples.begin;
                std::copy_n(outputs.data(), outputs.size(), computed.outputs.view().row(row));
                add_squared_jacobian({inputs.network, inputs.reduction, features.layout(),
                                      features.block(batch), features.samples().size(batch)},
                                     blocks, diagonal);
            }
        }
    });
    mpi::sum(run.world, diagonal);
    agree(run.world, [&] { require_in_range(run, blocks, diagonal); });
}

/// Collective. The tiles of this rank that are not done yet, into the partial file.
template <class T>
void compute_tiles(const Run& run, const TileSet& done, TileWriter& writer, Computed& computed) {
    const Inputs& inputs = run.inputs;
    const ReadSamples read = sample_reader(run);
    const GramProblem problem{inputs.network, inputs.reduction, run.shape.panels, run.shape.samples, read};
    const Panels batches = sample_batches(run.shape.samples, inputs.reduction);
    const double per_entry = 2 * gram_operations(1, run.shape.samples, inputs.reduction);
    run_tiles<T>(run,
                 distribute_parameters(run.shape.panels, batches, run.world.size(), run.world.rank(), done),
                 per_entry, writer, computed,
                 [&](const Distribution& remaining, const TileSink<T>& sink, const TileLoopControl& control) {
                     const auto timed = run.timer.measure(Phase::assemble);
                     compute_gram_tiles<T>(problem, remaining.tiles, run.memory.gram, sink, control.go_on);
                     return !control.all_done();
                 });
}

}  // namespace

void compute_parameter_gram(const Run& run, const TileSet& done, TileWriter& writer, Computed& computed) {
    run.progress.begin("features");
    compute_outputs(run, computed);
    computed.has_begun_tiles = true;
    if (run.shape.precision == Precision::float32) compute_tiles<float>(run, done, writer, computed);
    if (run.shape.precision == Precision::float64) compute_tiles<double>(run, done, writer, computed);
}

}  // namespace tangram
