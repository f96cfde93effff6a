"""The long tail of ONNX's operators: networks that are made of them have the kernels of float64 autograd, on any ranks; the list of
what is read is that of docs/operators.md; recurrent layers are refused, with what helps."""

import importlib
import itertools
import re

import h5py
import numpy

from converters import need_torch
from harness import ROOT, assert_close, each, tangram, write_h5
from test_export import ONE_AT_A_TIME, exported, jacobians, traces

BAD_INPUT = 3
MODELS = ["volumes", "signals", "U-Net, nearest", "U-Net, bilinear", "U-Net, bicubic", "U-Net, transposed", "LSTM cells", "GRU cells",
          "RNN cells", "PixelShuffle", "norms", "Lp pools", "a generator"]


def rotated():
    """Each in one precision on one rank and in the other on three."""
    ranks = itertools.cycle([1, 3, 3, 1])
    rows = [(name, precision, next(ranks)) for name in MODELS for precision in ("float64", "float32")]
    return {"{}, {}, {} ranks".format(*row): row for row in rows}


@each(rotated())
def test_kernels_are_those_of_autograd(folder, name, precision, ranks):
    torch = need_torch()
    make, samples = importlib.import_module("long_tail_models").MODELS[name]
    with ONE_AT_A_TIME:
        model = make().to(getattr(torch, precision)).eval()
    samples = samples.to(getattr(torch, precision))
    words, told = exported(model, samples, folder / "m.onnx")
    assert not [line for line in told if "autograd" in line], told
    expected = traces(jacobians(torch, model, samples))
    run = tangram(*words[1:], "--threads", 1, "--tile", 4, "--check-samples", 5, ranks=ranks)
    assert run.code == 0 and not run.errors, run
    with h5py.File(words[words.index("--output") + 1]) as file:
        assert sorted(file["components"]) == sorted(expected)
        for tensor, kernel in expected.items():
            assert_close(file["components"][tensor][:], kernel, precision, tensor)
        assert_close(file["ntk"][:], sum(expected.values()), precision, "ntk")


@each({"LSTM": ("LSTM", "LSTMCell"), "GRU": ("GRU", "GRUCell"), "RNN": ("RNN", "RNNCell")})
def test_recurrent_layers_are_refused_with_what_helps(folder, name, cell):
    torch = need_torch()

    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = getattr(torch.nn, name)(3, 4, batch_first=True)

        def forward(self, x):
            return self.layer(x)[0][:, -1]

    with ONE_AT_A_TIME:
        torch.onnx.export(Last().eval(), torch.randn(1, 5, 3), folder / "m.onnx", training=torch.onnx.TrainingMode.PRESERVE,
                          do_constant_folding=False, opset_version=17, input_names=["x"], output_names=["y"])
    data = write_h5(folder / "x.h5", x=numpy.ones((4, 15)))
    done = tangram("kernel", "--model", folder / "m.onnx", "--data", f"{data}:x", "--output", folder / "k.h5")
    assert done.code == BAD_INPUT and len(done.errors) == 1, done
    assert f"({name})" in done.errors[0] and cell in done.errors[0], done.errors


def listed():
    run = tangram("kernel", "--list-operators", seconds=20)
    assert run.code == 0 and not run.stderr.strip(), run
    return run.stdout


def test_the_table_of_operators_is_the_programs(folder):
    readme = (ROOT / "docs" / "operators.md").read_text()
    inside = re.search(r"<!-- tangram kernel --list-operators -->\n(.*?)<!-- end -->", readme, re.DOTALL)
    assert inside, "docs/operators.md has no table of operators"
    assert inside[1].strip() == listed().strip(), "docs/operators.md is not what tangram kernel --list-operators prints"


def test_every_operator_of_the_cases_is_in_the_table_once(folder):
    names = []
    for line in listed().splitlines():
        if not line.startswith("| ---") and line.startswith("| "):
            names += [name.strip() for name in line.split("|")[1].split(",")]
    names = [name for name in names if name not in ("ONNX operator", "refused")]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    script = (ROOT / "tests" / "reference" / "onnx_operator_cases.py").read_text()
    of_cases = set(re.search(r'OPERATORS = set\(\s*"""(.*?)"""', script, re.DOTALL)[1].split())
    assert of_cases <= set(names), of_cases - set(names)
