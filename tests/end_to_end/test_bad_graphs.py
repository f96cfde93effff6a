"""ONNX files that cannot be read end with one line that names file and node, and what to do, and with code 3, whatever the ranks.
Their many kinds are tried in process (tests/unit/input/onnx_*); here is one of each way that they take through the program."""

import numpy

from harness import each, need, tangram, write_h5

BAD_INPUT = 3


def model_of(nodes, initializers, inputs=(("x", ["n", 4]),), outputs=("y",), opset=17, **attributes):
    onnx = need("onnx")
    from onnx import helper, numpy_helper as numbers

    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in inputs]
    made = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
    tensors = [numbers.from_array(value if isinstance(value, numpy.ndarray) else numpy.ones(value, "f4"), name)
               for name, value in initializers.items()]
    nodes = [helper.make_node(kind, list(taken), list(given), name=kind.lower(), **attributes.get(kind, {})) for kind, taken, given in nodes]
    return helper.make_model(helper.make_graph(nodes, "g", values, made, tensors), opset_imports=[helper.make_opsetid("", opset)])


LAYER = ("MatMul", "xw", "h")


def external(location):
    model = model_of([("MatMul", "xw", "y")], {"w": (4, 3)})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return model


CASES = {
    "truncated": (lambda: model_of([("MatMul", "xw", "y")], {"w": (4, 3)}).SerializeToString()[:-9], "the model", "not a whole ONNX file"),
    "a cycle": (lambda: model_of([("Add", "xy", "h"), ("Relu", "h", "y")], {}), "node 'add' (Add)", "cycle"),
    "integers for weights": (lambda: model_of([("MatMul", "xw", "y")], {"w": numpy.ones((4, 3), int)}), "node 'matmul'", "integers"),
    "shapes that do not fit": (lambda: model_of([("MatMul", "xw", "y")], {"w": (5, 3)}), "node 'matmul'", "(5, 3)"),
    "external data that is not there": (lambda: external("none.bin"), "initializer 'w'", "none.bin"),
    "external data outside": (lambda: external("../secret.bin"), "initializer 'w'", "outside"),
    "an operator that nobody knows": (lambda: model_of([LAYER, ("Frob", "h", "y")], {"w": (4, 3)}), "node 'frob' (Frob)", "--value"),
    "control flow": (lambda: model_of([LAYER, ("Loop", "h", "y")], {"w": (4, 3)}), "node 'loop' (Loop)", "--value"),
    "quantized": (lambda: model_of([LAYER, ("QLinearConv", "hw", "y")], {"w": (4, 3)}), "(QLinearConv)", "quantized"),
    "opset 22": (lambda: model_of([("MatMul", "xw", "y")], {"w": (4, 3)}, opset=22), "the model", "opset 22"),
    "an input without samples": (lambda: model_of([("Add", "xt", "h"), ("MatMul", "hw", "y")], {"w": (4, 3)},
                                                  inputs=(("x", ["n", 4]), ("t", ["n", 4]))), "input x", "NAME=FILE"),
    "several outputs": (lambda: model_of([LAYER, ("Relu", "h", "y")], {"w": (4, 3)}, outputs=("y", "h")), "y, h", "--value"),
    "an output that is a weight": (lambda: model_of([("MatMul", "xw", "y")], {"w": (4, 3)}, outputs=("w",)), "the value w", "--value"),
    "training": (lambda: model_of([LAYER, ("BatchNormalization", "hbbbb", "y")], {"w": (4, 3), "b": (3,)},
                                  BatchNormalization={"training_mode": 1}), "(BatchNormalization)", "evaluation"),
}
OF_RANKS = ("truncated", "a cycle", "shapes that do not fit", "an input without samples")


@each({f"{label}, {ranks} ranks" if ranks > 1 else label: (*row, ranks)
       for label, row in CASES.items() for ranks in ((1, 3) if label in OF_RANKS else (1,))})
def test_a_bad_graph_is_refused_in_one_line(folder, make, place, what, ranks):
    model = make()
    (folder / "m.onnx").write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    data = write_h5(folder / "x.h5", x=numpy.ones((5, 4)))
    run = tangram("kernel", "--model", folder / "m.onnx", "--data", f"{data}:x", "--output", folder / "k.h5", ranks=ranks, seconds=30)
    assert run.code == BAD_INPUT and len(run.errors) == 1, run
    line = run.errors[0]
    assert place in line and what in line and ("m.onnx" in line or "--data" in line), line
    assert sorted(path.name for path in folder.iterdir()) == ["m.onnx", "x.h5"]
