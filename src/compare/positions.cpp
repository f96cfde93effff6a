#include "positions.hpp"

#include <algorithm>
#include <optional>

namespace tangram::recomputing {

namespace {

Index product_of(const std::vector<Index>& lengths) {
    Index product = 1;
    for (const Index length : lengths) product *= length;
    return product;
}

/// The next multi-index, the last axis first; false after the last one.
bool advance(std::vector<Index>& index, const std::vector<Index>& lengths) {
    for (std::size_t axis = lengths.size(); axis-- > 0;) {
        if (++index[axis] < lengths[axis]) return true;
        index[axis] = 0;
    }
    return false;
}

/// Where x[strides p + dilations k - pads] lies in its channel; -1 outside.
Index place(const Convolve& op, const std::vector<Index>& p, const std::vector<Index>& k) {
    Index place = 0;
    for (std::size_t axis = 0; axis < op.in.size(); ++axis) {
        const Index at_axis = op.strides[axis] * p[axis] + op.dilations[axis] * k[axis] - op.pads[axis];
        if (at_axis < 0 || at_axis >= op.in[axis]) return -1;
        place = place * op.in[axis] + at_axis;
    }
    return place;
}

Matrix<double> patches(const Convolve& op, const std::vector<double>& x, Index group) {
    const Index channels = op.in_channels / op.groups, taps = product_of(op.kernel), area = product_of(op.in);
    Matrix<double> X(product_of(op.out), channels * taps);
    std::vector<Index> p(op.out.size(), 0);
    Index row = 0;
    do {
        std::vector<Index> k(op.kernel.size(), 0);
        Index tap = 0;
        do {
            const Index from = place(op, p, k);
            for (Index c = 0; from >= 0 && c < channels; ++c)
                X(row, c * taps + tap) = x[at((group * channels + c) * area + from)];
            ++tap;
        } while (advance(k, op.kernel));
        ++row;
    } while (advance(p, op.out));
    return X;
}

/// Entry (i, j) of a stored matrix or of its transpose, (rows, cols) as it is used.
double entry(const std::vector<double>& values, Index number, Index rows, Index cols, bool transposed,
             Index i, Index j) {
    return values[at(number * rows * cols + (transposed ? j * rows + i : i * cols + j))];
}

/// What the weight is multiplied with: rows of op(A), or columns of op(B).
Matrix<double> partners(const MatMul& op, std::size_t weight, const std::vector<double>& x) {
    const Index T = op.batches() * (weight == 1 ? op.rows : op.cols);
    Matrix<double> X(T, op.inner);
    for (Index p = 0; p < T; ++p) {
        const Index b = p / (T / op.batches()), line = p % (T / op.batches());
        for (Index k = 0; k < op.inner; ++k) {
            X(p, k) = op.scale *
                      (weight == 1 ? entry(x, op.a_of[at(b)], op.rows, op.inner, op.a_transposed, line, k)
                                   : entry(x, op.b_of[at(b)], op.inner, op.cols, op.b_transposed, k, line));
        }
    }
    return X;
}

bool all_same(const std::vector<Index>& numbers) {
    return std::all_of(numbers.begin(), numbers.end(), [&](Index n) { return n == numbers.front(); });
}

/// The use of operand `k`, which is made of one parameter; nothing where it is another kind.
std::optional<WeightUse> use_of(const Network& network, Index number, std::size_t k) {
    const Node& node = network.nodes[at(number)];
    const auto is_shared = [&](std::size_t input) { return network.values[at(node.inputs[input])].shared; };
    if (const auto* convolve = std::get_if<Convolve>(&node.op)) {
        if (k != 1 || is_shared(0)) return std::nullopt;
        return WeightUse{number, 1, convolve->groups, product_of(convolve->out)};
    }
    const auto* matmul = std::get_if<MatMul>(&node.op);
    if (matmul == nullptr || is_shared(1 - k) || !all_same(k == 1 ? matmul->b_of : matmul->a_of))
        return std::nullopt;
    return WeightUse{number, k, 1, matmul->batches() * (k == 1 ? matmul->rows : matmul->cols)};
}

/// Adds the uses of a value that a tensor has become; false where there is one of another kind.
bool add_uses(const Network& network, Index value, std::vector<WeightUse>& uses) {
    for (std::size_t n = 0; n < network.nodes.size(); ++n) {
        const Node& node = network.nodes[n];
        for (std::size_t k = 0; k < node.inputs.size(); ++k) {
            if (node.inputs[k] != value) continue;
            if (std::holds_alternative<Arrange>(node.op) && node.inputs.size() == 1) {
                if (!add_uses(network, node.output, uses)) return false;
                continue;
            }
            const auto use = use_of(network, static_cast<Index>(n), k);
            if (!use) return false;
            uses.push_back(*use);
        }
    }
    return true;
}

/// The node that brings the tensor in.
const Node* node_of(const Network& network, Index tensor) {
    for (const Node& node : network.nodes) {
        if (std::find(node.tensors.begin(), node.tensors.end(), tensor) != node.tensors.end()) return &node;
    }
    return nullptr;
}

}  // namespace

std::vector<WeightUse> weight_uses(const Network& network, Index tensor) {
    const Node* node = node_of(network, tensor);
    std::vector<WeightUse> uses;
    if (node == nullptr || !std::holds_alternative<Parameter>(node->op)) return {};
    if (!add_uses(network, node->output, uses)) return {};
    return uses;
}

Index added_at(const Network& network, Index tensor) {
    const Node* node = node_of(network, tensor);
    if (node == nullptr || !std::holds_alternative<Parameter>(node->op)) return -1;
    Index value = node->output, sum = -1;
    for (const Node& other : network.nodes) {
        if (std::find(other.inputs.begin(), other.inputs.end(), value) == other.inputs.end()) continue;
        if (sum >= 0) return -1;  // taken once more
        if (std::holds_alternative<Arrange>(other.op) && other.inputs.size() == 1)
            value = other.output;
        else if (std::holds_alternative<Add>(other.op))
            sum = other.output;
        else
            return -1;
    }
    return sum;
}

Matrix<double> inputs_at(const Network& network, const WeightUse& use, const SampleGradient& sample,
                         Index group) {
    const Node& node = network.nodes[at(use.node)];
    const std::vector<double>& x = sample.values[at(node.inputs[1 - use.weight])];
    if (const auto* convolve = std::get_if<Convolve>(&node.op)) return patches(*convolve, x, group);
    return partners(std::get<MatMul>(node.op), use.weight, x);
}

std::vector<Matrix<double>> sensitivities_at(const Network& network, const WeightUse& use,
                                             const Reduction& reduction, const SampleGradient& sample,
                                             Index group) {
    const Node& node = network.nodes[at(use.node)];
    const Index T = use.positions;
    const Index units = network.values[at(node.output)].size / T / use.groups;
    const auto* matmul = std::get_if<MatMul>(&node.op);
    std::vector<Matrix<double>> S;
    for (const std::vector<double>& s : reduced(reduction, sample, node.output)) {
        Matrix<double>& one = S.emplace_back(T, units);
        for (Index p = 0; p < T; ++p) {
            for (Index o = 0; o < units; ++o) {
                Index from = (group * units + o) * T + p;  // of (channels, positions)
                if (matmul != nullptr && use.weight == 1) from = p * units + o;
                if (matmul != nullptr && use.weight == 0)
                    from = p / matmul->cols * units * matmul->cols + o * matmul->cols + p % matmul->cols;
                one(p, o) = s[at(from)];
            }
        }
    }
    return S;
}

std::vector<double> plain_input(const Network& network, const WeightUse& use, const SampleGradient& sample,
                                Index group) {
    const std::vector<double>& x = sample.values[at(network.nodes[at(use.node)].inputs[1 - use.weight])];
    const auto size = static_cast<std::ptrdiff_t>(x.size()) / use.groups;
    return {x.begin() + group * size, x.begin() + (group + 1) * size};
}

std::vector<std::vector<double>> reduced(const Reduction& reduction, const SampleGradient& sample,
                                         Index value) {
    const Matrix<double>& D = sample.sensitivities[at(value)];
    std::vector<std::vector<double>> S;
    for (Index r = 0; r < reduction.sensitivities(); ++r) {
        std::vector<double>& s = S.emplace_back(at(D.cols()), 0.0);
        for (Index output = 0; output < D.rows(); ++output) {
            const double weight = reduction.weight(sample.sample, r, output);
            for (Index j = 0; weight != 0 && j < D.cols(); ++j) s[at(j)] += weight * D(output, j);
        }
    }
    return S;
}

}  // namespace tangram::recomputing
