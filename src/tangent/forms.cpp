#include "tangram/tangent/forms.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>
#include <utility>

namespace tangram {

namespace {

/// One cache line of padding a row, in values.
constexpr Index padding(Index value_bytes) {
    return 64 / value_bytes;
}

bool has_constant_matrix(const PreparedStep& prepared, const Reduction& reduction) {
    return prepared.constant && reduction.is_full();
}

/// (R, C), of a reduction whose rows are the same for all samples.
Matrix<double> rows_of_E(const Reduction& reduction) {
    Matrix<double> E(reduction.sensitivities(), reduction.outputs);
    for (Index r = 0; r < E.rows(); ++r) {
        for (Index o = 0; o < E.cols(); ++o) E(r, o) = reduction.weight(0, r, o);
    }
    return E;
}

/// That any step's form asks for.
Index most_scratch_values(const Network& network, const Reduction& reduction) {
    Index most = 0;
    for (const PreparedStep& prepared : prepare_steps(network, reduction)) {
        const auto values = facts_of(prepared.step.form).scratch_values;
        if (values != nullptr)
            most = std::max(most, values(*prepared.use, prepared.R, reduction.rows_per_sample()));
    }
    return most;
}

}  // namespace

std::vector<PreparedStep> prepare_steps(const Network& network, const Reduction& reduction) {
    std::vector<PreparedStep> prepared;
    for (const Step& step : steps_of(network, reduction)) {
        PreparedStep one{
            step, reduction.sensitivities(), {}, factors_of(step, reduction), prepared.size(), false, {}, {}};
        one.name = printable(network.tensors[at(step.tensors.front().tensor)].name);
        if (is_on_positions(step.form)) {
            WeightUse use = weight_use_of(network, step.use);
            if (const auto places = facts_of(step.form).places_seen) use.places_seen = places(use);
            one.use = std::make_shared<const WeightUse>(std::move(use));
        }
        if (step.form == Form::stored) {
            WeightUse use;
            use.stored = std::get<Stored>(network.nodes[at(step.node)].op).source;
            one.use = std::make_shared<const WeightUse>(std::move(use));
            one.constant_E = rows_of_E(reduction);
        }
        if (const auto c = constant_sensitivity(network, reduction, one.step.s)) {
            one.constant = true;
            one.constant_H = constant_gram(reduction, *c);
        }
        if (const auto* making = tile_routines_of<double>(step.form).making)
            one.blocks = making->blocks(*one.use, one.R);
        prepared.push_back(std::move(one));
    }
    return prepared;
}

template <class T>
GramScratch<T>::GramScratch(Index rows, Index cols, const Network& network, const Reduction& reduction)
    : ld_g_(cols + padding(sizeof(T))),
      ld_h_(cols * reduction.rows_per_sample() + padding(sizeof(T))),
      g_(rows * ld_g_),
      h_(rows * reduction.rows_per_sample() * ld_h_) {
    const Index rows_h = rows * reduction.rows_per_sample();
    const Index cols_h = cols * reduction.rows_per_sample();
    memory_ = AlignedBuffer<T>(most_scratch_values(network, reduction));
    for (const PreparedStep& prepared : prepare_steps(network, reduction)) {
        AlignedBuffer<T>& memory = constant_.emplace_back();
        if (!has_constant_matrix(prepared, reduction)) continue;
        memory = AlignedBuffer<T>(rows_h * ld_h_);
        repeat_block(prepared.constant_H.view(), MatrixView<T>{memory.data(), rows_h, cols_h, ld_h_});
    }
}

Index gram_scratch_bytes(Index rows, Index cols, const Network& network, const Reduction& reduction,
                         Index value_bytes) {
    const Index R = reduction.rows_per_sample();
    const Index ld_h = cols * R + padding(value_bytes);
    Index matrices = 1;
    for (const PreparedStep& prepared : prepare_steps(network, reduction))
        matrices += has_constant_matrix(prepared, reduction) ? 1 : 0;
    return (rows * (cols + padding(value_bytes)) + matrices * rows * R * ld_h +
            most_scratch_values(network, reduction)) *
           value_bytes;
}

const FormFacts& facts_of(Form form) {
    switch (form) {
        case Form::outer:
            return forms::outer_facts;
        case Form::plain:
            return forms::plain_facts;
        case Form::rows:
            return forms::rows_facts;
        case Form::made:
            return forms::made_facts;
        case Form::pairs:
            return forms::pairs_facts;
        case Form::lookup:
            return forms::lookup_facts;
        case Form::stored:
            return forms::stored_facts;
    }
    fail(ExitCode::failed, "a form without facts");
}

template <class T>
const TileRoutines<T>& tile_routines_of(Form form) {
    switch (form) {
        case Form::outer:
            return forms::outer_tiles<T>();
        case Form::plain:
        case Form::rows:
            return forms::plain_tiles<T>();
        case Form::made:
            return forms::made_tiles<T>();
        case Form::pairs:
            return forms::pairs_tiles<T>();
        case Form::lookup:
            return forms::lookup_tiles<T>();
        case Form::stored:
            return forms::stored_tiles<T>();
    }
    fail(ExitCode::failed, "a form without tiles");
}

const JacobianRoutines& jacobian_routines_of(Form form) {
    switch (form) {
        case Form::outer:
            return forms::outer_jacobian;
        case Form::plain:
        case Form::rows:
            return forms::plain_jacobian;
        case Form::made:
        case Form::pairs:
            return forms::sum_jacobian;
        case Form::lookup:
            return forms::lookup_jacobian;
        case Form::stored:
            return forms::stored_jacobian;
    }
    fail(ExitCode::failed, "a form without a Jacobian");
}

template class GramScratch<float>;
template class GramScratch<double>;
template const TileRoutines<float>& tile_routines_of(Form);
template const TileRoutines<double>& tile_routines_of(Form);

}  // namespace tangram
