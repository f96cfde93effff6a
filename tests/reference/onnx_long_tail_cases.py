"""Cases of transposed convolutions, normalizations of channels, resizing, norms, powers and what moves entries, as later opsets
have them or as PyTorch computes them. Expected outputs are PyTorch's and NumPy's."""

import itertools

import numpy
import torch

from onnx_case import case, normal, through_torch

F = torch.nn.functional


def transposed_convolution_cases():
    settings = (  # groups, stride, padding, output_padding, dilation
        (1, 1, 0, 0, 1), (2, 2, 1, 1, 1), (1, 3, 2, 0, 2), (4, 2, 0, 1, 1), (2, 1, 2, 0, 2))
    for axes, lengths in ((1, (5,)), (2, (3, 4)), (3, (2, 3, 4))):
        convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[axes - 1]
        for groups, stride, pad, added, dilation in settings:
            x, w, b = normal(2, 4, *lengths), normal(4, 2, *[3] * axes), normal(2 * groups)
            want = through_torch(lambda *a: convolve(*a, stride, pad, added, groups, dilation), x, w, b)
            yield case(f"conv_transpose{axes}_{groups}_{stride}_{pad}_{added}_{dilation}", 11, "ConvTranspose", [x, w, b], [want],
                       group=groups, strides=[stride] * axes, pads=[pad] * 2 * axes, output_padding=[added] * axes,
                       dilations=[dilation] * axes)
    x, w = normal(1, 3, 1, 1), normal(3, 2, 4, 4)
    yield case("conv_transpose_of_a_pixel", 11, "ConvTranspose", [x, w], [through_torch(F.conv_transpose2d, x, w)])
    x, w = normal(1, 2, 5), normal(2, 3, 4)
    whole = through_torch(lambda a, b: F.conv_transpose1d(a, b, stride=2), x, w)  # 12 long
    yield case("conv_transpose_asymmetric", 11, "ConvTranspose", [x, w], [whole[..., 1:-2]], strides=[2], pads=[1, 2])
    yield case("conv_transpose_VALID", 11, "ConvTranspose", [x, w], [whole], strides=[2], auto_pad="VALID")
    yield case("conv_transpose_SAME_UPPER", 11, "ConvTranspose", [x, w], [whole[..., 1:-1]], strides=[2], auto_pad="SAME_UPPER")
    yield case("conv_transpose_output_shape", 11, "ConvTranspose", [x, w], [whole[..., 2:-1]], strides=[2], output_shape=[9])
    yield case("conv_transpose_output_shape_upper", 11, "ConvTranspose", [x, w], [whole[..., 1:-2]], strides=[2], output_shape=[9],
               auto_pad="SAME_UPPER")


def normalization_cases():
    x = normal(2, 6, 3, 2)
    for groups in (1, 2, 3, 6):
        w, b = normal(6), normal(6)
        want = through_torch(lambda z, u, v: F.group_norm(z, groups, u, v, 1e-3), x, w, b)
        yield case(f"group_norm_21_{groups}", 21, "GroupNormalization", [x, w, b], [want], num_groups=groups, epsilon=1e-3)
        w, b = normal(groups), normal(groups)
        share = 6 // groups
        want = through_torch(lambda z, u, v: F.group_norm(z, groups, u, v), x, numpy.repeat(w, share), numpy.repeat(b, share))
        yield case(f"group_norm_18_{groups}", 18, "GroupNormalization", [x, w, b], [want], num_groups=groups)
    for size in (1, 2, 3, 5):
        want = through_torch(lambda z: F.local_response_norm(z, size, 0.3, 0.6, 2.0), x)
        if size % 2 == 0:  # PyTorch has one neighbour more before, ONNX after
            want = through_torch(lambda z: F.local_response_norm(z.flip(1), size, 0.3, 0.6, 2.0).flip(1), x)
        yield case(f"lrn_{size}", 13, "LRN", [x], [want], size=size, alpha=0.3, beta=0.6, bias=2.0)
    for p, axis in itertools.product((1, 2), (0, 1, -1)):
        yield case(f"lp_normalization_{p}_{axis}", 9, "LpNormalization", [x], [x / numpy.linalg.norm(x, p, axis, True)], p=p, axis=axis)
    mean, deviation = x.mean((1, 2), keepdims=True), x.std((1, 2), keepdims=True)
    yield case("mean_variance_axes", 13, "MeanVarianceNormalization", [x], [(x - mean) / deviation], axes=[1, 2])


