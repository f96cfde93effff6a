// J J^T of one set of samples: N x N, or N C x N C for reduction full.

#include "sample_tiles.hpp"

namespace tangram {

namespace {

Shape shape(const Problem& problem) {
    const Index N = problem.samples.count;
    const Index T = samples_of_panel(problem, N);
    return sample_shape(problem, Axes::square({N, T, Unit::sample}));
}

}  // namespace

const Product products_of::samples{
    .name = "samples",
    .holds = "a kernel of samples against themselves",
    .option = "",
    .title = "kernel",
    .space = "samples",
    .shape = shape,
    .operations = sample_tile_operations,
    .plan = plan_sample_tiles,
    .distribute = distribute_sample_tiles,
    .compute = compute_sample_tiles,
    .act = act_on_samples,
    .compare = compare_samples,
};

}  // namespace tangram
