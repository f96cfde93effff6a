#include "tangram/kernel/matrices.hpp"

namespace tangram {

std::vector<KernelMatrix> kernel_matrices(const Network& network, const Reduction& reduction, bool components,
                                          ConjugateKernels conjugate_kernels) {
    const Index rows = reduction.rows_per_sample();
    std::vector<KernelMatrix> matrices;
    for (Index l = 0; l < network.depth(); ++l) {
        const Layer& layer = network.layers[static_cast<std::size_t>(l)];
        const bool last = l == network.depth() - 1;
        if (conjugate_kernels == ConjugateKernels::all ||
            (conjugate_kernels == ConjugateKernels::last && last)) {
            matrices.push_back(
                {MatrixKind::conjugate_kernel, l, 1, "/conjugate_kernels/" + layer.name, layer.name});
        }
        if (!components) continue;
        matrices.push_back(
            {MatrixKind::weight_component, l, rows, "/components/" + layer.weight_name, layer.weight_name});
        if (!layer.has_bias()) continue;
        matrices.push_back(
            {MatrixKind::bias_component, l, rows, "/components/" + layer.bias_name, layer.bias_name});
    }
    matrices.push_back({MatrixKind::ntk, 0, rows, "/ntk", "ntk"});
    return matrices;
}

std::string to_string(Space space) {
    return space == Space::samples ? "samples" : "params";
}

KernelMatrix parameter_gram_matrix() {
    return {MatrixKind::parameter_gram, 0, 1, "/parameter_gram", "parameter_gram"};
}

double tile_operations(const Network& network, const Reduction& reduction, Index samples) {
    const auto n = static_cast<double>(samples);
    const auto R = static_cast<double>(reduction.sensitivities());
    double operations_per_pair = 0;
    for (const Layer& layer : network.layers) {
        operations_per_pair += static_cast<double>(layer.fan_in());
        const bool constant = &layer == &network.layers.back() && layer.is_linear();
        const double pairs_of_outputs = reduction.is_full() ? R * R : R;
        if (!constant) operations_per_pair += pairs_of_outputs * static_cast<double>(layer.fan_out());
    }
    return n * n * operations_per_pair;
}

}  // namespace tangram