def norm_cases():
    for axes, lengths in ((1, (9,)), (2, (6, 7)), (3, (4, 5, 4))):
        x = normal(1, 2, *lengths)
        average = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[axes - 1]
        for p, kernel, stride, pad in ((1, 2, 2, 0), (2, 3, 2, 1), (3, 2, 1, 0), (4, 3, 3, 1)):
            want = through_torch(lambda z: (average(z.abs() ** p, kernel, stride, pad) * kernel**axes) ** (1 / p), x)
            yield case(f"lp_pool{axes}_{p}_{kernel}_{stride}_{pad}", 11, "LpPool", [x], [want], p=p, kernel_shape=[kernel] * axes,
                       strides=[stride] * axes, pads=[pad] * 2 * axes)
        for p in (1, 2, 3):
            want = numpy.linalg.norm(x.reshape(1, 2, -1), p, -1).reshape(1, 2, *[1] * axes)
            yield case(f"global_lp_pool{axes}_{p}", 9, "GlobalLpPool", [x], [want], p=p)
    x = normal(1, 2, 6)
    want = numpy.sqrt([[[(row[i : i + 3] ** 2).sum() for i in (0, 2, 4)] for row in x[0]]])
    yield case("lp_pool_18_up", 18, "LpPool", [x], [want], kernel_shape=[3], strides=[2], ceil_mode=1)
    want = numpy.sqrt(x[..., :-2] ** 2 + x[..., 2:] ** 2)
    yield case("lp_pool_18_dilated", 18, "LpPool", [x], [want], kernel_shape=[2], dilations=[2])
    x = normal(2, 3, 4)
    reductions = {
        "ReduceL1": lambda z, axis: numpy.abs(z).sum(axis, keepdims=True),
        "ReduceL2": lambda z, axis: numpy.sqrt((z**2).sum(axis, keepdims=True)),
        "ReduceSumSquare": lambda z, axis: (z**2).sum(axis, keepdims=True),
        "ReduceLogSumExp": lambda z, axis: numpy.log(numpy.exp(z).sum(axis, keepdims=True)),
        "ReduceProd": lambda z, axis: z.prod(axis, keepdims=True),
    }
    for name, of in reductions.items():
        for opset, axis in ((18, (0, 2)), (18, (-2,)), (13, (1, 2)), (18, (0, 1, 2))):
            axes = {"axes": list(axis)} if opset < 18 else {}
            yield case(f"{name}_{opset}_{'_'.join(map(str, axis))}", opset, name, [x] if axes else [x, list(axis)], [of(x, axis)], **axes)
    yield case("ReduceLogSum_18", 18, "ReduceLogSum", [numpy.abs(x), [1]], [numpy.log(numpy.abs(x).sum(1))], keepdims=0)
    yield case("ReduceLogSumExp_large", 18, "ReduceLogSumExp", [x + 1000, [1]], [1000 + numpy.log(numpy.exp(x).sum(1))], keepdims=0)
    zero = numpy.array([[0.0, 2.0, 3.0, -1.5, 4.0], [1.0, 0.0, 0.0, 2.0, 5.0], [1.0, 2.0, -3.0, 4.0, 0.5]])
    yield case("ReduceProd_of_zeros", 18, "ReduceProd", [zero, [1]], [zero.prod(1)], keepdims=0)
    yield case("ReduceL2_of_zeros", 18, "ReduceL2", [numpy.array([[0.0, 0.0], [3.0, 4.0]]), [1]], [[0.0, 5.0]], keepdims=0)


