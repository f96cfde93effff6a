#include "tangram/product/kernel_operator.hpp"

#include "sample_tiles.hpp"
#include "step_products.hpp"
#include "tangram/support/threads.hpp"
#include "tangram/tangent/jacobian_action.hpp"

#include <algorithm>

namespace tangram {

namespace {

Problem without_test(const Problem& problem) {
    Problem square = problem;
    square.test.reset();
    square.components = false;
    square.conjugate_kernels = ConjugateKernels::none;
    return square;
}

/// Who has which samples; no tiles, which nobody makes.
Distribution shards_only(const Axes& axes, int ranks) {
    return {axes, make_grid(ranks, axes), {}, {}};
}

/// All steps and rows, those of a group not more than there is room for on all threads together.
std::vector<std::vector<StepProducts>> groups_of_products(const std::vector<Step>& steps,
                                                          const Problem& problem, int threads) {
    const Index rounds = problem.reduction.is_full() ? 1 : problem.reduction.sensitivities();
    std::vector<std::vector<StepProducts>> groups(1);
    Index bytes = 0;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        Index size = 0;
        for (const StepTensor& its : steps[k].tensors) size += problem.network.tensors[at(its.tensor)].size();
        const Index more = threads * size * Index{sizeof(double)};
        for (Index round = 0; round < rounds; ++round) {
            if (!groups.back().empty() && bytes + more > most_products_bytes) {
                groups.emplace_back();
                bytes = 0;
            }
            groups.back().push_back({steps[k], k, round, {}});
            bytes += more;
        }
    }
    return groups;
}

/// J^T v of a group.
Index bytes_of(const Network& network, const std::vector<StepProducts>& group) {
    Index values = 0;
    for (const StepProducts& one : group) {
        for (const StepTensor& its : one.step.tensors) values += network.tensors[at(its.tensor)].size();
    }
    return values * Index{sizeof(double)};
}

/// The same steps and rows, with arrays of zeros.
std::vector<StepProducts> zeros_like(const Network& network, const std::vector<StepProducts>& group) {
    std::vector<StepProducts> zeros;
    for (const StepProducts& one : group)
        zeros.push_back({one.step, one.index, one.round, StepArrays(network, one.step)});
    return zeros;
}

void add_arrays(const std::vector<StepProducts>& from, std::vector<StepProducts>& to) {
    for (std::size_t k = 0; k < from.size(); ++k) {
        for (std::size_t a = 0; a < from[k].V.arrays.size(); ++a) {
            const Matrix<double>& part = from[k].V.arrays[a];
            for (Index i = 0; i < part.size(); ++i) to[k].V.arrays[a].data()[i] += part.data()[i];
        }
    }
}

/// rows[i stride] += factor (J V)_i of a panel, of all steps.
void add_action_of(const FeatureView& view, std::vector<StepProducts>& sums, double factor, double* rows,
                   Index stride, Index rows_each) {
    for (StepProducts& one : sums) {
        for (const Matrix<double>& part : action_of(view, rows_each, one)) {
            for (Index i = 0; i < part.size(); ++i) rows[i * stride] += factor * part.data()[i];
        }
    }
}

}  // namespace

KernelOperator::KernelOperator(const mpi::Communicator& world, const Problem& problem, int threads, bool hold)
    : world_(world),
      problem_(problem),
      threads_(threads),
      square_(without_test(problem)),
      shape_(products_of::samples.shape(square_)),
      distribution_(shards_only(shape_.axes, world.size())),
      rows_each_(problem.reduction.rows_per_sample()),
      extent_(problem.samples.count * rows_each_),
      samples_(shard_units(shape_.axes.column, distribution_.grid, world.rank())),
      rows_{samples_.begin * rows_each_, samples_.end * rows_each_},
      steps_(steps_of(problem.network, problem.reduction)),
      hold_(hold),
      read_([this](Index first, MatrixView<double> out) {
          const std::lock_guard lock(reading_);  // one thread at a time
          problem_.samples.read(first, out);
      }) {
    const Axis& axis = shape_.axes.column;
    for (int thread = 0; thread < (hold ? 1 : threads); ++thread)
        panels_.push_back(std::make_unique<FeaturePanels>(axis, problem.network, problem.reduction, read_));
    if (hold) panels_.front()->compute(shard_panels(axis, distribution_.grid, world.rank()), threads);
}

FeatureView KernelOperator::view_of(Index panel, int thread) const {
    return panels_[hold_ ? 0 : at(thread)]->view(panel);
}

void KernelOperator::act(std::span<const double> v, std::span<double> y) const {
    std::fill(y.begin(), y.end(), 0.0);
    for (const std::vector<StepProducts>& group : groups_of_products(steps_, problem_, threads_))
        add_products(group, v, y);
}

/// J^T v of the tensors and rows of one group, of all ranks.
std::vector<StepProducts> KernelOperator::transposed(const std::vector<StepProducts>& group,
                                                     std::span<const double> v) const {
    const Axis& axis = shape_.axes.column;
    const PanelRange range = shard_panels(axis, distribution_.grid, world_.rank());
    std::vector<std::vector<StepProducts>> of_threads;
    for (int thread = 0; thread < threads_; ++thread)
        of_threads.push_back(zeros_like(problem_.network, group));
    share_out(threads_, range.begin, range.end, [&](Index panel, int thread) {
        const double* const rows = v.data() + (axis.begin(panel) - samples_.begin) * rows_each_;
        const FeatureView view = view_of(panel, thread);
        for (StepProducts& one : of_threads[at(thread)])
            add_transposed(view, {rows, axis.size(panel), rows_each_, rows_each_}, one);
    });
    std::vector<StepProducts> sums = std::move(of_threads.front());
    for (std::size_t thread = 1; thread < of_threads.size(); ++thread) add_arrays(of_threads[thread], sums);
    for (StepProducts& one : sums) {
        for (Matrix<double>& array : one.V.arrays) mpi::sum(world_, {array.data(), at(array.size())});
    }
    return sums;
}

