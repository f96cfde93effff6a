// The network whose gradients given factors are: f_r = sum over tensors of s_r . z with z = W x, or theta itself.

#include "stored_factors.hpp"
#include "tangram/input/factors.hpp"
#include "tangram/network/stored_rows.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

namespace tangram {

namespace {

Index entries(const std::vector<Index>& shape) {
    return std::accumulate(shape.begin(), shape.end(), Index{1}, std::multiplies<>());
}

/// A tensor that is added where another is multiplied: its gradients are the other's s.
std::optional<std::size_t> bias_of(const FactorFile& factors, std::size_t weight) {
    const FactorTensor& its = factors.tensors[weight];
    if (!its.is_product() || its.positions > 1 || its.storage.empty()) return std::nullopt;
    for (std::size_t k = 0; k < factors.tensors.size(); ++k) {
        if (!factors.tensors[k].is_product() && factors.tensors[k].storage == its.storage) return k;
    }
    return std::nullopt;
}

/// [tensor]: the weight whose bias it is.
std::vector<std::optional<std::size_t>> weights_of_biases(const FactorFile& factors) {
    std::vector<std::optional<std::size_t>> weights(factors.tensors.size());
    for (std::size_t k = 0; k < factors.tensors.size(); ++k) {
        const auto bias = bias_of(factors, k);
        if (bias && !weights[*bias]) weights[*bias] = k;
    }
    return weights;
}

/// [tensor]: its gradients stay in their file.
std::vector<bool> stored_tensors(const FactorFile& factors) {
    const auto weights = weights_of_biases(factors);
    const auto numbers = [&](std::size_t k) {
        const bool counts = !factors.tensors[k].is_product() && !weights[k];
        return counts ? factors.rows * factors.tensors[k].size() : Index{0};
    };
    Index all = 0;
    for (std::size_t k = 0; k < factors.tensors.size(); ++k) all += numbers(k);
    std::vector<bool> stored(factors.tensors.size());
    for (std::size_t k = 0; k < stored.size(); ++k)
        stored[k] = all > most_held_of_sample && numbers(k) > most_held_of_tensor;
    return stored;
}

/// What a tensor reads of its sample.
struct Columns {
    std::string location;
    Index width = 0;
    SampleKind kind = SampleKind::numbers;
};

/// Of all tensors, one after the other: x, then s.
std::vector<Columns> list_columns(const FactorFile& factors) {
    std::vector<Columns> columns;
    const std::vector<bool> stored = stored_tensors(factors);
    const auto weights = weights_of_biases(factors);
    for (std::size_t k = 0; k < factors.tensors.size(); ++k) {
        const FactorTensor& its = factors.tensors[k];
        if (weights[k]) continue;
        if (stored[k]) {
            columns.push_back({its.s, row_number_columns, SampleKind::row_number});
            continue;
        }
        const Index T = its.positions;
        if (its.is_product()) columns.push_back({its.x, T * its.shape.back()});
        columns.push_back(
            {its.s, factors.rows * T * (its.is_product() ? its.shape.front() : entries(its.shape))});
    }
    return columns;
}

struct Builder {
    Network network;
    Index taken = 0;  ///< columns of the input

    /// The next `width` columns of the input.
    Index take(const std::string& name, Index width) {
        if (width == network.inputs()) return network.input;
        auto table = std::make_shared<Arrangement>();
        table->from.resize(at(width));
        std::iota(table->from.begin(), table->from.end(), taken);
        taken += width;
        return add_node(network, Arrange{std::move(table)}, name, {network.input}, {}, width);
    }

    Index tensor(const FactorTensor& its) {
        const Index units = its.shape.front();
        return add_tensor(network, its.name, its.shape,
                          Matrix<double>::zeros(units, entries(its.shape) / units));
    }

    /// The tensor as a value.
    Index parameter(const FactorTensor& its) {
        return add_node(network, Parameter{}, its.name, {}, {tensor(its)}, entries(its.shape));
    }

    /// The rows of gradients that stay in their file.
    Index stored(const FactorTensor& its, std::shared_ptr<const StoredRows> rows) {
        const Index theta = add_tensor(network, its.name, its.shape, Matrix<double>::zeros(its.size(), 1));
        const Index R = rows->rows;
        const Index number = take(its.name + ".number", row_number_columns);
        return add_node(network, Stored{std::move(rows)}, its.name, {number}, {theta}, R);
    }

    /// W x, of each position.
    Index product(const FactorTensor& its, const FactorTensor* bias) {
        const Index d_out = its.shape.front(), d_in = its.shape.back(), T = its.positions;
        const Index x = take(its.name + ".x", T * d_in);
        if (T == 1) {
            std::vector<Index> tensors{tensor(its)};
            if (bias != nullptr) tensors.push_back(tensor(*bias));
            return add_node(network, Dense{}, its.name, {x}, std::move(tensors), d_out);
        }
        MatMul weight{
            .rows = T, .inner = d_in, .cols = d_out, .b_transposed = true, .a_of = {0}, .b_of = {0}};
        return add_node(network, std::move(weight), its.name, {x, parameter(its)}, {}, T * d_out);
    }

    /// s_r . z for the rows r.
    Index rows(const std::string& name, Index R, Index z) {
        const Index width = network.values[at(z)].size;
        MatMul dot{.rows = R, .inner = width, .cols = 1, .a_of = {0}, .b_of = {0}};
        return add_node(network, std::move(dot), name, {take(name + ".s", R * width), z}, {}, R);
    }
};

}  // namespace

Index FactorTensor::size() const {
    return entries(shape);
}

Network network_of(const FactorFile& factors, const FactorFile* test) {
    Builder builder;
    Network& network = builder.network;
    network.gradients_are_given = true;
    Index width = 0;
    for (const Columns& columns : list_columns(factors)) width += columns.width;
    network.values.push_back({"factors", width, false});
    const std::vector<bool> stored = stored_tensors(factors);
    const auto reading = std::make_shared<std::mutex>();
    const auto weights = weights_of_biases(factors);
    std::optional<Index> sum;
    for (std::size_t k = 0; k < factors.tensors.size(); ++k) {
        const FactorTensor& its = factors.tensors[k];
        if (weights[k]) continue;
        const auto bias = std::find(weights.begin(), weights.end(), std::optional(k));
        const FactorTensor* added =
            bias == weights.end() ? nullptr : &factors.tensors[at(bias - weights.begin())];
        const auto y_of_product = [&] {
            const Index z = its.is_product() ? builder.product(its, added) : builder.parameter(its);
            return builder.rows(its.name, factors.rows, z);
        };
        const auto y_of_stored = [&] {
            const FactorTensor* const of_test = test == nullptr ? nullptr : &test->tensors[k];
            return builder.stored(its, stored_rows(its, factors, of_test, reading));
        };
        const Index y = stored[k] ? y_of_stored() : y_of_product();
        sum = sum ? add_node(network, Add{}, its.name, {*sum, y}, {}, factors.rows) : y;
    }
    network.output = *sum;
    return std::move(builder.network);
}

FactorColumns columns_of(const FactorFile& factors) {
    FactorColumns columns;
    for (const Columns& its : list_columns(factors)) {
        columns.locations.push_back(its.location);
        columns.kinds.push_back(its.kind);
    }
    return columns;
}

}  // namespace tangram