def power_cases():
    x, y = numpy.abs(normal(3, 4)) + 0.2, normal(4)
    yield case("pow_by_a_value", 13, "Pow", [x, y], [x**y])
    yield case("pow_of_one", 15, "Pow", [x[0, :1], y], [x[0, :1] ** y])
    yield case("pow_at_zero", 15, "Pow", [numpy.array([0.0, 0.0, 2.0]), numpy.array([2.0, 1.5, 0.0])], [[0.0, 0.0, 1.0]])
    z = 3 * normal(3, 5)
    for name, of in (("Sign", numpy.sign), ("Floor", numpy.floor), ("Ceil", numpy.ceil), ("Round", numpy.round)):
        yield case(name + "_value", 13, name, [z], [of(z)])
    yield case("thresholded_relu", 10, "ThresholdedRelu", [z], [through_torch(lambda u: F.threshold(u, 0.7, 0.0), z)], alpha=0.7)
    yield case("soft_shrink", 9, "Shrink", [z], [through_torch(lambda u: F.softshrink(u, 0.6), z)], lambd=0.6, bias=0.6)
    yield case("hard_shrink", 9, "Shrink", [z], [through_torch(lambda u: F.hardshrink(u, 0.6), z)], lambd=0.6)
    yield case("celu", 12, "Celu", [z], [through_torch(lambda u: F.celu(u, 0.7), z)], alpha=0.7)
    a, b, c = normal(2, 3), normal(3), normal(2, 1)
    for name, of in (("Min", numpy.minimum), ("Max", numpy.maximum)):
        yield case(name + "_of_three", 13, name, [a, b, c], [of(of(a, b), c)])
    yield case("mean_of_three", 13, "Mean", [a, b, c], [(a + b + c) / 3])
    u = numpy.tanh(normal(6)) * 0.9
    functions = (("Tan", numpy.tan), ("Asin", numpy.arcsin), ("Acos", numpy.arccos), ("Atan", numpy.arctan), ("Sinh", numpy.sinh),
                 ("Cosh", numpy.cosh), ("Asinh", numpy.arcsinh), ("Atanh", numpy.arctanh))
    for name, of in functions:
        yield case(name + "_double", 9, name, [u], [of(u)])
    yield case("Acosh_double", 9, "Acosh", [2 + u * u], [numpy.arccosh(2 + u * u)])


