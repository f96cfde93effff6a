#!/usr/bin/env python3
"""Writes the operator tests of the ONNX standard as one HDF5 file, so that they can be run without the package onnx.

    onnx_operator_cases.py OUT.h5 [TABLE.md]

TABLE.md: which of the standard's cases are in it, operator by operator, and why the others are not (onnx_operators.md is it).
A group a case, named as in the standard:

    model            bytes of the model; floating inputs are its inputs, all others are initializers
    inputs/<k>       float64, attribute `name`: what the model is given
    outputs/<k>      float64, attribute `name`: what it must give
    attributes       `operators`, `opset`; `tolerance`, that of the narrowest type that its expected outputs were computed in

Left out: operators that tangram does not read, types that are no numbers, training. Of LayerNormalization the mean and the
deviation are left out, of MaxPool the indices; of inputs that tangram wants to be constants (bounds, scales, a
BatchNormalization's statistics) initializers are made.
"""

import collections
import pathlib
import sys

import h5py
import numpy

for name, kind in {"float": float, "int": int, "bool": bool, "object": object}.items():
    if name not in numpy.__dict__:
        setattr(numpy, name, kind)  # the package uses names that numpy 1.24 has no more

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from onnx.backend.test.case.node import collect_testcases  # noqa: E402
from onnx_newer_cases import newer_cases  # noqa: E402

OPERATORS = set(
    """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike Ceil Celu Clip
    Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace Div Dropout Einsum Elu Equal Erf Exp
    Expand EyeLike Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
    Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool LRN MatMul Max MaxPool Mean
    MeanVarianceNormalization Min Mish Mod Mul Neg NonZero Not OneHot Or Pad Pow PRelu Range Reciprocal ReduceL1 ReduceL2
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    ReverseSequence Round Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax
    Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile Transpose Trilu Unsqueeze
    Upsample Where Xor
    """.split()
)
ALL = range(100)
# Which floating inputs have to be known when the file is read.
CONSTANT_INPUTS = {
    "ArgMax": ALL,
    "ArgMin": ALL,
    "BatchNormalization": (3, 4),
    "Cast": (),
    "Clip": (1, 2),
    "Dropout": (1,),
    "Equal": ALL,
    "IsInf": ALL,
    "IsNaN": ALL,
    "Mod": (1,),
    "NonZero": ALL,
    "OneHot": (0, 1),
    "Pad": (2,),
    "Range": ALL,
    "Resize": (1, 2),
    "Upsample": (1,),
}
# Operators that no network's forward pass on samples of numbers has.
UNREAD = {
    "a loss": "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
    "an optimizer": "Adagrad Adam Gradient Momentum",
    "random": "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
    "sequences and optional values": """ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt
        SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap SplitToSequence""",
    "control flow": "If Loop Scan",
    "text": "StringNormalizer TfIdfVectorizer",
    "quantized": "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear",
    "recurrent": "GRU LSTM RNN",
    "integers or shapes that depend on numbers": "BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Compress "
    "Hardmax NonMaxSuppression TopK Unique",
    "signals": "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT",
}
FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16}
INTEGERS = {getattr(onnx.TensorProto, f"{sign}INT{bits}") for sign in ("", "U") for bits in (8, 16, 32, 64)}
NUMBERS = FLOATS | INTEGERS | {onnx.TensorProto.BOOL}
OLDEST_OPSET = 9


def why_unread(operator):
    """Why tangram does not read an operator, by what it is for."""
    why = next((why for why, operators in UNREAD.items() if operator in operators.split()), "not read")
    return f"{operator}: {why}"


# What of an operator that is read is refused by name.
REFUSED_ATTRIBUTES = {
    "coordinate_transformation_mode": ("tf_crop_and_resize", "tf_half_pixel_for_nn"),
    "reduction": ("mul", "max", "min"),
}


def refused_attribute(graph):
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.s.decode() in REFUSED_ATTRIBUTES.get(attribute.name, ()):
                return f"{attribute.name} {attribute.s.decode()}"
    return ""


def why_not(case):
    """What keeps a case from being used, '' where nothing does."""
    graph = case.model.graph
    others = {node.op_type for node in graph.node} - OPERATORS
    if others:
        return "by " * ("_expanded" in case.name) + ", ".join(why_unread(operator) for operator in sorted(others))
    if "training" in case.name:
        return "training, in which samples depend on one another or on chance"
    if case.name == "test_acosh_example":
        return "its derivative is infinite at 1"
    if case.name.endswith("_align_corners") and "downsample_scales" in case.name:
        return "it takes the length before it is rounded down, where PyTorch and onnxruntime take the one that the output has"
    if refused_attribute(graph):
        return refused_attribute(graph)
    if any(node.domain not in ("", "ai.onnx") for node in graph.node):
        return "another domain"
    for value in list(graph.input) + list(graph.output):
        if value.type.WhichOneof("value") != "tensor_type":
            return "sequences and optional values"
        if value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
            return "bfloat16, whose numbers the package gives as bits"
        if value.type.tensor_type.elem_type not in NUMBERS:
            return "values that are no numbers"
    return ""


