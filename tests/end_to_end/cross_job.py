"""The kernel of test samples against training samples, for its tests: a small network, the Jacobian of it written out in NumPy by the
chain rule, and the files of both sets."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy

from harness import assert_close, kernel, write_h5, write_safetensors

USAGE, BAD_INPUT, CHECK_FAILED, STOPPED = 2, 3, 5, 75
WIDTHS, TILE = (6, 5, 4, 3), 4
C = WIDTHS[-1]
REDUCTIONS = {"trace": ["--reduction", "trace"], "mean": ["--reduction", "mean"], "sum": ["--reduction", "sum"],
              "full": ["--reduction", "full"], "logit": ["--logit", 1]}


def network():
    """{name: values}, tanh between the layers."""
    random = numpy.random.default_rng(5)
    tensors = {}
    for layer, (fan_in, fan_out) in enumerate(zip(WIDTHS, WIDTHS[1:]), 1):
        tensors[f"fc{layer}.weight"] = random.normal(size=(fan_out, fan_in)) / fan_in**0.5
        tensors[f"fc{layer}.bias"] = random.normal(size=fan_out) / 3
    return tensors


def jacobian(tensors, x):
    """(outputs (C), {name: d(outputs)/d(tensor), (C, entries)}) of one sample."""
    layers = range(1, len(WIDTHS))
    values = [x]
    for layer in layers:
        z = tensors[f"fc{layer}.weight"] @ values[-1] + tensors[f"fc{layer}.bias"]
        values.append(numpy.tanh(z) if layer < len(layers) else z)
    rows, S = {}, numpy.eye(C)  # S: d(outputs)/d(what the layer makes before its tanh)
    for layer in reversed(layers):
        rows[f"fc{layer}.weight"] = (S[:, :, None] * values[layer - 1]).reshape(C, -1)
        rows[f"fc{layer}.bias"] = S
        S = S @ tensors[f"fc{layer}.weight"] * (1 - values[layer - 1] ** 2)
    return values[-1], rows


def products(A, B, reduction):
    """Entries of the kernel of A (m, C, P) and B (n, C, P)."""
    if reduction == "full":
        return numpy.einsum("irp,jsp->irjs", A, B).reshape(len(A) * C, len(B) * C)
    if reduction == "sum":
        return A.sum(axis=1) @ B.sum(axis=1).T
    if reduction == "logit":
        return A[:, 1] @ B[:, 1].T
    return numpy.einsum("irp,jrp->ij", A, B) / (C if reduction == "mean" else 1)


def own(A, reduction):
    """The kernel of each sample with itself: (m), or (m, C, C)."""
    blocks = [products(sample[None], sample[None], reduction) for sample in A]
    return numpy.array(blocks if reduction == "full" else [block[0, 0] for block in blocks])


@dataclass
class Job:
    """A model and two sets of samples on disk, and what the kernel of them is."""
    folder: Path
    train: numpy.ndarray
    test: numpy.ndarray
    tile: int = TILE

    def __post_init__(self):
        self.tensors = network()
        self.model = write_safetensors(self.folder / "m.safetensors", self.tensors, dtype="F64")
        write_h5(self.folder / "d.h5", train=self.train, test=self.test, train_y=numpy.arange(len(self.train)) % 3,
                 test_y=numpy.arange(len(self.test)) % 2, train_f=self.outputs(self.train), test_f=self.outputs(self.test))

    def at(self, dataset):
        return f"{self.folder}/d.h5:{dataset}"

    def words(self, output, *options):
        """Of `tangram`, for the kernel without its precision."""
        return ["kernel", "--model", self.model, "--activation", "tanh", "--data", self.at("train"), "--test", self.at("test"), "--output",
                self.folder / output, "--tile", self.tile, *options]

    def kernel(self, output, *options, **settings):
        return kernel(self.model, self.at("train"), self.folder / output, "--activation", "tanh", "--test", self.at("test"), "--tile", self.tile,
                      *options, **settings)

    def outputs(self, X):
        return numpy.array([jacobian(self.tensors, x)[0] for x in X])

    def rows(self, X):
        """{name: (n, C, entries)}"""
        all_rows = [jacobian(self.tensors, x)[1] for x in X]
        return {name: numpy.array([rows[name] for rows in all_rows]) for name in self.tensors}


def make_job(folder, M=9, N=23):
    random = numpy.random.default_rng(7)
    return Job(folder, random.normal(size=(N, WIDTHS[0])), random.normal(size=(M, WIDTHS[0])))


def assert_is_reference(file, job, reduction, precision):
    test, train = job.rows(job.test), job.rows(job.train)
    total, diagonal = 0, 0
    assert sorted(file["components"]) == sorted(file["component_diagonals"]) == sorted(test)
    for name in test:
        expected, expected_diagonal = products(test[name], train[name], reduction), own(test[name], reduction)
        assert_close(file["components"][name][:], expected, precision, name)
        assert_close(file["component_diagonals"][name][:], expected_diagonal, precision, f"diagonal of {name}")
        total, diagonal = total + expected, diagonal + expected_diagonal
    assert_close(file["ntk"][:], total, precision, "ntk")
    assert_close(file["diagonal"][:], diagonal, precision, "diagonal")
    assert_close(file["outputs"][:], job.outputs(job.train), precision, "outputs")
    assert_close(file["test_outputs"][:], job.outputs(job.test), precision, "test outputs")
    assert file["checks"].attrs["passed"] == 1 and file["ntk"].attrs["symmetric"] == 0


def bits(path):
    """{dataset: bytes} of all numbers that a user relies on."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith(("timing", "checks/")):
            found[name] = item[()].tobytes() if item.dtype.kind in "iuf" else None

    with h5py.File(path) as file:
        file.visititems(visit)
    assert "ntk" in found and "diagonal" in found and any(name.startswith("component_diagonals/") for name in found)
    return found
