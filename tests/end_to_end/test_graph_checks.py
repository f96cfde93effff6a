"""How many samples of a graph the checks compare, and which they leave out: none for ties and exact zeros."""

import h5py
import numpy

from harness import DATA, each, kernel, tangram, write_h5

GRAPHS = DATA / "onnx"


def digits(count, seed=3):
    """Strokes before a background of zeros."""
    generator = numpy.random.default_rng(seed)
    x = numpy.zeros((count, 1, 12, 12))
    x[:, :, 3:9, 4:9] = generator.uniform(size=(count, 1, 6, 5)) * generator.integers(0, 2, size=(count, 1, 6, 5))
    return x


def without_biases(path):
    """conv - relu - pool - conv - relu - pool - a matrix, no bias anywhere."""
    from onnx import TensorProto, helper, numpy_helper, save

    generator = numpy.random.default_rng(8)
    weights = {"a": generator.normal(size=(4, 1, 3, 3)), "b": generator.normal(size=(5, 4, 3, 3)), "c": generator.normal(size=(45, 3))}
    nodes = [helper.make_node("Conv", ["x", "a"], ["1"], pads=[1] * 4), helper.make_node("Relu", ["1"], ["2"]),
             helper.make_node("MaxPool", ["2"], ["3"], kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Conv", ["3", "b"], ["4"], pads=[1] * 4), helper.make_node("Relu", ["4"], ["5"]),
             helper.make_node("MaxPool", ["5"], ["6"], kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Flatten", ["6"], ["7"]), helper.make_node("MatMul", ["7", "c"], ["y"])]
    graph = helper.make_graph(nodes, "cnn", [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", 1, 12, 12])],
                              [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n", 3])],
                              [numpy_helper.from_array(values, name) for name, values in weights.items()])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), str(path))
    return path


@each({f"{background}, {precision}, {ranks} ranks": (shift, precision, ranks)
       for background, shift in (("zero background", 0.0), ("a constant background", -0.4242))
       for precision, ranks in (("float32", 1), ("float64", 2))})
def test_a_network_without_biases_keeps_its_check_samples(folder, shift, precision, ranks):
    model = without_biases(folder / "m.onnx")
    data = write_h5(folder / "d.h5", x=digits(40) + shift)
    with kernel(model, f"{data}:x", folder / "k.h5", "--check-samples", 12, precision=precision, ranks=ranks) as out:
        checks = out["checks"].attrs
        assert checks["samples_near_kink"] == 0 and len(out["checks/samples"]) == 12
        assert checks["passed"] == 1 and checks["finite_difference_decided"] > checks["finite_difference_undecided"]


def test_the_number_of_check_samples_of_a_graph_is_said_stored_and_the_same_on_any_ranks(folder):
    numbers = set()
    for ranks, threads in ((1, 2), (3, 1)):
        run = tangram("kernel", "--model", GRAPHS / "resnet.onnx", "--data", f"{GRAPHS}/resnet.h5:x", "--output", folder / f"{ranks}.h5",
                      "--threads", threads, ranks=ranks)
        assert run.code == 0, run
        with h5py.File(folder / f"{ranks}.h5") as out:
            count = len(out["checks/samples"])
            assert 3 <= count <= 16 and out["checks"].attrs["check_samples"] == count
            assert f"{count} check samples" in run.stdout, run.stdout
            numbers.add(count)
    assert len(numbers) == 1


def test_a_number_of_check_samples_that_is_given_is_kept(folder):
    with kernel(GRAPHS / "resnet.onnx", f"{GRAPHS}/resnet.h5:x", folder / "k.h5", "--check-samples", 7) as out:
        assert len(out["checks/samples"]) == 7
