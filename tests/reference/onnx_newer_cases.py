"""Cases of operators as later opsets have them, or as PyTorch computes them, which the package's own tests lack. Expected
outputs are PyTorch's and NumPy's."""

import numpy
import onnx
import torch
from onnx import helper

from onnx_case import case, normal, through_torch
from onnx_long_tail_cases import long_tail_cases


def activation_cases():
    f = torch.nn.functional
    x = 4 * normal(3, 5)
    slopes = normal(5)
    yield case("gelu", 20, "Gelu", [x], [through_torch(f.gelu, x)])
    yield case("gelu_tanh", 20, "Gelu", [x], [through_torch(lambda z: f.gelu(z, approximate="tanh"), x)], approximate="tanh")
    yield case("mish", 18, "Mish", [x], [through_torch(f.mish, x)])
    yield case("prelu_channels", 16, "PRelu", [x, slopes], [through_torch(f.prelu, x, slopes)])
    yield case("hardsigmoid_sixth", 14, "HardSigmoid", [x], [through_torch(f.hardsigmoid, x)], alpha=1 / 6)
    yield case("selu_own", 9, "Selu", [x], [1.5 * through_torch(lambda z: f.elu(z, 0.5), x)], alpha=0.5, gamma=1.5)
    yield case("clip_attributes", 9, "Clip", [x], [numpy.clip(x, -1, 2)], min=-1.0, max=2.0)
    yield case("clip_above", 9, "Clip", [x], [numpy.minimum(x, 2)], max=2.0)


def reduction_cases():
    x = normal(2, 3, 4)
    for name, of in (("ReduceMean", numpy.mean), ("ReduceMax", numpy.max), ("ReduceMin", numpy.min), ("ReduceSum", numpy.sum)):
        yield case(name + "_18", 18, name, [x, [-1, 0]], [of(x, axis=(0, 2), keepdims=True)])
        yield case(name + "_18_all", 18, name, [x], [of(x)], keepdims=0)
        yield case(name + "_18_none", 18, name, [x], [x], noop_with_empty_axes=1)
    yield case("ReduceMean_11", 11, "ReduceMean", [x], [x.mean(1)], axes=[1], keepdims=0)
    yield case("ReduceMax_attribute_all", 13, "ReduceMax", [x], [x.max(keepdims=True)])


def pool_cases():
    f = torch.nn.functional
    for axes, lengths in ((1, (11,)), (2, (7, 10)), (3, (5, 6, 7))):
        x = normal(1, 2, *lengths)
        average = (f.avg_pool1d, f.avg_pool2d, f.avg_pool3d)[axes - 1]
        largest = (f.max_pool1d, f.max_pool2d, f.max_pool3d)[axes - 1]
        for kernel, stride, pad in ((2, 2, 0), (3, 2, 1), (3, 3, 1), (4, 3, 2), (2, 3, 1)):
            for ceil in (0, 1):
                name = f"{axes}_{kernel}_{stride}_{pad}_{ceil}"
                spatial = dict(kernel_shape=[kernel] * axes, strides=[stride] * axes, pads=[pad] * 2 * axes, ceil_mode=ceil)
                for counted in (0, 1):
                    want = through_torch(lambda z: average(z, kernel, stride, pad, bool(ceil), bool(counted)), x)
                    yield case(f"average_{name}_{counted}", 11, "AveragePool", [x], [want], count_include_pad=counted, **spatial)
                want = through_torch(lambda z: largest(z, kernel, stride, pad, 1, bool(ceil)), x)
                yield case(f"largest_{name}", 11, "MaxPool", [x], [want], **spatial)
        want = through_torch(lambda z: largest(z, 2, 1, 1, 2), x)
        yield case(f"largest_dilated_{axes}", 11, "MaxPool", [x], [want], kernel_shape=[2] * axes, dilations=[2] * axes, pads=[1] * 2 * axes)
    x = normal(1, 1, 6)
    yield case("average_dilated", 19, "AveragePool", [x], [(x[..., :-2] + x[..., 2:]) / 2], kernel_shape=[2], dilations=[2])


