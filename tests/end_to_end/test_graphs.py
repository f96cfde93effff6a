"""Kernels of networks that an ONNX file describes: convolutions, residual blocks, normalizations, shared weights, a mixer and a
transformer block are those of float64 autograd, whatever the ranks, and everything that a chain of layers has, they have."""

import itertools
import json

import h5py
import numpy

from harness import DATA, assert_close, assert_kernel, difference, each, exporting, kernel, need, tangram, write_h5

BAD_INPUT, USAGE, STOPPED = 3, 2, 75
GRAPHS = DATA / "onnx"
CASES = json.loads((GRAPHS / "cases.json").read_text())
# Their constants (sqrt(2) of gelu, sqrt(d) of attention) are in the file as float32: the network is another one by as much.
ROUNDED_CONSTANTS = {"mixer": 1e-7, "encoder": 1e-7}


def paths(name):
    return GRAPHS / f"{name}.onnx", f"{GRAPHS / name}.h5:x"


def rotate_over_ranks():
    ranks, tiles = itertools.cycle([1, 3, 1, 1, 2]), itertools.cycle([4, 64, 3])
    table = {}
    for case in CASES:
        for reduction in case["reductions"]:
            for precision in ("float64", "float32") if reduction != "logit" else ("float64",):
                row = (case["name"], reduction, case["logit"], precision, next(ranks), next(tiles))
                table["{}, {} {}, {}, {} ranks, tile {}".format(*row)] = row
    return table


@each(rotate_over_ranks())
def test_kernels_of_graphs_are_those_of_autograd(folder, name, reduction, logit, precision, ranks, tile):
    chosen = ["--logit", logit] if reduction == "logit" else ["--reduction", reduction]
    rounded = ROUNDED_CONSTANTS.get(name)
    checks = ["--check-samples", 5] + (["--check-tolerance", rounded] if rounded and precision == "float64" else [])
    model, data = paths(name)
    with h5py.File(f"{GRAPHS / name}.h5") as expected:
        with kernel(model, data, folder / "k.h5", "--tile", tile, "--expect-outputs", f"{GRAPHS / name}.h5:outputs",
                    *chosen, *checks, ranks=ranks, precision=precision) as out:
            assert out["checks"].attrs["passed"] == 1 and out["checks"].attrs["outputs_compared"] == 1
            if rounded and precision == "float64":
                for tensor, values in expected[reduction]["components"].items():
                    assert difference(out["components"][tensor][:], values[:]) <= rounded, tensor
            else:
                assert_close(out["outputs"][:], expected["outputs"][:], precision, "outputs")
                assert_kernel(out, expected[reduction], precision)


def test_the_bits_of_a_residual_network_are_the_same_on_any_ranks_and_threads(folder):
    model, data = paths("resnet")
    expected = None
    for ranks, threads in ((1, 1), (2, 1), (3, 2), (5, 1)):
        with kernel(model, data, folder / f"{ranks}.h5", "--tile", 2, "--check-samples", 3, ranks=ranks, threads=threads,
                    precision="float32") as out:
            bits = {path: out["components"][path][:].tobytes() for path in out["components"]} | {"ntk": out["ntk"][:].tobytes()}
            expected = expected or bits
            assert bits == expected, f"{ranks} ranks of {threads} threads"


def test_a_residual_network_that_was_stopped_goes_on_to_the_same_bits(folder):
    model, data = paths("resnet_fresh")
    words = ["kernel", "--model", model, "--data", data, "--output", folder / "k.h5", "--tile", 2, "--check-samples", 3]
    stopped = tangram(*words, "--stop-after-tiles", 5, ranks=2)
    assert stopped.code == STOPPED, stopped
    resumed = tangram(*words, "--resume", ranks=3)
    assert resumed.code == 0 and "resumed: 5 of 15 tiles" in resumed.stderr, resumed
    with h5py.File(folder / "k.h5") as out:
        with kernel(model, data, folder / "whole.h5", "--tile", 2, "--check-samples", 3, precision="float32") as whole:
            for tensor in whole["components"]:
                assert out["components"][tensor][:].tobytes() == whole["components"][tensor][:].tobytes(), tensor


