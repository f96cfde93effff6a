#pragma once
// p = softmax(y) of one sample, y (C), with what 1 - p loses where p is close to 1:
//
//   p_o = e_o / Z,   1 - p_o = (sum of the other e) / Z,   e_o = exp(y_o - max y)

#include "tangram/support/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tangram::rows {

class Probabilities {
public:
    Probabilities(const double* y, Index outputs)
        : logits_(y, y + outputs), likeliest_(std::max_element(y, y + outputs) - y), e_(at(outputs)) {
        for (Index o = 0; o < outputs; ++o) {
            e_[at(o)] = std::exp(y[o] - y[likeliest_]);
            if (o != likeliest_) others_ += e_[at(o)];
        }
    }
    [[nodiscard]] double p(Index o) const { return e_[at(o)] / (1 + others_); }
    /// 1 - p
    [[nodiscard]] double rest(Index o) const {
        const double others = o == likeliest_ ? others_ : 1 + others_ - e_[at(o)];
        return others / (1 + others_);
    }
    /// sqrt(p), with all its digits also where p has none left.
    [[nodiscard]] double root(Index o) const {
        return std::exp((logits_[at(o)] - logits_[at(likeliest_)]) / 2) / std::sqrt(1 + others_);
    }

private:
    std::vector<double> logits_;
    Index likeliest_;
    std::vector<double> e_;
    double others_ = 0;  ///< sum of e but for that of the likeliest, which is 1
};

}  // namespace tangram::rows
