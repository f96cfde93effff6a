#include "tangram/network/operator.hpp"

#include "tangram/support/hash.hpp"

#include <fmt/ranges.h>

namespace tangram {

namespace {

using Constants = std::vector<OperatorConstant>;

std::string number(double value) {
    return fmt::format("{}", value);
}

std::string number(Index value) {
    return fmt::format("{}", value);
}

std::string yes_or_no(bool value) {
    return value ? "yes" : "no";
}

/// One number an axis: "3x3".
std::string by_axis(const std::vector<Index>& numbers) {
    return fmt::format("{}", fmt::join(numbers, "x"));
}

/// What is too long to be told: how many, and their bytes' hash.
template <class T>
std::string digest(const std::vector<T>& numbers) {
    const std::string_view bytes(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T));
    return fmt::format("{} xxh3 {:016x}", numbers.size(), checksum(bytes));
}

const char* name(Function f) {
    switch (f) {
        case Function::affine:
            return "affine";
        case Function::exp:
            return "exp";
        case Function::log:
            return "log";
        case Function::sqrt:
            return "sqrt";
        case Function::reciprocal:
            return "reciprocal";
        case Function::abs:
            return "abs";
        case Function::power:
            return "power";
        case Function::clip:
            return "clip";
        case Function::root:
            return "root";
        case Function::tan:
            return "tan";
        case Function::asin:
            return "asin";
        case Function::acos:
            return "acos";
        case Function::atan:
            return "atan";
        case Function::sinh:
            return "sinh";
        case Function::cosh:
            return "cosh";
        case Function::asinh:
            return "asinh";
        case Function::acosh:
            return "acosh";
        case Function::atanh:
            return "atanh";
        case Function::sign:
            return "sign";
        case Function::floor:
            return "floor";
        case Function::ceil:
            return "ceil";
        case Function::round:
            return "round";
        case Function::trunc:
            return "trunc";
        case Function::threshold:
            return "threshold";
        case Function::shrink:
            return "shrink";
    }
    return "";
}

const char* name(Compare::Relation relation) {
    switch (relation) {
        case Compare::Relation::equal:
            return "equal";
        case Compare::Relation::less:
            return "less";
        case Compare::Relation::less_or_equal:
            return "less or equal";
    }
    return "";
}

}  // namespace

const char* name_of(const Operator& op) {
    struct Names {
        const char* operator()(const Dense&) const { return "Dense"; }
        const char* operator()(const Activate&) const { return "Activate"; }
        const char* operator()(const Add&) const { return "Add"; }
        const char* operator()(const Mul&) const { return "Mul"; }
        const char* operator()(const Power&) const { return "Power"; }
        const char* operator()(const Softmax&) const { return "Softmax"; }
        const char* operator()(const Parameter&) const { return "Parameter"; }
        const char* operator()(const Constant&) const { return "Constant"; }
        const char* operator()(const Apply&) const { return "Apply"; }
        const char* operator()(const Arrange&) const { return "Arrange"; }
        const char* operator()(const Combine&) const { return "Combine"; }
        const char* operator()(const Largest&) const { return "Largest"; }
        const char* operator()(const MatMul&) const { return "MatMul"; }
        const char* operator()(const Convolve&) const { return "Convolve"; }
        const char* operator()(const Standardize&) const { return "Standardize"; }
        const char* operator()(const Lookup&) const { return "Lookup"; }
        const char* operator()(const Compare&) const { return "Compare"; }
        const char* operator()(const Choose&) const { return "Choose"; }
        const char* operator()(const Stored&) const { return "Stored"; }
    };
    return std::visit(Names{}, op);
}

std::string function_of(const Operator& op) {
    if (const auto* activate = std::get_if<Activate>(&op)) return to_string(activate->phi);
    if (const auto* softmax = std::get_if<Softmax>(&op))
        return softmax->logarithm ? "log_softmax" : "softmax";
    return name_of(op);
}

std::optional<double> output_scale_of(const Operator& op) {
    if (const auto* activate = std::get_if<Activate>(&op)) return activate->scale;
    if (const auto* softmax = std::get_if<Softmax>(&op)) return softmax->scale;
    return std::nullopt;
}

namespace {

struct ConstantsOf {
    Constants operator()(const Dense& dense) const {
        return {{"weight scale", number(dense.weight_scale)}, {"bias scale", number(dense.bias_scale)}};
    }
    Constants operator()(const Activate& activate) const {
        return {{"activation", to_string(activate.phi)}, {"output scale", number(activate.scale)}};
    }
    Constants operator()(const Add& add) const { return {{"second term's scale", number(add.y_scale)}}; }
    Constants operator()(const Mul&) const { return {}; }
    Constants operator()(const Power&) const { return {}; }
    Constants operator()(const Softmax& softmax) const {
        return {{"activation", function_of(softmax)},
                {"output scale", number(softmax.scale)},
                {"run", number(softmax.length)}};
    }
    Constants operator()(const Parameter&) const { return {}; }
    Constants operator()(const Constant& constant) const { return {{"numbers", digest(*constant.values)}}; }
    Constants operator()(const Apply& apply) const {
        return {{"function", name(apply.f)}, {"a", number(apply.a)}, {"b", number(apply.b)}};
    }
    Constants operator()(const Arrange& arrange) const {
        return {{"arranged from", digest(arrange.table->from)}, {"fill", number(arrange.table->fill)}};
    }
    Constants operator()(const Combine& combine) const {
        return {{"windows begin", digest(combine.windows->begin)},
                {"windows", digest(combine.windows->from)},
                {"window weights", digest(combine.windows->weight)}};
    }
    Constants operator()(const Largest& largest) const {
        return {{"windows begin", digest(largest.windows->begin)},
                {"windows", digest(largest.windows->from)},
                {"ties share", yes_or_no(largest.shares_ties)}};
    }
    Constants operator()(const MatMul& matmul) const {
        return {{"rows", number(matmul.rows)},
                {"inner", number(matmul.inner)},
                {"columns", number(matmul.cols)},
                {"left transposed", yes_or_no(matmul.a_transposed)},
                {"right transposed", yes_or_no(matmul.b_transposed)},
                {"product scale", number(matmul.scale)},
                {"left batches", digest(matmul.a_of)},
                {"right batches", digest(matmul.b_of)}};
    }
    Constants operator()(const Convolve& convolve) const {
        return {{"channels in", number(convolve.in_channels)},
                {"channels out", number(convolve.out_channels)},
                {"groups", number(convolve.groups)},
                {"positions in", by_axis(convolve.in)},
                {"kernel", by_axis(convolve.kernel)},
                {"positions out", by_axis(convolve.out)},
                {"strides", by_axis(convolve.strides)},
                {"dilations", by_axis(convolve.dilations)},
                {"pads", by_axis(convolve.pads)}};
    }
    Constants operator()(const Standardize& standardize) const {
        return {{"run", number(standardize.length)}, {"epsilon", number(standardize.epsilon)}};
    }
    Constants operator()(const Lookup& lookup) const {
        return {{"table rows", number(lookup.rows)}, {"table width", number(lookup.width)}};
    }
    Constants operator()(const Compare& compare) const { return {{"relation", name(compare.relation)}}; }
    Constants operator()(const Choose&) const { return {}; }
    Constants operator()(const Stored&) const { return {}; }  // the file's digest says what they are
};

}  // namespace

std::vector<OperatorConstant> constants_of(const Operator& op) {
    return std::visit(ConstantsOf{}, op);
}

}  // namespace tangram