/// y += K v of the tensors and rows of one group.
void KernelOperator::add_products(const std::vector<StepProducts>& group, std::span<const double> v,
                                  std::span<double> y) const {
    const Axis& axis = shape_.axes.column;
    const PanelRange range = shard_panels(axis, distribution_.grid, world_.rank());
    std::vector<StepProducts> sums = transposed(group, v);
    share_out(threads_, range.begin, range.end, [&](Index panel, int thread) {
        const FeatureView view = view_of(panel, thread);
        double* const rows = y.data() + (axis.begin(panel) - samples_.begin) * rows_each_;
        add_action_of(view, sums, problem_.reduction.factor(), rows, 1, rows_each_);
    });
}

double KernelOperator::trace() const {
    const PanelRange range = shard_panels(shape_.axes.column, distribution_.grid, world_.rank());
    std::vector<double> parts(at(range.size()), 0.0);
    share_out(threads_, range.begin, range.end, [&](Index panel, int thread) {
        const FeatureView view = view_of(panel, thread);
        for (const Step& step : steps_) parts[at(panel - range.begin)] += squared_size(view, step);
    });
    double sum = 0;
    for (const double part : parts) sum += part;
    mpi::sum(world_, {&sum, 1});
    return problem_.reduction.factor() * sum;
}

Matrix<double> KernelOperator::outputs() const {
    const Axis& axis = shape_.axes.column;
    const PanelRange range = shard_panels(axis, distribution_.grid, world_.rank());
    Matrix<double> all(samples_.size(), problem_.network.outputs());
    for (Index panel = range.begin; panel < range.end; ++panel) {
        view_of(panel, 0);  // computed where it is not held
        const Matrix<double>& its = panels_.front()->outputs(panel);
        std::copy_n(its.data(), its.size(), all.view().row(axis.begin(panel) - samples_.begin));
    }
    return all;
}

/// rows (M R', k) of products, and outputs, += what the columns [first, last) of V bring of one group.
void KernelOperator::add_on_test(const std::vector<StepProducts>& group, const Matrix<double>& V, Index first,
                                 Index last, OnTest& found) const {
    std::vector<std::vector<StepProducts>> sums;  // one a column
    std::vector<double> v(at(V.rows()));
    for (Index c = first; c < last; ++c) {
        for (Index i = 0; i < V.rows(); ++i) v[at(i)] = V(i, c);
        sums.push_back(transposed(group, v));
    }
    const Index M = problem_.test->count;
    const Axis axis{M, samples_of_panel(square_, M), Unit::test_sample};
    const PanelRange range = shard_panels(axis, make_grid(world_.size(), Axes::square(axis)), world_.rank());
    FeaturePanels panels(axis, problem_.network, problem_.reduction_of(SetOfSamples::test),
                         problem_.test->read);
    for (Index begin = range.begin; begin < range.end; begin += threads_) {
        const PanelRange some{begin, std::min<Index>(begin + threads_, range.end)};
        panels.compute(some, threads_);
        share_out(threads_, some.begin, some.end, [&](Index panel, int) {
            double* const rows = found.products.view().row(axis.begin(panel) * rows_each_);
            for (Index c = first; c < last; ++c) {
                add_action_of(panels.view(panel), sums[at(c - first)], problem_.reduction.factor(), rows + c,
                              V.cols(), rows_each_);
            }
            const Matrix<double>& outputs = panels.outputs(panel);
            std::copy_n(outputs.data(), outputs.size(), found.outputs.view().row(axis.begin(panel)));
        });
    }
}

KernelOperator::OnTest KernelOperator::act_on_test(const Matrix<double>& V) const {
    const Index M = problem_.test->count, k = V.cols();
    OnTest found{Matrix<double>(M * rows_each_, k), Matrix<double>(M, problem_.network.outputs())};
    for (const std::vector<StepProducts>& group : groups_of_products(steps_, problem_, threads_)) {
        const Index bytes = std::max<Index>(1, bytes_of(problem_.network, group));
        const Index at_once = std::clamp<Index>(most_products_bytes / bytes, 1, std::max<Index>(k, 1));
        for (Index first = 0; first < k; first += at_once)
            add_on_test(group, V, first, std::min(first + at_once, k), found);
    }
    mpi::sum(world_, {found.products.data(), at(found.products.size())});
    mpi::sum(world_, {found.outputs.data(), at(found.outputs.size())});
    return found;
}

OperatorBytes operator_bytes(const Problem& problem, int ranks, int threads, bool hold) {
    const Axes axes = products_of::samples.shape(without_test(problem)).axes;
    const Grid grid = make_grid(ranks, axes);
    Index panels = 0;
    for (int rank = 0; rank < ranks; ++rank)
        panels = std::max(panels, shard_panels(axes.column, grid, rank).size());
    const std::vector<Step> steps = steps_of(problem.network, problem.reduction);
    Index largest = 0;  // J^T v of one group exists at a time, on each thread
    for (const std::vector<StepProducts>& group : groups_of_products(steps, problem, threads))
        largest = std::max(largest, bytes_of(problem.network, group));
    return {feature_panels_bytes(axes.column, problem.network, problem.reduction, hold ? panels : threads,
                                 threads),
            threads * largest};
}

}  // namespace tangram
