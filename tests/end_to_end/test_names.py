"""Tensors and layers of a graph may be called anything: a dataset has a name that HDF5 and netCDF take, its attribute the true one, and
every command finds both."""

from pathlib import Path

import h5py
import numpy

from harness import assert_close, each, kernel, need, tangram, write_h5
from scripts import script

WIDTHS = (5, 4, 6, 4, 3, 4, 2)
LONG = "module." * 3000 + "weight"
# The weight of each layer, and what its dataset is called; every bias has a slash.
NAMES = {"/block/weight": "%2eblock.weight", ".hidden": "%2ehidden", "a/b.weight": "a.b.weight", "a.b.weight": "a.b.weight~2",
         "tab\tand\nline": "tab%09and%0aline", LONG: LONG[:200]}
SAMPLES, TILE = 23, 4
PLOT = Path(__file__).resolve().parents[2] / "jobs/plot.py"


def graph(path):
    """tanh layers whose tensors have these names; a function of {name: values} and samples."""
    need("onnx")
    import onnx.helper
    import onnx.numpy_helper

    random = numpy.random.default_rng(2)
    tensors, nodes, value = {}, [], "x"
    for layer, (weight, fan_in, fan_out) in enumerate(zip(NAMES, WIDTHS, WIDTHS[1:])):
        bias = f"layer/{layer}/bias"
        tensors |= {weight: random.normal(size=(fan_out, fan_in)) / fan_in**0.5, bias: random.normal(size=fan_out)}
        last = layer + 2 == len(WIDTHS)
        nodes.append(onnx.helper.make_node("Gemm", [value, weight, bias], ["y" if last else f"z{layer}"], transB=1))
        if not last:
            nodes.append(onnx.helper.make_node("Tanh", [f"z{layer}"], [f"x{layer}"]))
        value = f"x{layer}"
    info = lambda name, width: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, ["n", width])
    made = onnx.helper.make_graph(nodes, "g", [info("x", WIDTHS[0])], [info("y", WIDTHS[-1])],
                                  [onnx.numpy_helper.from_array(values, name) for name, values in tensors.items()])
    onnx.save(onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return tensors


def expected_components(tensors, x):
    """{name: trace kernel}, by the chain rule."""
    names, values = list(tensors), [x]
    for layer in range(len(WIDTHS) - 1):
        z = values[-1] @ tensors[names[2 * layer]].T + tensors[names[2 * layer + 1]]
        values.append(numpy.tanh(z))
    S, found = numpy.broadcast_to(numpy.eye(WIDTHS[-1]), (len(x), WIDTHS[-1], WIDTHS[-1])), {}
    for layer in reversed(range(len(WIDTHS) - 1)):
        if layer + 2 < len(WIDTHS):
            S = S * (1 - values[layer + 1] ** 2)[:, None]
        H = numpy.einsum("iro,jro->ij", S, S)
        found[names[2 * layer]], found[names[2 * layer + 1]] = H * (values[layer] @ values[layer].T), H
        S = S @ tensors[names[2 * layer]]
    return found


def make(folder, *options, name="k", ranks=1):
    tensors = graph(folder / "g.onnx")
    x = numpy.random.default_rng(7).normal(size=(SAMPLES, WIDTHS[0]))
    data = write_h5(folder / "x.h5", x=x)
    file = kernel(folder / "g.onnx", f"{data}:x", folder / f"{name}.h5", "--tile", TILE, "--check-samples", 3, "--conjugate-kernels", "all",
                  *options, ranks=ranks)
    return file, tensors, x


def test_datasets_have_names_that_can_be_read_and_attributes_with_the_true_ones(folder):
    file, tensors, x = make(folder, ranks=2)
    expected = expected_components(tensors, x)
    datasets = NAMES | {f"layer/{k}/bias": f"layer.{k}.bias" for k in range(len(NAMES))}
    with file:
        assert sorted(file["components"]) == sorted(datasets.values())
        for name, dataset in datasets.items():
            component = file["components"][dataset]
            assert component.attrs["tensor"] == name, dataset
            assert_close(component[:], expected[name], "float64", dataset)
        assert set(file["checks/component"].asstr()) == set(datasets)
        assert len(file["conjugate_kernels"]) == len(NAMES)
        layers = [item.attrs["layer_name"] for item in file["conjugate_kernels"].values()]
        assert "a/b" in layers and "a.b" in layers and "/block" in layers, layers
        assert {"a.b", "a.b~2", "%2eblock"} < set(file["conjugate_kernels"]), list(file["conjugate_kernels"])


def test_diagonals_of_test_samples_have_the_components_names(folder):
    file, tensors, x = make(folder, "--test", f"{folder}/x.h5:x", "--test-rows", "3:9", ranks=2)
    expected = expected_components(tensors, x)
    with file:
        assert sorted(file["component_diagonals"]) == sorted(file["components"])
        for dataset, values in file["component_diagonals"].items():
            name = file["components"][dataset].attrs["tensor"]
            assert values.attrs["tensor"] == name
            assert_close(values[:], expected[name].diagonal()[3:9], "float64", name)


@each({"square": ([],), "test against train": (["--test", "{}/x.h5:x", "--test-rows", "0:6"],)})
def test_every_command_finds_them(folder, options):
    file, tensors, x = make(folder, *(option.format(folder) for option in options))
    with file:
        K, first = file["ntk"][:], file["components/%2eblock.weight"][:]
    path = folder / "k.h5"
    for words in (["verify", path], ["check", path], *([["spectrum", path, "--of", "all"]] if not options else [])):
        done = tangram(*words)
        assert done.code == 0, (words[0], done)
    numpy.save(folder / "other.npy", K - first)
    done = tangram("compare", path, folder / "other.npy")
    assert done.stdout.startswith("missing /block/weight"), done.stdout
    need("matplotlib")
    for drawn in sorted(folder.glob("k*.h5")):
        done = script(PLOT, drawn, uses=["matplotlib.pyplot"])
        assert done.returncode == 0 and not done.stderr, done.stderr


def test_a_stopped_run_goes_on(folder):
    make(folder, name="whole")[0].close()
    words = ["kernel", "--model", folder / "g.onnx", "--data", f"{folder}/x.h5:x", "--output", folder / "k.h5", "--tile", TILE, "--check-samples", 3,
             "--conjugate-kernels", "all", "--precision", "float64"]
    stopped = tangram(*words, "--stop-after-tiles", 5)
    assert stopped.code == 75, stopped
    resumed = tangram(*words, "--resume", ranks=2)
    assert resumed.code == 0 and "resumed" in resumed.stderr, resumed
    with h5py.File(folder / "k.h5") as file, h5py.File(folder / "whole.h5") as whole:
        for dataset in whole["components"]:
            assert file["components"][dataset][:].tobytes() == whole["components"][dataset][:].tobytes(), dataset


def test_patterns_match_the_true_names(folder):
    file, *_ = make(folder, "--wrt", "/block*,a/b*,layer/?/bias", "--frozen", "layer/[1-5]/*")
    with file:
        assert sorted(file["components"]) == ["%2eblock.weight", "a.b.weight", "layer.0.bias"], list(file["components"])
