"""`tangram regress` on the examples in jobs/ against NumPy in float64: the digits with a network that was trained on some of them, and the notebook."""

import h5py
import numpy

from digits_kernel import DIGITS
from harness import JOBS, each, kernel, write_h5
from regress_job import assert_ridge, centred, close, labels, run_regress
from regress_oracle import flow, regress


def test_the_first_1000_digits_tell_the_other_797(folder):
    """A network that was trained on those 1000 alone."""
    options = ["--activation", "tanh", "--rows", "0:1000", "--check-samples", 2, "--components", "none"]
    model = JOBS / "digits" / "first_1000.safetensors"
    for name, more in {"train.h5": (), "cross.h5": ("--test", f"{DIGITS}:x", "--test-rows", "1000:1797")}.items():
        kernel(model, f"{DIGITS}:x", folder / name, *options, *more, ranks=2).close()
    with h5py.File(folder / "train.h5") as train, h5py.File(folder / "cross.h5") as cross:
        K, Kx, D, f0, fx = train["ntk"][:] / 10, cross["ntk"][:] / 10, cross["diagonal"][:] / 10, train["outputs"][:], cross["test_outputs"][:]
    Y, y = centred(labels(0, 1000)), labels(1000, 1797)
    ridge = 1e-2 * numpy.trace(K) / 1000
    for prior, solver in (("none", "cholesky"), ("outputs", "eigen")):
        file, _ = run_regress(folder, folder / "train.h5", "--targets", f"{DIGITS}:y", "--test", folder / "cross.h5", "--test-targets", f"{DIGITS}:y",
                              "--prior", prior, "--ridge", ridge, "--solver", solver)
        with file:
            on = prior == "outputs"
            expected = regress(K, Y, on * f0, ridge, Kx, on * fx, D)
            assert_ridge(file, 0, expected, Y=Y)
            assert file["regression/test_accuracy"][0] == (expected["test"].argmax(axis=1) == y).mean() > 0.9
            assert file.attrs["network_test_accuracy"] == (fx.argmax(axis=1) == y).mean()
            assert file.attrs["test_samples_in_train"] == 0


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 2)})
def test_the_notebooks_three_samples(folder, ranks):
    """Its network with biases; two other points; ridges, and the flow with the network's outputs as the beginning."""
    notebook = JOBS / "notebook"
    path = write_h5(folder / "more.h5", x=numpy.array([[0.5, -0.25], [-1.0, 2.0]]), y=numpy.array([1.0, -0.5, 2.0]))
    for name, more in {"k.h5": (), "cross.h5": ("--test", f"{path}:x")}.items():
        kernel(notebook / "notebook_with_bias.safetensors", f"{notebook}/samples.h5:x", folder / name, "--activation", "identity", *more).close()
    with h5py.File(folder / "k.h5") as train, h5py.File(folder / "cross.h5") as cross:
        K, Kx, D, f0, fx = train["ntk"][:], cross["ntk"][:], cross["diagonal"][:], train["outputs"][:], cross["test_outputs"][:]
    Y = numpy.array([[1.0], [-0.5], [2.0]])
    common = [folder / "k.h5", "--targets", f"{path}:y", "--test", folder / "cross.h5"]
    file, _ = run_regress(folder, *common, "--ridge", "1e-3,0.5", "--times", "0.01,1", ranks=ranks)
    with file:
        for k, ridge in enumerate((1e-3, 0.5)):
            assert_ridge(file, k, regress(K, Y, f0, ridge, Kx, fx, D), Y=Y)
        for t, tau in enumerate((0.01, 1)):
            for part, expected in zip(("train", "test"), flow(K, Y, f0, tau, Kx, fx)):
                close(file[f"dynamics/{part}_predictions"][t], expected, f"{part} at {tau}")
    file, _ = run_regress(folder, *common, "--ridge", "0.5", ranks=ranks)
    with file:
        assert_ridge(file, 0, regress(K, Y, f0, 0.5, Kx, fx, D), Y=Y)
        assert file.attrs["solver"] == "Cholesky by LAPACK"
