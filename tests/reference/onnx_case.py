"""One operator case: a model of one node, what it is given and what it must give."""

import collections

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

NewCase = collections.namedtuple("NewCase", "name model data_sets")
RANDOM = numpy.random.default_rng(7)


def normal(*shape):
    return RANDOM.standard_normal(shape)


def case(name, opset, operator, inputs, outputs, constants=(), ir_version=None, **attributes):
    """Floating arrays are inputs, but for those at the places `constants`; these and lists of integers are initializers; None is
    left out."""
    names, given, values = [], [], []
    graph = helper.make_graph([], "case", [], [])
    for k, value in enumerate(inputs):
        names.append("" if value is None else f"x{k}")
        if isinstance(value, (list, int)):
            graph.initializer.append(numpy_helper.from_array(numpy.asarray(value, numpy.int64), names[-1]))
        elif k in constants:
            graph.initializer.append(numpy_helper.from_array(numpy.asarray(value, numpy.float32), names[-1]))
        elif value is not None:
            array = numpy.asarray(value, numpy.float64)
            given.append(array)
            values.append(helper.make_tensor_value_info(names[-1], TensorProto.DOUBLE, array.shape))
    outputs = [numpy.asarray(output, numpy.float64) for output in outputs]
    graph.input.extend(values)
    for k, output in enumerate(outputs):
        graph.output.append(helper.make_tensor_value_info(f"y{k}", TensorProto.DOUBLE, output.shape))
    node = helper.make_node(operator, names, [f"y{k}" for k in range(len(outputs))], **attributes)
    graph.node.append(node)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    if ir_version is not None:
        model.ir_version = ir_version
    return NewCase(name, model, [(given, outputs)])


def through_torch(function, *arrays):
    return function(*(torch.from_numpy(array) for array in arrays)).numpy()
