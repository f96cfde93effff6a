// J_test J_train^T: rows are test samples, columns training samples. Both axes have the panel size of the larger set.

#include "sample_tiles.hpp"

#include <algorithm>

namespace tangram {

namespace {

Shape shape(const Problem& problem) {
    const Index N = problem.samples.count;
    const Index M = problem.test->count;
    const Index T = samples_of_panel(problem, std::max(M, N));
    return sample_shape(problem, {{M, T, Unit::test_sample}, {N, T, Unit::sample}, false});
}

}  // namespace

const Product products_of::test_by_samples{
    .name = "test x train",
    .holds = "a kernel of test samples against training samples, which is no square matrix",
    .option = "--test",
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
