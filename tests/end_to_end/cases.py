"""What the tests of files as people have them (tests/data/cases/README.md) share.

Kernels are held against float64 autograd to 1e-12; where a case has none of its own, against J J^T by the chain rule in NumPy below."""

import re

import h5py
import numpy

from harness import DATA, JOBS, assert_close, tangram
from scripts import script

CASES = DATA / "cases"
FAILED = 5


def expected(case):
    return numpy.load(CASES / f"expected_{case}.npz")["K"]


def converted(folder, name, *options):
    """The path of a model that `kernel` reads: a checkpoint is converted first."""
    if name.endswith((".safetensors", ".h5")):
        return CASES / name
    path = folder / "model.safetensors"
    done = script(JOBS / "to_safetensors.py", CASES / name, path, "--overwrite", *options)
    assert done.returncode == 0, done.stderr
    return path


def run(folder, model, data, *options):
    """(the run, the kernel or None)"""
    output = folder / "out.h5"
    words = [word for source in (data if isinstance(data, list) else [data]) for word in ("--data", source)]
    done = tangram("kernel", "--model", model, *words, "--output", output, "--precision", "float64", "--threads", 1, "--overwrite", *options)
    if done.code != 0:
        return done, None
    with h5py.File(output) as file:
        return done, file["ntk"][:]


def assert_right(done, kernel, right):
    assert done.code == 0, done
    assert_close(kernel, right, "float64", "ntk")


def assert_refused(done, code, *words):
    """One line that names all of this."""
    assert done.code == code, done
    (line,) = done.errors
    for word in words:
        assert re.search(word, line, re.IGNORECASE), f"the line does not name {word}: {line}"
    return line


def said(done):
    return done.stdout + done.stderr


def assert_says_what_is_not_proven(done):
    """A run whose outputs nobody compared says so, and how to."""
    last = "\n".join(done.stdout.splitlines()[-8:])
    assert done.code == 0, done
    assert "--expect-outputs" in last and re.search(r"not (been )?(checked|compared)", last), last


SLOPES = {"relu": (lambda z: numpy.maximum(z, 0), lambda z: (z > 0) * 1.0), "tanh": (numpy.tanh, lambda z: 1 - numpy.tanh(z) ** 2)}


def chain(tensors, names, activation, samples):
    """(kernel, outputs) of the layers `names` with this activation between them."""
    phi, slope = SLOPES[activation]
    rows, outputs = [], []
    for x in numpy.asarray(samples, "f8").reshape(len(samples), -1):
        inputs, preactivations = [x], []
        for name in names:
            preactivations.append(tensors[f"{name}.weight"] @ inputs[-1] + tensors[f"{name}.bias"])
            inputs.append(phi(preactivations[-1]) if name != names[-1] else preactivations[-1])
        outputs.append(inputs[-1])
        for r in range(len(inputs[-1])):
            s, parts = numpy.eye(len(inputs[-1]))[r], []
            for i in reversed(range(len(names))):
                parts += [numpy.outer(s, inputs[i]).ravel(), s]
                s = (s @ tensors[f"{names[i]}.weight"]) * slope(preactivations[i - 1]) if i else s
            rows.append(numpy.concatenate(parts))
    jacobian = numpy.array(rows).reshape(len(outputs), -1, len(rows[0]))
    return numpy.einsum("irp,jrp->ij", jacobian, jacobian), numpy.array(outputs)
