#include "few_gradients.hpp"

#include "tangram/product/matrices.hpp"
#include "tangram/tangent/steps.hpp"

#include <algorithm>
#include <cmath>

namespace tangram::recomputing {

namespace {

/// Of a dense layer; others come into the graph as values.
bool is_a_layers(const Network& network, const Step& step) {
    return std::holds_alternative<Dense>(network.nodes[at(step.node)].op);
}

}  // namespace

Gradients gradients_of(const Network& network, const SmallRun& few) {
    const auto of = [&](const Matrix<double>& X) {
        std::vector<SampleGradient> gradients;
        for (Index k = 0; k < X.rows(); ++k)
            gradients.push_back(backpropagate(network, {X.view().row(k), at(X.cols())}));
        return gradients;
    };
    Gradients gradients{of(few.rows.X), {}};
    if (!few.symmetric) gradients.other_columns = of(few.columns.X);
    return gradients;
}

Reduction reduction_of(const std::string& name, Index outputs, Index logit) {
    Reduction reduction;
    reduction.outputs = outputs;
    reduction.kind = logit < 0 ? parse_reduction(name) : ReductionKind::logit;
    reduction.logit = logit;
    return reduction;
}

std::vector<Matrix<double>> components_of(const Network& network, const std::vector<SampleGradient>& rows,
                                          const std::vector<SampleGradient>& columns,
                                          const Reduction& reduction) {
    std::vector<Matrix<double>> components;
    for (std::size_t t = 0; t < network.tensors.size(); ++t)
        components.push_back(reference_kernel(network, reduction, static_cast<Index>(t), rows, columns));
    return components;
}

Matrix<double> sum_of(const std::vector<Matrix<double>>& parts) {
    Matrix<double> sum(parts.front().rows(), parts.front().cols());
    for (const Matrix<double>& part : parts) {
        for (Index k = 0; k < sum.size(); ++k) sum.data()[k] += part.data()[k];
    }
    return sum;
}

std::vector<double> diagonal_of(const Matrix<double>& K) {
    std::vector<double> diagonal;
    for (Index i = 0; i < K.rows(); ++i) diagonal.push_back(K(i, i));
    return diagonal;
}

double largest_of(const Matrix<double>& K) {
    double largest = 0;
    for (Index k = 0; k < K.size(); ++k) largest = std::max(largest, std::abs(K.data()[k]));
    return largest;
}

Matrix<double> entries_of(const OtherKernel& other, const SmallRun& few, Index C) {
    const auto m = static_cast<Index>(few.rows.samples.size());
    const auto n = static_cast<Index>(few.columns.samples.size());
    Matrix<double> entries(m * C, n * C);
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < n; ++j)
            other.read(few.rows.samples[at(i)] * C, few.columns.samples[at(j)] * C,
                       entries.view().block(i * C, j * C, C, C));
    }
    return entries;
}

double worst_of(const Matrix<double>& other, const Matrix<double>& K, double s) {
    double worst = 0;
    for (Index k = 0; k < K.size(); ++k) worst = std::max(worst, std::abs(other.data()[k] - s * K.data()[k]));
    return worst;
}

KernelFacts facts_of(const Network& network, const SmallRun& few, const Reduction& reduction) {
    KernelFacts facts;
    facts.samples = few.columns.all;
    facts.test_samples = few.symmetric ? 0 : few.rows.all;
    facts.outputs = network.outputs();
    facts.parameters = network.parameters();
    facts.reduction = to_string(reduction.kind);
    facts.logit = reduction.logit;
    for (const Step& step : steps_of(network, reduction)) {
        for (const StepTensor& its : step.tensors) {
            const ParameterTensor& tensor = network.tensors[at(its.tensor)];
            ComponentFacts component =
                facts_of_tensor(tensor.name, tensor.shape, is_bias(network, step, its));
            if (is_a_layers(network, step)) {
                component.fan_in = network.values[at(step.x)].size;
                component.fan_out = network.values[at(step.s)].size;
                component.scale = its.scale;
                component.is_ntk = few.parameterization == "ntk";
            }
            facts.components.push_back(component);
        }
    }
    return facts;
}

}  // namespace tangram::recomputing
