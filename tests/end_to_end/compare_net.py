"""What the tests of `tangram compare` share: networks with their kernel files, and the verdict on another kernel."""

import re

import h5py
import numpy

from harness import kernel, tangram

EQUAL, DIFFERENT = 0, 5
WORDS = {"equal", "factor", "missing", "scaled", "doubled", "ridge", "offset", "mean", "sum", "output", "order", "part", "centred",
         "asymmetric", "residual"}
SAMPLES = 60


class Net:
    """A network with random weights and its kernel file in float64."""

    def __init__(self, folder, widths, *options, activation="tanh", init=(), reduction="trace", precision="float64", samples=SAMPLES,
                 name="k"):
        self.widths, self.folder = widths, folder
        model, data = folder / f"{name}.safetensors", folder / f"{name}-data.h5"
        made = tangram("init", "--widths", ",".join(map(str, widths)), "--output", model, "--samples", samples, "--data", data,
                       "--fan-in", *init)
        assert made.code == 0, made
        self.path = folder / f"{name}.h5"
        words = ["--activation", activation] if len(widths) > 2 else []
        with kernel(model, f"{data}:x", self.path, *words, "--tile", 16, "--reduction", reduction, *options, ranks=2,
                    precision=precision) as file:
            self.K = file["ntk"][:].astype("f8")
            self.parts = {tensor: part[:].astype("f8") for tensor, part in file["components"].items()}
            self.fan_in = {tensor: int(part.attrs["fan_in"]) for tensor, part in file["components"].items()}
            self.fan_out = {tensor: int(part.attrs["fan_out"]) for tensor, part in file["components"].items()}
        self.C = widths[-1]

    def scaled(self, tensor, factor):
        return self.K + (factor - 1) * self.parts[tensor]


def compare(net, other, *options, ranks=1, dtype="f8", as_npy=True):
    """(exit code, verdict) against `other`, written as a file."""
    if as_npy:
        location = net.folder / "other.npy"
        numpy.save(location, numpy.asarray(other, dtype))
    else:
        with h5py.File(net.folder / "other.h5", "w") as file:
            file["some/kernel"] = numpy.asarray(other, dtype)
        location = f"{net.folder}/other.h5:some/kernel"
    run = tangram("compare", net.path, location, *options, ranks=ranks)
    assert run.code in (EQUAL, DIFFERENT), run
    assert not run.errors, run
    lines = run.stdout.splitlines()
    assert lines[-1] == f"verdict     {lines[0]}", run.stdout
    assert lines[0].split()[0].rstrip(":,;") in WORDS, lines[0]
    assert (run.code == EQUAL) == lines[0].startswith("equal"), (run.code, lines[0])
    return run.code, lines[0]


NETWORKS = {
    "tanh, 4 outputs": dict(widths=[6, 12, 9, 4]),
    "relu, 1 output": dict(widths=[5, 16, 8, 1], activation="relu"),
    "no biases": dict(widths=[6, 10, 3], init=["--no-bias"]),
    "deep": dict(widths=[4, 7, 8, 9, 10, 11, 2], activation="gelu"),
    "ntk parameterization": dict(widths=[6, 12, 9, 4], options=["--parameterization", "ntk", "--weight-std", "1.3", "--bias-std", "0.4"]),
    "mean": dict(widths=[6, 12, 9, 4], reduction="mean"),
    "one output of four": dict(widths=[6, 12, 9, 4], options=["--logit", "2"]),
    "float32": dict(widths=[6, 12, 9, 4], precision="float32"),
}


def make(folder, label):
    settings = dict(NETWORKS[label])
    widths, options = settings.pop("widths"), settings.pop("options", [])
    if "--logit" in options:
        return SingleOutput(folder, widths, settings)
    return Net(folder, widths, *options, **settings)


class SingleOutput(Net):
    def __init__(self, folder, widths, settings):
        Net.__init__(self, folder, widths, **settings, reduction="trace", name="all")
        path = folder / "k.h5"
        with kernel(folder / "all.safetensors", f"{folder}/all-data.h5:x", path, "--activation", "tanh", "--tile", 16, "--logit", 2,
                    precision="float64") as file:
            self.path, self.K = path, file["ntk"][:]
            self.parts = {tensor: part[:] for tensor, part in file["components"].items()}


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]
