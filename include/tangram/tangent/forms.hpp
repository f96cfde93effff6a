#pragma once
// What a form is (tangent/steps.hpp): the kernel of one step's tensors, and their rows of J. One file a form in
// tangent/forms/, one line in each of the three tables here.
//
//   facts      what the form needs and costs
//   tiles      kernel blocks between two panels I and J, in the tile loop, held in T:
//
//                G = X_I X_J^T  (n_I, n_J)      H = S_I S_J^T  (n_I R', n_J R'), R' = R for reduction full and 1 otherwise
//
//                prepare   G and H as far as the form needs them, into a thread's scratch
//                add       total += all of the step's blocks
//                fill      the block of one of its tensors
//              and, before any tile, the kernel of a sample with itself, made of |X_i|^2 and S_i S_i^T
//   making     of a form that has no prepare: rows of J, made block by block of parameters for a group of panels, from which
//              product/tile_groups.cpp sums H = J_I J_J^T
//   Jacobian   rows of J and their action on vectors (tangent/jacobian_rows.hpp, tangent/jacobian_action.hpp), from
//              features in float64
//
// H of a sensitivity that is the same for all samples is a constant (constant_gram()).

#include "tangram/support/block.hpp"
#include "tangram/tangent/feature_view.hpp"
#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/steps.hpp"
#include "tangram/tangent/weight_use.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tangram {

/// Sizes that the operations of a pair of samples depend on.
struct PairSizes {
    double d_in = 0, d_out = 0;  ///< of x and s; on positions of one, of all groups
    double Q = 1;                ///< R, or R^2 for full
    bool constant = false;       ///< the sensitivity
    double positions = 1;        ///< T
    double parameters = 0;       ///< of a weight on positions
    double groups = 1;           ///< of its channels
    double pixels = 1;           ///< that a convolution's positions see,
    double channels = 0;         ///< of all groups, in each of them,
    double taps = 1;             ///< through so many
};

struct FormFacts {
    const char* name = "";     ///< "outer"
    bool needs_input = false;  ///< X
    /// A multiply and an add counted as one.
    double (*operations_of_pair)(const PairSizes&);
    /// Values of a thread's memory beside G and H; nullptr: none.
    Index (*scratch_values)(const WeightUse&, Index R, Index rows_per_sample) = nullptr;
    /// WeightUse::places_seen, made once for all tiles; nullptr: none.
    std::vector<Index> (*places_seen)(const WeightUse&) = nullptr;
};

/// A thread's memory for G and H of one step on one tile, allocated once; rows are padded against cache aliasing.
template <class T>
class GramScratch {
public:
    /// For tiles of up to `rows` x `cols` samples.
    GramScratch(Index rows, Index cols, const Network& network, const Reduction& reduction);
    [[nodiscard]] MatrixView<T> G(Index rows, Index cols) const { return {g_.data(), rows, cols, ld_g_}; }
    [[nodiscard]] MatrixView<T> H(Index rows, Index cols) const { return {h_.data(), rows, cols, ld_h_}; }
    /// Whatever else the form asked for, FormFacts::scratch_values.
    [[nodiscard]] T* memory() const { return memory_.data(); }
    /// H of a step whose sensitivity is constant, for full: the same R' x R' block between any two samples.
    [[nodiscard]] ConstMatrixView<T> constant_H(std::size_t step, Index rows, Index cols) const {
        return {constant_[step].data(), rows, cols, ld_h_};
    }

private:
    Index ld_g_, ld_h_;
    AlignedBuffer<T> g_, h_, memory_;
    std::vector<AlignedBuffer<T>> constant_;  ///< [step], empty where there is none
};

/// Bytes of it, for values of `value_bytes`.
Index gram_scratch_bytes(Index rows, Index cols, const Network& network, const Reduction& reduction,
                         Index value_bytes);

/// A block of a weight's parameters: those of groups [first_group, first_group + groups) and inputs [first, first + inputs) of each.
struct MadeBlock {
    Index first_group = 0, groups = 1;
    Index first = 0, inputs = 0;
    Index values = 0;   ///< of one sample's rows: R parameters of the block
    Index scratch = 0;  ///< values of memory that making them takes
};

/// A step with what is the same on all tiles.
struct PreparedStep {
    Step step;
    Index R = 1;                           ///< sensitivities a sample
    std::shared_ptr<const WeightUse> use;  ///< of a weight on positions, and of stored rows
    std::vector<double> factors;           ///< [tensor of the step]: factors_of()
    std::size_t index = 0;                 ///< among the steps
    bool constant = false;                 ///< its sensitivity
    Matrix<double> constant_H;             ///< then S S^T, (R', R')
    Matrix<double> constant_E;             ///< and S itself, (R, d_out), of a step whose rows are stored
    std::string name{};                    ///< of its first tensor, for people
    std::vector<MadeBlock> blocks{};       ///< of a step whose rows of J are made, in the order of their sum
};
std::vector<PreparedStep> prepare_steps(const Network& network, const Reduction& reduction);

