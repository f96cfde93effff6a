// y_k = table row id_k            S_table[id_k] += S_k          ids have no derivative
// (n, k width)                    (n R, rows width)

#include "tangram/support/text.hpp"
#include "tangram/tangent/operators.hpp"
#include "tangram/tangent/wrong_number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tangram::operators {

namespace {

/// The table where it is a value; otherwise it is the node's own tensor.
constexpr std::size_t table_input = 1;

/// The row that a number means, -1: none.
Index row_of(const Lookup& op, double id) {
    const auto rows = static_cast<double>(op.rows);
    if (!(id >= -rows && id < rows) || id != std::trunc(id)) return -1;
    return static_cast<Index>(id < 0 ? id + rows : id);
}

[[noreturn]] void refuse_id(const ForwardPass& pass, Index i, Index k) {
    const auto& op = std::get<Lookup>(pass.node.op);
    throw WrongNumberError({fmt::format("{} at place {} of the ids of {} is no row of a table of {}",
                                        pass.inputs[0](i, k), k, printable(pass.node.name), op.rows),
                            pass.node.name, pass.first_sample + i,
                            fmt::format("ids are integers from {} to {}", -op.rows, op.rows - 1)});
}

const double* table_of(const ForwardPass& pass, Index i) {
    return pass.node.tensors.empty() ? pass.inputs[table_input].row(i)
                                     : pass.network.tensors[at(pass.node.tensors[0])].values.data();
}

void forward(const ForwardPass& pass) {
    const auto& op = std::get<Lookup>(pass.node.op);
    for (Index i = 0; i < pass.output.rows; ++i) {
        const double* table = table_of(pass, i);
        for (Index k = 0; k < pass.inputs[0].cols; ++k) {
            const Index row = row_of(op, pass.inputs[0](i, k));
            if (row < 0) refuse_id(pass, i, k);
            std::copy_n(table + row * op.width, op.width, pass.output.row(i) + k * op.width);
        }
    }
}

void pull_back(const BackwardPass& pass) {
    const auto& op = std::get<Lookup>(pass.node.op);
    if (pass.to[0].is_needed()) begin(pass.to[0]);
    if (pass.to.size() <= table_input || !pass.to[table_input].is_needed()) return;
    const Contribution& to = pass.to[table_input];
    begin(to);
    for (Index i = 0; i < pass.S.rows; ++i) {
        const double* ids = pass.inputs[0].row(i / pass.rows_per_sample());
        for (Index k = 0; k < pass.inputs[0].cols; ++k) {
            const double* from = pass.S.row(i) + k * op.width;
            double* into = to.S.row(i) + row_of(op, ids[k]) * op.width;
            for (Index j = 0; j < op.width; ++j) into[j] += from[j];
        }
    }
}

Step step(const Node& node) {
    const auto& op = std::get<Lookup>(node.op);
    return {.form = Form::lookup,
            .x = node.inputs[0],
            .s = node.output,
            .tensors = {{node.tensors[0], 1, false}},
            .table_rows = op.rows,
            .row_width = op.width};
}

}  // namespace

const OperatorRoutines lookup_routines{.forward = forward,
                                       .pull_back = pull_back,
                                       .kept_values = [](Index) { return Index{0}; },
                                       .result = "rows looked up after",
                                       .step = step};

}  // namespace tangram::operators
