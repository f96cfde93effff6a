"""Runs of `tangram regress` for its tests, and comparisons with NumPy."""

import h5py
import numpy

from digits_kernel import DIGITS, MODEL
from harness import kernel, once, tangram

TOLERANCE = 1e-10  # of the largest


@once
def digits(folder, samples, options, precision="float64"):
    """train.h5 and cross.h5 of the digits' network: the first samples, and 37 others."""
    common = ["--activation", "tanh", "--rows", f"0:{samples}", "--check-samples", 2, *options]
    kernel(MODEL, f"{DIGITS}:x", folder / "train.h5", *common, precision=precision).close()
    kernel(MODEL, f"{DIGITS}:x", folder / "cross.h5", *common, "--test", f"{DIGITS}:x", "--test-rows", "1000:1037", precision=precision).close()
    return folder


def labels(first, last):
    with h5py.File(DIGITS) as file:
        return file["y"][first:last]


def centred(y, classes=10):
    return numpy.eye(classes)[y] - 1 / classes


def run_regress(folder, *words, ranks=2, code=0, output="r.h5"):
    run = tangram("regress", *words, "--output", folder / output, "--overwrite", ranks=ranks)
    assert run.code == code, run
    assert len(run.errors) == (0 if code == 0 else 1), run
    return (h5py.File(folder / output, "r"), run.stdout) if code == 0 else run.errors[0]


def close(found, expected, what, tolerance=TOLERANCE, least=0.0):
    """`least`: what counts as the largest where all are smaller."""
    found, expected = numpy.asarray(found), numpy.asarray(expected)
    assert found.shape == expected.shape, (what, found.shape, expected.shape)
    size = max(numpy.abs(expected).max(), least)
    off = numpy.abs(found - expected).max()
    assert off <= tolerance * (size or 1), f"{what}: off by {off / (size or 1):.2e} of the largest"


def assert_ridge(file, k, expected, tolerance=TOLERANCE, Y=None, least=0.0):
    group = file["regression"]
    names = {"coefficients": "coefficients", "train_predictions": "train", "leave_one_out_predictions": "left_out", "test_predictions": "test",
             "test_variance": "variance"}
    for name, key in names.items():
        if key in expected:
            close(group[name][k], expected[key], name, tolerance, least)
    for name, key in {"gcv": "gcv", "degrees_of_freedom": "freedom", "log_marginal_likelihood": "likelihood"}.items():
        assert numpy.isclose(group[name][k], expected[key], rtol=1e-8), (name, group[name][k], expected[key])
    n = file["targets"].shape[0] * (1 if "variance" not in expected or expected["variance"].ndim == 1 else file["targets"].shape[1])
    assert 0 <= group["residual"][k] <= max(1e-13, 30 * n * 2.0**-52)
    if Y is not None:
        for name, key in {"train": "train", "leave_one_out": "left_out"}.items():
            assert numpy.isclose(group[f"{name}_error"][k], ((expected[key] - Y) ** 2).sum(axis=1).mean(), rtol=1e-9, atol=1e-18)


@once
def small(folder, widths, options):
    tangram("init", "--widths", widths, "--output", folder / "m.safetensors", "--samples", 30, "--data", folder / "d.h5", "--fan-in")
    kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "k.h5", "--activation", "tanh", *options).close()
    return folder