def convolution_cases():
    f = torch.nn.functional
    for axes, lengths in ((1, (9,)), (2, (6, 8)), (3, (4, 5, 6))):
        convolve = (f.conv1d, f.conv2d, f.conv3d)[axes - 1]
        for groups, stride, pad, dilation in ((1, 1, 0, 1), (2, 2, 1, 1), (2, 1, 2, 2), (4, 2, 1, 1)):
            x, w, b = normal(2, 4, *lengths), normal(8, 4 // groups, *[3 if dilation == 1 else 2] * axes), normal(8)
            want = through_torch(lambda *a: convolve(*a, stride, pad, dilation, groups), x, w, b)
            yield case(f"conv{axes}_{groups}_{stride}_{pad}_{dilation}", 11, "Conv", [x, w, b], [want], group=groups,
                       strides=[stride] * axes, pads=[pad] * 2 * axes, dilations=[dilation] * axes)
    x, w = normal(1, 2, 7), normal(3, 2, 4)
    for name, pads in (("SAME_UPPER", (1, 2)), ("SAME_LOWER", (2, 1)), ("VALID", (0, 0))):
        want = through_torch(lambda a, b: f.conv1d(f.pad(a, pads), b), x, w)
        yield case("conv_" + name, 11, "Conv", [x, w], [want], auto_pad=name)
    want = through_torch(lambda a, b: f.conv1d(f.pad(a, (0, 3)), b), x, w)
    yield case("conv_asymmetric", 11, "Conv", [x, w], [want], pads=[0, 3])


def shape_cases():
    x = normal(3, 7)
    yield case("split_num_outputs", 18, "Split", [x], numpy.split(x, (3, 6), 1), axis=1, num_outputs=3)
    yield case("split_attribute", 11, "Split", [x], numpy.split(x, (2,), -1), axis=-1, split=[2, 5])
    yield case("pad_axes", 18, "Pad", [x, [1, 2], None, [-1]], [numpy.pad(x, ((0, 0), (1, 2)))])
    yield case("pad_reflect", 9, "Pad", [x], [numpy.pad(x, ((0, 1), (3, 2)), "reflect")], pads=[0, 3, 1, 2], mode="reflect")
    yield case("pad_edge_crop", 13, "Pad", [x, [0, 3, 1, -2]], [numpy.pad(x, ((0, 1), (3, 0)), "edge")[:, :-2]], mode="edge")
    yield case("slice_attributes", 9, "Slice", [x], [x[:, 2:-1]], starts=[2], ends=[-1], axes=[1])
    yield case("slice_to_end", 9, "Slice", [x], [x[1:]], starts=[1], ends=[2**63 - 1])
    yield case("slice_back", 13, "Slice", [x, [-1], [-(2**63)], [1], [-3]], [x[:, ::-3]])
    yield case("squeeze_attribute", 11, "Squeeze", [x[None]], [x], axes=[0])
    yield case("unsqueeze_attribute", 11, "Unsqueeze", [x], [x[:, None, :, None]], axes=[1, -1])
    yield case("gather_matrix", 13, "Gather", [x, [[0, -1], [3, 3]]], [x[:, [[0, -1], [3, 3]]]], axis=1)
    yield case("reshape_both", 14, "Reshape", [x, [0, -1, 1]], [x[:, :, None]])
    yield case("tile", 13, "Tile", [x, [2, 3]], [numpy.tile(x, (2, 3))])
    yield case("shape_part", 15, "Shape", [normal(2, 3, 4, 5)], [[3, 4]], start=1, end=-1)


def normalization_cases():
    f = torch.nn.functional
    x, w, b = normal(2, 3, 4), normal(3, 4), normal(3, 4)
    want = through_torch(lambda z, u, v: f.layer_norm(z, (3, 4), u, v, 1e-3), x, w, b)
    yield case("layer_norm", 17, "LayerNormalization", [x, w, b], [want], axis=1, epsilon=1e-3)
    want = through_torch(lambda z, u: f.layer_norm(z, (3, 4), u), x, w)
    yield case("layer_norm_no_bias", 17, "LayerNormalization", [x, w], [want], axis=-2)
    for logarithm, name in ((False, "Softmax"), (True, "LogSoftmax")):
        of = f.log_softmax if logarithm else f.softmax
        yield case(name + "_11", 11, name, [x], [through_torch(lambda z: of(z.reshape(2, 12), 1).reshape(z.shape), x)])
        yield case(name + "_13", 13, name, [x], [through_torch(lambda z: of(z, 2), x)])
        yield case(name + "_13_middle", 13, name, [x], [through_torch(lambda z: of(z, 1), x)], axis=1)
    a, c, d = normal(4, 3), normal(5, 4), normal(3, 1)
    yield case("gemm", 13, "Gemm", [a, c, d], [2 * a.T @ c.T - d], transA=1, transB=1, alpha=2.0, beta=-1.0)
    yield case("matmul_vector", 13, "MatMul", [numpy.ones(3), x], [x.sum(1)])
    p, q = normal(2, 1, 3, 4), normal(5, 4, 2)
    yield case("matmul_batches", 13, "MatMul", [p, q], [p @ q])


def integer_cases():
    """Integers that depend on the sample: x and y, cast, divided, and cast back."""
    x = numpy.array([-4.0, -3, -9, 7, 8, 6, -6, 5, 4, 2.0**41 + 1])
    y = numpy.array([2.0, 2, 4, -2, 3, 3, 3, -7, -2, 3])
    for name, operator, want, attributes in (("div", "Div", numpy.trunc(x / y), {}), ("mod", "Mod", numpy.mod(x, y), {}),
                                             ("mod_of_c", "Mod", numpy.fmod(x, y), {"fmod": 1})):
        model = case(f"{name}_of_integers", 13, operator, [x, y], [want], **attributes)
        graph = model.model.graph
        graph.node[0].input[:], graph.node[0].output[:] = ["i0", "i1"], ["i"]
        casts = [helper.make_node("Cast", [f"x{k}"], [f"i{k}"], to=onnx.TensorProto.INT64) for k in range(2)]
        last = helper.make_node("Cast", ["i"], ["y0"], to=onnx.TensorProto.DOUBLE)
        nodes = [*casts, graph.node[0], last]
        del graph.node[:]
        graph.node.extend(nodes)
        yield model


def latest_cases():
    """What networks are made of, as opsets 18 to 21 have it; where these changed but the types that they take, it must stay what it was."""
    f = torch.nn.functional
    x, image = normal(3, 7), normal(2, 4, 6, 6)
    w, b, scale = normal(4, 4, 3, 3), normal(4), numpy.abs(normal(4)) + 0.5
    for opset, ir in ((18, 8), (19, 9), (20, 9), (21, 10)):
        def latest(name, operator, inputs, outputs, constants=(), opset=opset, ir=ir, **attributes):
            return case(f"{name}_at_{opset}", opset, operator, inputs, outputs, constants, ir, **attributes)

        yield latest("conv", "Conv", [image, w, b], [through_torch(lambda *a: f.conv2d(*a, padding=1), image, w, b)], pads=[1] * 4)
        yield latest("batch_norm", "BatchNormalization", [image, scale, b, b / 2, scale],
                     [through_torch(lambda z, s, c: f.batch_norm(z, c / 2, s, s, c), image, scale, b)], constants=(3, 4))
        yield latest("gemm", "Gemm", [x, x], [x @ x.T], transB=1)
        yield latest("matmul", "MatMul", [x, x.T.copy()], [x @ x.T])
        for name, of in (("Relu", lambda z: numpy.maximum(z, 0)), ("Identity", lambda z: z), ("Tanh", numpy.tanh), ("Exp", numpy.exp)):
            yield latest(name, name, [x], [of(x)])
        yield latest("add", "Add", [image, b[:, None, None]], [image + b[:, None, None]])
        yield latest("max_pool", "MaxPool", [image], [through_torch(lambda z: f.max_pool2d(z, 2), image)], kernel_shape=[2, 2], strides=[2, 2])
        yield latest("average_pool", "AveragePool", [image], [through_torch(lambda z: f.avg_pool2d(z, 2), image)], kernel_shape=[2, 2],
                     strides=[2, 2])
        yield latest("reduce_mean", "ReduceMean", [image, [2, 3]], [image.mean((2, 3))], keepdims=0)
        yield latest("reduce_max", "ReduceMax", [x, [1]], [x.max(1, keepdims=True)])
        yield latest("reduce_l2", "ReduceL2", [x, [1]], [numpy.linalg.norm(x, axis=1, keepdims=True)])
        yield latest("flatten", "Flatten", [image], [image.reshape(2, -1)])
        yield latest("reshape", "Reshape", [x, [7, -1]], [x.reshape(7, 3)])
        yield latest("transpose", "Transpose", [image], [image.transpose(0, 2, 3, 1)], perm=[0, 2, 3, 1])
        yield latest("squeeze", "Squeeze", [x[:, None], [1]], [x])
        yield latest("unsqueeze", "Unsqueeze", [x, [0, -1]], [x[None, ..., None]])
        yield latest("split", "Split", [x], numpy.split(x, (4,), 1), axis=1, num_outputs=2)
        yield latest("pad", "Pad", [x, [0, 2, 1, 0]], [numpy.pad(x, ((0, 1), (2, 0)))])
        yield latest("shape", "Shape", [image], [[2, 4, 6, 6]])
        yield latest("layer_norm", "LayerNormalization", [x, numpy.ones(7)], [through_torch(lambda z: f.layer_norm(z, (7,)), x)])
        yield latest("softmax", "Softmax", [x], [through_torch(lambda z: f.softmax(z, 1), x)])
    yield case("pad_wrap", 19, "Pad", [x, [1, 6, 2, 3]], [numpy.pad(x, ((1, 2), (6, 3)), "wrap")], ir_version=9, mode="wrap")


def newer_cases():
    for family in (activation_cases, reduction_cases, pool_cases, convolution_cases, shape_cases, normalization_cases, integer_cases, latest_cases,
                   long_tail_cases):
        yield from family()