def test_test_samples_against_training_samples_are_the_square_kernels_rows(folder):
    model, data = paths("lenet")
    with h5py.File(GRAPHS / "lenet.h5") as expected:
        with kernel(model, data, folder / "k.h5", "--test", data, "--test-rows", "2:7", ranks=2) as out:
            for tensor, values in expected["trace/components"].items():
                assert_close(out["components"][tensor][:], values[2:7], "float64", tensor)


def test_the_two_grams_share_their_eigenvalues(folder):
    model, data = paths("tied")
    with kernel(model, data, folder / "p.h5", "--space", "params", ranks=2) as out:
        of_parameters = numpy.linalg.eigvalsh(out["parameter_gram"][:])[::-1]
        assert list(out["parameter_blocks/tensor"].asstr()) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    with h5py.File(GRAPHS / "tied.h5") as expected:
        of_rows = numpy.linalg.eigvalsh(expected["full/ntk"][:])[::-1]
    count = min(len(of_rows), len(of_parameters))
    numpy.testing.assert_allclose(of_parameters[:count], of_rows[:count], atol=1e-10 * of_rows[0])


def test_the_tensors_that_count_can_be_chosen(folder):
    model, data = paths("resnet")
    with h5py.File(GRAPHS / "resnet.h5") as expected:
        chosen = [name for name in expected["trace/components"] if name.startswith("layer2") and not name.endswith("bias")]
        with kernel(model, data, folder / "k.h5", "--wrt", "layer2.*", "--frozen", "*.bias") as out:
            assert sorted(out["components"]) == sorted(chosen)
            assert_close(out["ntk"][:], sum(expected["trace/components"][name][:] for name in chosen), "float64", "ntk")
            component = out["components"][chosen[0]]
            assert component.attrs["tensor"] == chosen[0] and component.attrs["form"] == "rows"


def test_an_inner_value_has_a_kernel_too(folder):
    model, data = paths("resnet")
    with kernel(model, data, folder / "k.h5", "--value", "/Flatten_output_0") as out:
        assert out["outputs"].shape == (9, 9) and "fc.weight" not in out["components"]


def test_what_is_done_with_a_kernel_file_is_done_with_that_of_a_graph(folder):
    model, data = paths("resnet")
    kernel(model, data, folder / "k.h5", ranks=2).close()
    for words in (["verify", folder / "k.h5"], ["check", folder / "k.h5"], ["spectrum", folder / "k.h5"],
                  ["compare", folder / "k.h5", f"{GRAPHS}/resnet.h5:trace/ntk"]):
        done = tangram(*words)
        assert done.code == 0, (words[0], done)
    assert "equal to" in done.stdout, done.stdout


@each({
    "an option that the file answers": (USAGE, ["--activation", "relu"], "says itself", "leave --activation out"),
    "a value that is not there": (USAGE, ["--value", "nosuch"], "nosuch", "--value"),
    "a pattern that fits no tensor": (USAGE, ["--wrt", "no*"], "no*", "bn1.bias"),
    "a frozen network": (BAD_INPUT, ["--frozen", "*"], "no parameter", "resnet.onnx"),
})
def test_options_that_do_not_fit_are_refused_in_one_line(folder, code, options, *words):
    model, data = paths("resnet")
    done = tangram("kernel", "--model", model, "--data", data, "--output", folder / "k.h5", *options)
    assert done.code == code and len(done.errors) == 1, done
    assert all(word in done.errors[0] for word in words), done.errors
    assert not list(folder.iterdir())


