#include "operator_notes.hpp"

#include <array>

namespace tangram::onnx_file {

namespace {

constexpr const char* all = "9-21";
constexpr const char* rows = "rows";
constexpr const char* none = "-";
constexpr const char* moves = "Arrange";

constexpr std::array notes{
    OperatorNote{
        "Gemm MatMul", all, "MatMul, Add; Dense where a parameter matrix meets one vector a sample",
        "outer, and plain or outer's bias, in a Dense; of a weight on several rows rows, rows made or pairs; else rows",
        "both sides may depend on the samples"},
    OperatorNote{"Conv", all, "Convolve, Add", "rows, rows made or pairs",
                 "1 to 3 axes; groups, strides, dilations, all pads, auto_pad"},
    OperatorNote{"ConvTranspose", all, "MatMul, Combine, Add", "rows; outer on a single pixel",
                 "1 to 3 axes; groups, strides, dilations, pads, output_padding, output_shape, auto_pad"},
    OperatorNote{"Add Sub", all, "Add, Apply", "rows; plain or outer's bias where it is that of a Dense",
                 "broadcast"},
    OperatorNote{"Div Mul", all, "Mul, Apply", rows, "broadcast"},
    OperatorNote{"Mean Sum", all, "Add, Apply", rows, "any number of inputs, broadcast"},
    OperatorNote{"Pow", all, "Power, Apply", rows,
                 "x^y with y a value too; at x = 0 the derivative in y is 0 where y is not negative"},
    OperatorNote{"Max Min", all, "Largest", rows, "equal values have equal shares of the derivative"},
    OperatorNote{"Abs Sqrt", all, "Apply", rows, "abs'(0) = 0; sqrt'(0) is infinite"},
    OperatorNote{"Acos Acosh Asin Asinh Atan Atanh Cosh Exp Log Neg Reciprocal Sinh Tan", all, "Apply", rows,
                 ""},
    OperatorNote{"Ceil Floor Round Sign", all, "Apply", rows, "the derivative is 0, at the jumps too"},
    OperatorNote{"Cos Elu Erf LeakyRelu Relu Selu Sigmoid Sin Softplus Softsign Tanh", all, "Activate", rows,
                 "relu'(0) = 0, leaky_relu'(0) is its slope, elu'(0) = alpha"},
    OperatorNote{"Celu", "12-21", "Activate", rows, ""},
    OperatorNote{"HardSigmoid", all, "Activate, Apply", rows,
                 "PyTorch's is flat at its bounds, others pass there"},
    OperatorNote{"HardSwish", "14-21", "Activate", rows, "as PyTorch's"},
    OperatorNote{"Mish", "18-21", "Activate", rows, ""},
    OperatorNote{"Gelu", "20-21", "Activate", rows, "exact, or by tanh"},
    OperatorNote{"PRelu", all, "Activate, Add, Mul", rows, "the slope counts at 0"},
    OperatorNote{"Shrink ThresholdedRelu", "9-21; 10-21", "Apply", rows, "flat at the jump itself"},
    OperatorNote{"Clip", all, "Apply", none,
                 "passes at its bounds, which must be constants: learned ones are refused"},
    OperatorNote{"Dropout Identity", all, "nothing", none, "in evaluation mode"},
    OperatorNote{"LogSoftmax Softmax", all, "Softmax, Arrange", rows,
                 "any axis; before opset 13 all axes from it on"},
    OperatorNote{"BatchNormalization", all, "Add, Mul", rows,
                 "in evaluation mode: mean and variance are constants"},
    OperatorNote{"InstanceNormalization", all, "Standardize, Mul, Add", rows, ""},
    OperatorNote{"LayerNormalization", "17-21", "Standardize, Mul, Add", rows, "its first output"},
    OperatorNote{"GroupNormalization", "18-21", "Standardize, Mul, Add", rows,
                 "scale and bias are one a group before opset 21, one a channel since"},
    OperatorNote{"LRN", all, "Apply, Combine, Mul", rows, ""},
    OperatorNote{"LpNormalization", all, "Apply, Combine, Mul", rows, "p = 1 or 2"},
    OperatorNote{"MeanVarianceNormalization", all, "Combine, Apply, Add, Mul", rows,
                 "over axes of one sample: over its batch it couples samples, and is refused"},
    OperatorNote{"AveragePool GlobalAveragePool", all, "Combine", rows,
                 "a window that hangs over is divided as by PyTorch"},
    OperatorNote{"GlobalLpPool LpPool", all, "Apply, Combine", rows,
                 "the derivative of p = 2 is 0 where the norm is"},
    OperatorNote{"GlobalMaxPool MaxPool", all, "Largest", rows,
                 "the first of equal entries has the derivative"},
    OperatorNote{"ReduceMax ReduceMin", all, "Largest", rows,
                 "equal values have equal shares of the derivative"},
    OperatorNote{"ReduceMean ReduceSum", all, "Combine", rows, ""},
    OperatorNote{"ReduceL1 ReduceL2 ReduceLogSum ReduceSumSquare", all, "Apply, Combine", rows,
                 "the derivative of a norm is 0 where the norm is"},
    OperatorNote{"ReduceLogSumExp", all, "Largest, Add, Apply, Combine", rows, ""},
    OperatorNote{"ReduceProd", all, "Arrange, Mul", rows, "a 0 leaves the others' derivatives right"},
    OperatorNote{"CumSum", "11-21", "Arrange, Add", rows, "the axis must be a constant"},
    OperatorNote{
        "Resize Upsample", "10-21; 9", "Arrange or Combine", rows,
        "nearest, linear, cubic; half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric; all "
        "nearest_modes; no antialias"},
    OperatorNote{"DepthToSpace SpaceToDepth", all, moves, rows, "DCR and CRD"},
    OperatorNote{"Concat Expand Flatten Pad Reshape Slice Split Squeeze Tile Transpose Unsqueeze", all, moves,
                 rows, "Pad: constant, reflect, edge, wrap"},
    OperatorNote{"ReverseSequence Trilu", "10-21; 14-21", moves, rows,
                 "lengths and diagonal must be constants"},
    OperatorNote{"Gather GatherElements GatherND", "9-21; 11-21; 11-21",
                 "Arrange; Lookup by the samples' indices",
                 "rows; lookup of a table that is read there alone",
                 "an index that is no integer of the axis is refused"},
    OperatorNote{"Einsum", "12-21", "Arrange, Combine, MatMul", "rows, rows made or pairs",
                 "of two values, or one"},
    OperatorNote{"OneHot", all, "Compare, Choose", rows, ""},
    OperatorNote{"Scatter ScatterElements ScatterND", "9-10; 11-21; 11-21", "Arrange or Combine", rows,
                 "the indices must be constants; reduction none or add"},
    OperatorNote{"Where", all, "Arrange; Choose by the samples' condition", rows, ""},
    OperatorNote{"And Equal Greater GreaterOrEqual Less LessOrEqual Not Or Xor", all, "Compare, Mul, Apply",
                 none, "of what depends on the samples too; no derivative"},
    OperatorNote{"ArgMax ArgMin", all, "Largest, Compare, Choose", none, "no derivative"},
    OperatorNote{"IsInf IsNaN", "10-21; 9-21", "Compare", none, "IsInf of constants only"},
    OperatorNote{"Cast CastLike Mod", all, "Apply, Compare", none,
                 "to integers: steps, without a derivative"},
    OperatorNote{"Constant ConstantOfShape EyeLike NonZero Range Shape Size", all, "constants", none,
                 "arithmetic on shapes and constants"},
};

}  // namespace

std::span<const OperatorNote> operator_notes() {
    return notes;
}

}  // namespace tangram::onnx_file