/// The features of two panels that a step needs.
template <class T>
struct StepTile {
    const PreparedStep& prepared;
    ConstMatrixView<T> X_row, X_column;  ///< (n, d_in); without memory where not needed
    ConstMatrixView<T> S_row,
        S_column;              ///< (n, R d_out), for full (n R, d_out); without memory where constant
    Index rows = 0, cols = 0;  ///< n_I R', n_J R'
    bool diagonal = false;     ///< the two panels are one: only then are G and H made symmetric
    bool full = false;
};

/// What prepare() leaves for add() and fill().
template <class T>
struct StepGrams {
    ConstMatrixView<T> G, H;  ///< without memory where not needed
    bool number_H = false;    ///< H is one number, and already in the factors
    T weight = 0, bias = 0;   ///< the factors of G o H and of H
};

/// One sample's features as the panel holds them.
template <class T>
struct OwnFeatures {
    const PreparedStep& prepared;
    ConstMatrixView<T> X;  ///< (1, d_in); without memory where not needed
    ConstMatrixView<T> S;  ///< (R', ..); without memory where constant
};

/// A number on the way to a kernel entry; what it is, for messages that go on with a layer.
struct NamedNumber {
    const char* quantity;
    double value;
};

/// Rows of J that are made where they are multiplied.
template <class T>
struct MakingRoutines {
    /// All parameters, in the order in which their products are added; it depends on shapes alone.
    std::vector<MadeBlock> (*blocks)(const WeightUse&, Index R);
    /// J (n, R m) of the block, or (n R', R m / R'), m its parameters, for samples with X (n, ..), S as tiles have it.
    void (*make)(const PreparedStep&, const MadeBlock&, ConstMatrixView<T> X, ConstMatrixView<T> S,
                 T* scratch, MatrixView<T> J);
};

template <class T>
struct TileRoutines {
    /// nullptr: H is summed from what `making` makes.
    StepGrams<T> (*prepare)(const StepTile<T>&, const GramScratch<T>&);
    /// Returns whether all of total is finite.
    bool (*add)(const StepGrams<T>&, Start, MatrixView<T> total);
    /// `which`: of the step's tensors.
    void (*fill)(const StepGrams<T>&, std::size_t which, MatrixView<T> out);
    /// What tiles multiply on the way to the sample's entry with itself, that entry last; of its rows the largest stands
    /// for all. No other entry, and no sum on the way to one, is larger than the larger of two samples' numbers.
    void (*own_numbers)(const OwnFeatures<T>&, std::vector<NamedNumber>&);
    /// block (R', R') += K[which][i r, i s], in float64.
    void (*add_own_block)(const OwnFeatures<T>&, std::size_t which, MatrixView<double> block);
    const MakingRoutines<T>* making = nullptr;
};

/// A run of one tensor's entries.
struct EntryRun {
    Index begin = 0, length = 0;
};

/// One array a tensor of the step, in the order of its tensors: (units, unit_size) each.
using StepParameters = std::vector<double*>;

struct JacobianRoutines {
    /// Entries of the gradient of the step's tensor `which` for sample i, s = S[i, r, .]; T as `out` is.
    void (*fill)(const FeatureView&, const Step&, std::size_t which, Index i, const double* s,
                 const EntryRun& run, double* out);
    void (*fill_narrow)(const FeatureView&, const Step&, std::size_t which, Index i, const double* s,
                        const EntryRun& run, float* out);
    /// squares (P_t) += sum over i, r of the squares of the gradients of tensor `which`.
    void (*add_squares)(const FeatureView&, const Step&, std::size_t which, double* squares);
    /// As add_transposed_action(), add_action() and squared_size().
    void (*transposed_action)(const FeatureView&, const Step&, Index first, ConstMatrixView<double> y,
                              const StepParameters& out);
    void (*action)(const FeatureView&, const Step&, Index first, const StepParameters& u,
                   std::vector<Matrix<double>>& y);
    double (*squared_size)(const FeatureView&, const Step&);
};

/// The tables.
const FormFacts& facts_of(Form form);
template <class T>
const TileRoutines<T>& tile_routines_of(Form form);
const JacobianRoutines& jacobian_routines_of(Form form);

namespace forms {
extern const FormFacts outer_facts, plain_facts, rows_facts, made_facts, pairs_facts, lookup_facts,
    stored_facts;
template <class T>
const TileRoutines<T>& outer_tiles();
template <class T>
const TileRoutines<T>& plain_tiles();
template <class T>
const TileRoutines<T>& made_tiles();
template <class T>
const TileRoutines<T>& pairs_tiles();
template <class T>
const TileRoutines<T>& lookup_tiles();
template <class T>
const TileRoutines<T>& stored_tiles();
extern const JacobianRoutines outer_jacobian, plain_jacobian, sum_jacobian, lookup_jacobian, stored_jacobian;
}  // namespace forms

}  // namespace tangram
