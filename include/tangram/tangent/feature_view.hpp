#pragma once
// Features of n samples in float64, as rows of the Jacobian are made of: X of a step's input, S of its output,
//
//   J[(i, r), (j, k) of W] = a S[i, r, j] X[i, k]        J[(i, r), j of B] = b S[i, r, j]

#include "tangram/tangent/panel.hpp"
#include "tangram/tangent/steps.hpp"

namespace tangram {

struct FeatureView {
    const Network& network;
    const Reduction& reduction;
    const PanelLayout& layout;
    double* block = nullptr;
    Index samples = 0;  ///< n

    [[nodiscard]] ConstMatrixView<double> X(const Step& step) const { return value(step.x); }
    /// Of a value that panels hold, (n, d).
    [[nodiscard]] ConstMatrixView<double> value(Index value) const {
        return value_view(layout, value, block, samples);
    }
    /// Entries of S of one sample and row.
    [[nodiscard]] Index width(const Step& step) const { return network.values[at(step.s)].size; }
    /// S[i, r, .] (d_out) into `s`; a constant sensitivity is c E.
    void copy_sensitivity(const Step& step, Index i, Index r, double* s) const;
};

}  // namespace tangram