def opset_of(model):
    return next(item for item in model.opset_import if item.domain in ("", "ai.onnx"))


def raise_opset(model):
    """To the oldest that tangram reads, where the operators are the same there."""
    opset = opset_of(model)
    if opset.version >= OLDEST_OPSET:
        return
    for node in model.graph.node:
        before, after = (onnx.defs.get_schema(node.op_type, version) for version in (opset.version, OLDEST_OPSET))
        assert before.since_version == after.since_version, node.op_type
    opset.version = OLDEST_OPSET


def tolerance_of(case, types):
    if "window" in case.name:
        return 1e-4  # these models have pi to five digits, what they must give has all
    return 2e-3 if onnx.TensorProto.FLOAT16 in types else 1e-6


def is_constant(graph, name):
    for node in graph.node:
        for place, given in enumerate(node.input):
            if given == name and place in CONSTANT_INPUTS.get(node.op_type, ()):
                return True
    return False


def prepared(case):
    """The model with initializers for what is no floating input, and the arrays that it is given and gives."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    raise_opset(model)
    graph = model.graph
    given, wanted = case.data_sets[0]
    for node in graph.node:
        if node.op_type in ("LayerNormalization", "MaxPool"):
            del node.output[1:]
    made = {name for node in graph.node for name in node.output}
    outputs = [(value, array) for value, array in zip(graph.output, wanted) if value.name in made]
    inputs = []
    kept = []
    for value, array in zip(graph.input, given):
        if value.type.tensor_type.elem_type in FLOATS and not is_constant(graph, value.name):
            inputs.append((value.name, array))
            kept.append(value)
        else:
            tensor = numpy_helper.from_array(numpy.asarray(array), value.name)
            if tensor.data_type != value.type.tensor_type.elem_type:
                tensor = onnx.helper.make_tensor(value.name, value.type.tensor_type.elem_type, array.shape, array.ravel())
            graph.initializer.append(tensor)
    types = [value.type.tensor_type.elem_type for value in list(graph.input) + [value for value, _ in outputs]]
    kept = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in kept]
    del graph.input[:]
    graph.input.extend(kept)
    left = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value, _ in outputs]
    del graph.output[:]
    graph.output.extend(left)
    return model, inputs, [(value.name, array) for value, array in outputs], tolerance_of(case, types)


def write_case(file, case):
    model, inputs, outputs, tolerance = prepared(case)
    group = file.create_group(case.name if case.name not in file else case.name + "_again")
    group["model"] = numpy.frombuffer(model.SerializeToString(), numpy.uint8)
    group.attrs["operators"] = ",".join(sorted({node.op_type for node in model.graph.node}))
    group.attrs["opset"] = opset_of(model).version
    group.attrs["tolerance"] = tolerance
    for kind, arrays in (("inputs", inputs), ("outputs", outputs)):
        part = group.create_group(kind)
        for k, (name, array) in enumerate(arrays):
            part[str(k)] = numpy.asarray(array).astype(numpy.float64)
            part[str(k)].attrs["name"] = name


def subject_of(case, by_name):
    """The operator that a case is about: of one that spells a function out by others, that of the case it was made from."""
    base = by_name.get(case.name[: -len("_expanded")]) if case.name.endswith("_expanded") else None
    return ", ".join(sorted({node.op_type for node in (base or case).model.graph.node}))


def write_table(path, cases, newer):
    """A row an operator."""
    by_name = {case.name: case for case in cases}
    rows = collections.defaultdict(collections.Counter)
    for case in cases:
        rows[subject_of(case, by_name)][why_not(case)] += 1
    run = sum(reasons[""] for reasons in rows.values())
    lines = [
        "# Operator cases of the ONNX standard",
        "",
        f"Of the {len(cases)} cases of the package onnx {onnx.__version__}, {run} are run on both paths, outputs and derivatives",
        f"(`tests/operators/`), and {len(newer)} more of operators as newer opsets have them (`onnx_newer_cases.py`). Those that",
        "spell a function out by other operators count with the function, and are not run where one of those is not read (`by ..`).",
        "Written by `onnx_operator_cases.py`.",
        "",
        "| operator | cases | run | why not the others |",
        "| --- | ---: | ---: | --- |",
    ]
    for operator, reasons in sorted(rows.items()):
        others = "; ".join(f"{count} {reason.removeprefix(operator + ': ')}" for reason, count in reasons.most_common() if reason)
        if len(reasons) == 1:
            others = others.partition(" ")[2]
        lines.append(f"| {operator} | {sum(reasons.values())} | {reasons['']} | {others} |".replace("  ", " "))
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


def main():
    cases = collect_testcases("")
    newer = list(newer_cases())
    chosen = [case for case in cases if not why_not(case)]
    with h5py.File(sys.argv[1], "w") as file:
        for case in chosen + newer:
            write_case(file, case)
    if len(sys.argv) > 2:
        write_table(sys.argv[2], cases, newer)
    print(f"{len(chosen)} of {len(cases)} cases written, and {len(newer)} of newer opsets")


if __name__ == "__main__":
    main()
