#include "tangram/regression/modes.hpp"

#include "tangram/support/blas.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/error_measures.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tangram {

namespace {

void complete(const KernelOnRanks& kernel, Modes& modes) {
    modes.noise = rounding_unit(kernel.precision) * modes.facts.norm;
    modes.column_norm = column_norm(kernel.comm, kernel.layout, modes.kernel);
}

}  // namespace

Index Modes::above_noise() const {
    Index count = 0;
    for (std::size_t k = 0; k < values.size(); ++k) count += counts(k) ? 1 : 0;
    return count;
}

std::shared_ptr<const Modes> find_modes(const KernelOnRanks& kernel) {
    const auto modes = std::make_shared<Modes>();
    AlignedBuffer<double> A;
    kernel.read(A);
    JudgedPairs judged = solve_and_judge(kernel.comm, kernel.layout, A, kernel.read, true, kernel.threads);
    if (!are_good(judged)) {
        fail(
            ExitCode::check_failed,
            "the eigenvalues by {} are wrong ({}): they are off, in units of n eps: {}; is the matrix symmetric? 'tangram verify' tells",
            judged.pairs.solver, kernel.name, describe_errors(judged.value_errors, judged.vector_errors));
    }
    modes->values = std::move(judged.pairs.values);
    modes->vectors = std::move(judged.pairs.vectors);
    modes->kernel = std::move(A);  // read once more for the errors of the vectors
    modes->facts = judged.facts;
    modes->solver = judged.pairs.solver;
    modes->seconds = judged.seconds;
    complete(kernel, *modes);
    return modes;
}

std::shared_ptr<const Modes> modes_from(const KernelOnRanks& kernel, std::vector<double> values,
                                        double factor,
                                        const std::function<void(AlignedBuffer<double>&)>& read) {
    const auto modes = std::make_shared<Modes>();
    kernel.read(modes->kernel);
    modes->facts = scale_and_measure(kernel.comm, kernel.layout, modes->kernel);
    modes->values = std::move(values);
    for (double& value : modes->values) value = std::ldexp(value * factor, -modes->facts.exponent);
    read(modes->vectors);
    modes->solver = "those of a file";
    complete(kernel, *modes);
    EigenPairs pairs;
    pairs.values = modes->values;
    pairs.vectors = std::move(modes->vectors);
    JudgedPairs judged;
    judged.facts = modes->facts;
    judged.value_errors = value_errors(pairs.values, modes->facts);
    const blas::BlasThreads for_products(kernel.threads);
    judged.vector_errors = eigen_errors(kernel.comm, kernel.layout, modes->kernel, pairs);
    modes->vectors = std::move(pairs.vectors);
    if (!are_good(judged)) {
        fail(
            ExitCode::bad_input,
            "the eigenvectors of the file are not those of this matrix ({}): they are off, in units of n eps: {}: make them again by 'tangram spectrum --vectors'",
            kernel.name, describe_errors(judged.value_errors, judged.vector_errors));
    }
    return modes;
}

std::vector<double> automatic_ridges(const Modes& modes) {
    constexpr int count = 41;
    const double largest = modes.values.back();
    if (!(largest > 0)) return {1};
    const double least = std::min(largest, std::max(modes.noise, 1e-10 * largest));
    std::vector<double> ridges;
    for (int k = 0; k < count; ++k) {
        const double part = static_cast<double>(k) / (count - 1);
        const double scaled = std::exp(std::log(least) * (1 - part) + std::log(largest) * part);
        ridges.push_back(std::ldexp(scaled, modes.facts.exponent));
    }
    return ridges;
}

}  // namespace tangram