def test_samples_of_another_size_are_refused(folder):
    done = tangram("kernel", "--model", GRAPHS / "resnet.onnx", "--data", f"{GRAPHS}/lenet.h5:x", "--output", folder / "k.h5")
    assert done.code == BAD_INPUT and "432" in done.errors[0] and "400" in done.errors[0], done


def test_the_tensors_are_listed_and_what_a_file_cannot_say_is_said(folder):
    model, data = paths("resnet_fresh")
    done = tangram("kernel", "--model", model, "--data", data, "--output", folder / "k.h5", "--dry-run")
    assert done.code == 0, done
    said = done.stdout + done.stderr
    assert "layer3.downsample.0.weight, (9, 6, 1, 1)" in said and "2164 parameters in 29 tensors" in said, said
    assert "29 tensors count as parameters" in said and "--frozen" in said, said
    assert "running_var" not in said, said


def two_inputs(folder):
    """(x + t) through a layer each: the samples of the two inputs, and the ONNX file that torch makes of it."""
    torch = need("torch")

    class Product(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = torch.nn.Linear(3, 5), torch.nn.Linear(2, 5), torch.nn.Linear(5, 2)

        def forward(self, x, t):
            return self.c(torch.tanh(self.a(x) * self.b(t)))

    torch.manual_seed(0)
    model, x, t = Product().double().eval(), torch.randn(7, 3).double(), torch.randn(7, 2).double()
    axes = {name: {0: "n"} for name in ("x", "t", "y")}
    with exporting:
        torch.onnx.export(model, (x, t), folder / "two.onnx", training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                          input_names=["x", "t"], output_names=["y"], dynamic_axes=axes, opset_version=17)
    return write_h5(folder / "two.h5", x=x.numpy(), t=t.numpy(), y=model(x, t).detach().numpy())


def test_each_input_of_a_graph_has_samples_of_its_own(folder):
    data = two_inputs(folder)
    words = ["kernel", "--model", folder / "two.onnx", "--output", folder / "k.h5", "--precision", "float64"]
    done = tangram(*words, "--data", f"t={data}:t", "--data", f"x={data}:x", "--expect-outputs", f"{data}:y", ranks=2)
    assert done.code == 0, done
    again = tangram("check", folder / "k.h5")
    assert again.code == 0, again
    for given, words_said in ((["--data", f"{data}:x", "--data", f"{data}:t"], ["2 inputs", "NAME=FILE"]),
                              (["--data", f"x={data}:x"], ["2 inputs", "t (1, 2)"]),
                              (["--data", f"x={data}:x", "--data", f"x={data}:x"], ["twice"]),
                              (["--data", f"x={data}:t", "--data", f"t={data}:x"], ["width 2", "x (1, 3)"])):
        refused = tangram(*words, "--overwrite", *given)
        assert refused.code in (USAGE, BAD_INPUT) and len(refused.errors) == 1, refused
        assert all(word in refused.errors[0] for word in words_said), refused.errors


@each({"a mean over the batch": ("mean",), "BatchNorm in training": ("norm",)})
def test_a_graph_in_which_samples_meet_is_refused(folder, kind):
    torch = need("torch")

    class Meets(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm = torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)

        def forward(self, x):
            y = self.a(x)
            return y - y.mean(0, keepdim=True) if kind == "mean" else self.norm(y)

    mode = torch.onnx.TrainingMode.TRAINING if kind == "norm" else torch.onnx.TrainingMode.PRESERVE
    model = Meets().train(kind == "norm")
    with exporting:
        torch.onnx.export(model, torch.randn(5, 3), folder / "m.onnx", training=mode, do_constant_folding=False, opset_version=15,
                          input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
    data = write_h5(folder / "x.h5", x=numpy.ones((4, 3)))
    done = tangram("kernel", "--model", folder / "m.onnx", "--data", f"{data}:x", "--output", folder / "k.h5")
    assert done.code == BAD_INPUT and len(done.errors) == 1 and "samples" in done.errors[0], done
