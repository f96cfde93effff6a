#include "tangram/product/action.hpp"
#include "tangram/product/parameter_gram.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/tangent/jacobian_action.hpp"
#include "tangram/tangent/parameter_blocks.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

/// Where the step's tensors begin in a vector of all parameters.
StepParameters parts_of(const Step& step, const std::vector<ParameterBlock>& blocks, double* all) {
    StepParameters parts;
    for (const StepTensor& its : step.tensors) parts.push_back(all + blocks[at(its.tensor)].first);
    return parts;
}

}  // namespace

Action act_on_parameters(const mpi::Communicator& world, const Problem& problem, int threads,
                         const std::vector<double>& u) {
    const Axis batches = sample_batches(problem.samples.count, problem.reduction);
    FeaturePanels features(batches, problem.network, problem.reduction, problem.samples.read);
    const PanelRange mine = shard_panels(batches, {1, world.size()}, world.rank());
    const std::vector<Step> steps = steps_of(problem.network, problem.reduction);
    const std::vector<ParameterBlock> blocks = parameter_blocks(problem.network);
    std::vector<double> direction(u);  // add_action() takes pointers that it may not write to
    std::vector<double> products(u.size());
    std::vector<double> trace{0};
    for (Index first = mine.begin; first < mine.end; first += threads) {
        const PanelRange wave{first, std::min<Index>(first + threads, mine.end)};
        features.compute(wave, threads);
        const blas::BlasThreads blas_threads(threads);
        for (Index batch = wave.begin; batch < wave.end; ++batch) {
            const FeatureView view = features.view(batch);
            Matrix<double> y(view.samples, problem.reduction.sensitivities());
            for (const Step& step : steps) {
                std::vector<Matrix<double>> parts(step.tensors.size());
                for (Matrix<double>& part : parts) part = Matrix<double>(y.rows(), y.cols());
                add_action(view, step, 0, parts_of(step, blocks, direction.data()), parts);
                for (const Matrix<double>& part : parts) {
                    for (Index k = 0; k < y.size(); ++k) y.data()[k] += part.data()[k];
                }
                trace[0] += squared_size(view, step);
            }
            for (const Step& step : steps)
                add_transposed_action(view, step, 0, std::as_const(y).view(),
                                      parts_of(step, blocks, products.data()));
        }
    }
    for (double& product : products) product *= problem.reduction.factor();
    trace[0] *= problem.reduction.factor();
    mpi::sum(world, trace);
    return {{std::move(products)}, {}, trace[0]};
}

}  // namespace tangram
