"""What the tests of `tangram compare` share: networks with their kernel files, and the verdict on another kernel."""

import re
import shutil

import h5py
import numpy

from harness import kernel, once, tangram

EQUAL, DIFFERENT = 0, 5
WORDS = {"equal", "factor", "missing", "scaled", "doubled", "ridge", "offset", "mean", "sum", "output", "order", "part", "centred",
         "asymmetric", "residual"}
SAMPLES = 60


def compute(folder, widths, options, activation, init, reduction, precision, samples, name):
    """(path, kernel, {tensor: (component, fan_in, fan_out)}) of random weights; the model and its samples lie beside."""
    model, data, path = folder / f"{name}.safetensors", folder / f"{name}-data.h5", folder / f"{name}.h5"
    run = tangram("init", "--widths", ",".join(map(str, widths)), "--output", model, "--samples", samples, "--data", data, "--fan-in", *init)
    assert run.code == 0, run
    words = ["--activation", activation] if len(widths) > 2 else []
    words += ["--reduction", reduction] if reduction else []
    with kernel(model, f"{data}:x", path, *words, "--tile", 16, *options, ranks=2, precision=precision) as file:
        return path, file["ntk"][:].astype("f8"), {
            tensor: (part[:].astype("f8"), int(part.attrs["fan_in"]), int(part.attrs["fan_out"]))
            for tensor, part in file["components"].items()}


computed_once = once(compute)


class Net:
    """A network with random weights and its kernel file in float64. All three files are copies, and the kernel names the model and
    the samples that they are of; with `own` they are made here."""

    def __init__(self, folder, widths, *options, activation="tanh", init=(), reduction="trace", precision="float64", samples=SAMPLES,
                 name="k", own=False):
        self.widths, self.folder, self.C = widths, folder, widths[-1]
        settings = (widths, options, activation, init, reduction, precision, samples, name)
        self.path, self.K, tensors = compute(folder, *settings) if own else computed_once(*settings)
        self.parts, self.fan_in, self.fan_out = ({tensor: facts[k] for tensor, facts in tensors.items()} for k in range(3))
        if not own:
            for file in self.path.parent.iterdir():
                shutil.copy(file, folder)
            self.path = folder / self.path.name

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
    "one output of four": dict(widths=[6, 12, 9, 4], reduction=None, options=["--logit", "2"]),
    "float32": dict(widths=[6, 12, 9, 4], precision="float32"),
}


def make(folder, label, **how):
    settings = dict(NETWORKS[label]) | how
    return Net(folder, settings.pop("widths"), *settings.pop("options", []), **settings)


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]
