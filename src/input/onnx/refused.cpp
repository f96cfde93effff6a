// Operators that are known and cannot be had, each with its reason and what helps.

#include "refused.hpp"

#include <algorithm>

namespace tangram::onnx_file {

namespace {

constexpr const char* value_before = "the kernel of a value before it can be had by --value NAME";
constexpr const char* unrolled =
    "export the cell (nn.LSTMCell, nn.GRUCell, nn.RNNCell) in a loop over the steps, which becomes operators that are read";
constexpr const char* recurrent = "a recurrent layer is not read as one operator";
constexpr const char* places = "its result says where entries are, and has no derivative";
constexpr const char* random = "its output is random";
constexpr const char* quantized = "quantized numbers have no derivative";
constexpr const char* float_model = "export the model before it is quantized";
constexpr const char* evaluation = "export the model in evaluation mode";
constexpr const char* loss = "it is the loss of a batch, not of a sample";
constexpr const char* logits = "export the network without it, or name the logits by --value NAME";

/// Those of one reason together.
constexpr std::array table{
    Refusal{"Hardmax", places, value_before},
    Refusal{"NonMaxSuppression", places, value_before},
    Refusal{"Unique", places, value_before},
    Refusal{"Bernoulli", random, evaluation},
    Refusal{"Multinomial", random, evaluation},
    Refusal{"RandomNormal", random, evaluation},
    Refusal{"RandomNormalLike", random, evaluation},
    Refusal{"RandomUniform", random, evaluation},
    Refusal{"RandomUniformLike", random, evaluation},
    Refusal{"Compress", "what it keeps is chosen by a condition", value_before},
    Refusal{"ConvInteger", quantized, float_model},
    Refusal{"DequantizeLinear", quantized, float_model},
    Refusal{"DynamicQuantizeLinear", quantized, float_model},
    Refusal{"MatMulInteger", quantized, float_model},
    Refusal{"QLinearConv", quantized, float_model},
    Refusal{"QLinearMatMul", quantized, float_model},
    Refusal{"QuantizeLinear", quantized, float_model},
    Refusal{"GRU", recurrent, unrolled},
    Refusal{"LSTM", recurrent, unrolled},
    Refusal{"RNN", recurrent, unrolled},
    Refusal{"NegativeLogLikelihoodLoss", loss, logits},
    Refusal{"SoftmaxCrossEntropyLoss", loss, logits},
    Refusal{"TopK", "which entries it takes depends on the samples", value_before},
};

void refuse_by_name(Lowering& l) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const Refusal& refusal) {
        return refusal.op_type == l.node.op_type;
    });
    refuse(l, found->why, found->advice);
}

constexpr std::array entries = [] {
    std::array<Entry, table.size()> all{};
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = {table[k].op_type, refuse_by_name};
    return all;
}();

}  // namespace

std::span<const Refusal> refusals() {
    return table;
}

std::span<const Entry> refused_operators() {
    return entries;
}

}  // namespace tangram::onnx_file
