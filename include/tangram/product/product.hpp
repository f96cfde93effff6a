#pragma once
// A product of rows of J is a value: what it makes, what it costs, how it is shared out and computed, how it acts on vectors,
// and what it is checked against. Its functions are called a few times a run, never in the tile loop.
//
//   samples        J J^T                  N x N, symmetric; N C x N C for reduction full
//   test x train   J_test J_train^T       M x N, rectangular
//   params         f J^T J                P x P, symmetric
//
// A new product is one file with these functions and one line in products().

#include "tangram/grid/partition.hpp"
#include "tangram/grid/shape.hpp"
#include "tangram/product/action.hpp"
#include "tangram/product/comparison.hpp"
#include "tangram/product/plan.hpp"
#include "tangram/product/problem.hpp"
#include "tangram/product/tile_loop.hpp"
#include "tangram/support/mpi.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tangram {

/// Takes planes of either precision.
struct PlaneSink {
    TileSink<float> narrow;
    TileSink<double> wide;
    template <class T>
    [[nodiscard]] const TileSink<T>& of() const {
        if constexpr (std::is_same_v<T, float>)
            return narrow;
        else
            return wide;
    }
};

/// Where planes go, and what may end the loop.
struct TileWork {
    PlaneSink sink;
    TileLoopControl control;
};

/// What a product asks of the run that computes it, and tells it.
struct ComputeHooks {
    /// Reads this rank's samples of a set: what else the run wants of them is its own business. Not collective.
    std::function<void(SetOfSamples set, const PanelRange& samples, MatrixView<double> X)> read;
    /// Work that may throw a WrongNumberError of a sample of this set: the run knows how to name it.
    std::function<void(SetOfSamples set, const std::function<void()>& work)> name_samples;
    /// The network's outputs (n, C) of this rank's samples of a set.
    std::function<void(SetOfSamples set, const PanelRange& samples, ConstMatrixView<double> outputs)>
        take_outputs;
    /// The kernels of this rank's test samples with themselves, [tensor]: (n, R' R').
    std::function<void(const PanelRange& samples, std::vector<Matrix<double>> diagonals)> take_diagonals;
    /// Features are there. Collective.
    std::function<void(double seconds)> features_done;
    /// The tiles that are about to be computed, an entry of which costs so many operations; may take some away. Collective.
    std::function<TileWork(std::vector<Tile>& tiles, double operations_per_entry)> begin_tiles;
    /// What the parameter Gram would overflow at: throws an error that names it.
    std::function<void(const std::string& parameter)> refuse_overflow;
};

struct ComputeRequest {
    const mpi::Communicator& world;
    const Problem& problem;
    const Shape& shape;
    const MemoryPlan& plan;
    int threads = 1;
    const TileSet& done;
    ComputeHooks hooks;
    KeptFeatures* keep = nullptr;  ///< where features for the checks are left, if the plan has room for them
    const Measuring* measuring = nullptr;  ///< what is measured of the blocks on their way
};

struct Product {
    std::string_view name;
    std::string_view holds;   ///< what its file holds, for people
    std::string_view option;  ///< that asks for it; "" where none is needed
    std::string_view title;   ///< of a line that gives its size: "kernel"
    std::string_view space;   ///< what its rows are: "samples" or "params"
    bool sums_tensors =
        true;  ///< the total is a sum of the tensors' kernels, made in the precision of the file
    bool keeps_compared = true;  ///< the file keeps the entries between check samples that were compared
    /// Axes, matrices, arrays. Throws Error(usage) where the reduction or the tile makes no sense for it.
    Shape (*shape)(const Problem&);
    /// The operations of all tiles, a multiply and an add counted as two.
    double (*operations)(const Problem&, const Shape&);
    /// The plan within the room that there is; `fits` says whether there is one. Not collective.
    MemoryPlan (*plan)(const PlanRequest&);
    Distribution (*distribute)(const Shape&, int ranks, int rank, const TileSet& done);
    /// Collective. Features, outputs, all tiles that are not done.
    TileLoopReport (*compute)(const ComputeRequest&);
    /// Collective. v over the columns, u over the rows of the total.
    Action (*act)(const mpi::Communicator&, const Problem&, const Shape&, const Distribution&,
                  const ActionResources&, const std::vector<double>& v, const std::vector<double>& u);
    /// Collective. Against explicit Jacobians.
    ExplicitComparison (*compare)(const ComparisonInputs&);
};

/// All there are.
std::span<const Product> products();

/// By the name in products(). Throws Error(failed) for a name that is none.
const Product& product_named(std::string_view name);

namespace products_of {
extern const Product samples, test_by_samples, parameters;
}

}  // namespace tangram