def resize_cases():
    x1, x2, x3 = normal(1, 2, 5), normal(1, 2, 4, 5), normal(1, 1, 3, 4, 2)
    modes = (("linear", (x1,)), ("bilinear", (x2,)), ("trilinear", (x3,)), ("bicubic", (x2,)))
    for mode, (x,) in modes:
        spatial = x.ndim - 2
        onnx_mode = "cubic" if mode == "bicubic" else "linear"
        for size in ([2 * n for n in x.shape[2:]], [n + 1 for n in x.shape[2:]], [max(n - 1, 1) for n in x.shape[2:]], [1] * spatial):
            for corners, name in ((True, "align_corners"), (False, "pytorch_half_pixel"), (False, "half_pixel")):
                if name == "pytorch_half_pixel" and 1 in size:
                    continue  # ONNX has the first entry there, PyTorch the middle
                want = through_torch(lambda z: F.interpolate(z, size, mode=mode, align_corners=corners), x)
                yield case(f"resize_{mode}_{name}_{'_'.join(map(str, size))}", 13, "Resize", [x, None, None, [1, x.shape[1], *size]], [want],
                           mode=onnx_mode, coordinate_transformation_mode=name)
    for x in (x1, x2, x3):
        for factor in (2.0, 1.5, 0.6):
            want = through_torch(lambda z: F.interpolate(z, scale_factor=factor, mode="nearest"), x)
            scales = numpy.array([1.0, 1.0] + [factor] * (x.ndim - 2))
            yield case(f"resize_nearest_{x.ndim}_{factor}", 13, "Resize", [x, None, scales], [want], mode="nearest",
                       coordinate_transformation_mode="asymmetric", nearest_mode="floor", constants=(2,))
            yield case(f"resize_10_{x.ndim}_{factor}", 10, "Resize", [x, scales], [want], mode="nearest", constants=(1,))
            yield case(f"upsample_{x.ndim}_{factor}", 9, "Upsample", [x, scales], [want], mode="nearest", constants=(1,))
            want = through_torch(lambda z: F.interpolate(z, scale_factor=factor, mode="nearest-exact"), x)
            yield case(f"resize_nearest_exact_{x.ndim}_{factor}", 13, "Resize", [x, None, scales], [want], mode="nearest",
                       coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil", constants=(2,))
        want = through_torch(lambda z: F.interpolate(z, scale_factor=1.7, mode=("linear", "bilinear", "trilinear")[x.ndim - 3]), x)
        yield case(f"resize_linear_by_{x.ndim}", 13, "Resize", [x, None, numpy.array([1.0, 1.0] + [1.7] * (x.ndim - 2))], [want], mode="linear",
                   coordinate_transformation_mode="half_pixel", constants=(2,))
    want = through_torch(lambda z: F.interpolate(z, (7, 6), mode="bilinear"), x2)
    yield case("resize_axes", 18, "Resize", [x2, None, None, [7, 6]], [want], mode="linear", axes=[2, 3])
    line = numpy.arange(4.0)[None, None]
    yield case("resize_ceil", 13, "Resize", [line, None, None, [1, 1, 6]], [line[..., [0, 1, 2, 2, 3, 3]]], mode="nearest",
               nearest_mode="ceil", coordinate_transformation_mode="asymmetric")


def moving_cases():
    x = normal(2, 8, 2, 3)
    yield case("pixel_shuffle", 11, "DepthToSpace", [x], [through_torch(lambda z: F.pixel_shuffle(z, 2), x)], blocksize=2, mode="CRD")
    blocks = x.reshape(2, 2, 2, 2, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(2, 2, 4, 6)
    yield case("depth_to_space_DCR", 13, "DepthToSpace", [x], [blocks], blocksize=2)
    yield case("space_to_depth", 13, "SpaceToDepth", [blocks], [x], blocksize=2)
    z = normal(3, 4, 5)
    for axis, exclusive, reverse in ((0, 0, 0), (2, 1, 0), (1, 0, 1), (-1, 1, 1)):
        sums = numpy.flip(numpy.cumsum(numpy.flip(z, axis), axis), axis) if reverse else numpy.cumsum(z, axis)
        yield case(f"cumsum_{axis}_{exclusive}_{reverse}", 14, "CumSum", [z, axis], [sums - z if exclusive else sums],
                   exclusive=exclusive, reverse=reverse)
    for upper, k in itertools.product((0, 1), (-2, 0, 1, 9)):
        yield case(f"trilu_{upper}_{k}", 14, "Trilu", [z, k], [(numpy.triu if upper else numpy.tril)(z, k)], upper=upper)
    places = numpy.array([[[1, -4, 0, 3, 3], [0, 0, 1, 2, -1]]] * 2)
    yield case("gather_elements", 13, "GatherElements", [z, places.tolist()], [numpy.take_along_axis(z[:2], places % 4, 1)], axis=1)
    points = [[[0, -1], [2, 1]], [[1, 0], [-3, 3]]]
    yield case("gather_points", 13, "GatherND", [z, points], [z[tuple(numpy.moveaxis(numpy.array(points), -1, 0))]])
    yield case("gather_points_of_batches", 13, "GatherND", [z, [[[1], [0]], [[2], [3]], [[3], [-1]]]],
               [numpy.stack([z[i, [a, b]] for i, (a, b) in enumerate(((1, 0), (2, 3), (3, -1)))])], batch_dims=1)
    put = z.copy()
    u = normal(2, 5)
    put[[1, 2], [3, 0]] = u
    yield case("scatter_points", 16, "ScatterND", [z, [[1, 3], [2, 0]], u], [put])
    added = z.copy()
    numpy.add.at(added, ([1, 1], [3, 3]), u)
    yield case("scatter_points_add", 16, "ScatterND", [z, [[1, 3], [1, 3]], u], [added], reduction="add")
    m, v = normal(3, 4), normal(2, 2)
    for reduction, of in (("none", False), ("add", True)):
        want = m.copy()
        for i, j in itertools.product(range(2), range(2)):
            column = [[1, -1], [0, 2]][i][j]
            want[i, column] = v[i, j] + (want[i, column] if of else 0)
        attributes = {"reduction": "add"} if of else {}
        yield case(f"scatter_elements_{reduction}", 16, "ScatterElements", [m, [[1, -1], [0, 2]], v], [want], axis=1, **attributes)


def long_tail_cases():
    for family in (transposed_convolution_cases, normalization_cases, norm_cases, power_cases, resize_cases, moving_cases):
        yield from family()
