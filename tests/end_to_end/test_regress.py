"""`tangram regress` against NumPy in float64: ridges, scores, leave-one-out, test samples, variances, time, attribution."""

import csv
import shutil

import h5py
import numpy

from digits_kernel import DIGITS
from harness import each, kernel, tangram, write_h5
from regress_job import TOLERANCE, assert_ridge, centred, close, digits, labels, run_regress, small
from regress_oracle import flow, regress


@each({f"{n} samples, {ranks} ranks, {solver}": (n, ranks, solver)
       for n, ranks in ((1, 1), (2, 2), (67, 3), (300, 1), (300, 2), (333, 3), (401, 4)) for solver in ("cholesky", "eigen")})
def test_one_ridge_is_that_of_numpy(folder, n, ranks, solver):
    """Trace of ten outputs: the kernel of one output, all classes at once, with test samples and variances."""
    base = digits(n, ())
    y = labels(0, n)
    if n <= 2:
        write_h5(folder / "t.h5", y=numpy.array([[0.5, -1.0, 2.0]] * n) * numpy.arange(1, n + 1)[:, None])
        targets, prior = f"{folder}/t.h5:y", ["--prior", "none"]
        with h5py.File(folder / "t.h5") as t:
            Y = t["y"][:]
        more = []
    else:
        targets, prior, Y = f"{DIGITS}:y", [], centred(y)
        more = ["--test-targets", f"{DIGITS}:y"]
    file, printed = run_regress(folder, base / "train.h5", "--targets", targets, "--test", base / "cross.h5", "--ridge", "3e-3m", "--solver",
                                solver, *prior, *more, ranks=ranks)
    with file, h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        K, Kx, D = train["ntk"][:] / 10, cross["ntk"][:] / 10, cross["diagonal"][:] / 10
        ridge = 3e-3 * numpy.trace(K) / n
        assert numpy.isclose(file["regression/ridge"][0], ridge, rtol=1e-12) and file.attrs["kernel_scale"] == 0.1
        expected = regress(K, Y, numpy.zeros_like(Y), ridge, Kx, numpy.zeros((37, Y.shape[1])), D)
        expected["variance"] = expected["variance"]
        assert_ridge(file, 0, expected, Y=Y)
        assert file.attrs["prior"] == "none" and file.attrs["status"] == "complete" and file["checks"].attrs["passed"] == 1
        if n > 2:
            accuracy = (expected["left_out"].argmax(axis=1) == y).mean()
            assert file["regression/leave_one_out_accuracy"][0] == accuracy
            assert file["regression/test_accuracy"][0] == (expected["test"].argmax(axis=1) == labels(1000, 1037)).mean()
            assert numpy.isclose(file.attrs["network_accuracy"], (train["outputs"][:].argmax(axis=1) == y).mean())
            assert file["checks"].attrs["left_out_error"] < 1e-9 and len(file["checks/left_out"]) == min(3, n)
            assert "scores" in printed
        else:
            assert numpy.isnan(file["regression/test_accuracy"][0])


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 2, 4)})
def test_the_full_kernel_couples_the_outputs(folder, ranks):
    """45 samples of ten outputs, 450 rows: prior, blocks of the inverse, variances of (C, C)."""
    base = digits(45, ("--reduction", "full"))
    with h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        Y = centred(labels(0, 45))
        f0, fx = train["outputs"][:], cross["test_outputs"][:]
        K, Kx, D = train["ntk"][:], cross["ntk"][:], cross["diagonal"][:]
    ridge = 0.05
    expected = regress(K, Y, f0, ridge, Kx, fx, D.reshape(37, 100))
    expected["variance"] = expected["variance"].reshape(37, 10, 10)
    for solver in ("cholesky", "eigen"):
        file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--prior", "outputs", "--test", base / "cross.h5",
                              "--ridge", ridge, "--solver", solver, "--attribution", 3, ranks=ranks)
        with file:
            assert_ridge(file, 0, expected, Y=Y)
            close(file["prior"], f0, "prior")
            assert file["checks"].attrs["left_out_error"] < 1e-9
            x, output = 5, expected["test"][5].argmax()
            influence = (expected["G"].reshape(37, 10, 45, 10)[x, output] * expected["left_residuals"].reshape(45, 10)).sum(axis=1)
            order = numpy.argsort(-influence, kind="stable")
            assert file["attribution/output"][x] == output
            assert (file["attribution/indices"][x] == order[:3]).all()
            close(file["attribution/value"][x], influence[order[:3]], "influence", 1e-8)
            close(file["attribution/negative_value"][x], influence[order[::-1][:3]], "influence", 1e-8)
            assert numpy.isclose(file["attribution/sum"][x], influence.sum(), rtol=1e-8)


@each({"eigenvectors made": (False, 3), "eigenvectors of a file": (True, 2)})
def test_several_ridges_and_automatic_ones(folder, stored, ranks):
    base = digits(300, ())
    y = labels(0, 300)
    Y = centred(y)
    more = []
    if stored:
        run = tangram("spectrum", base / "train.h5", "--vectors", "--output", folder / "s.h5", ranks=2)
        assert run.code == 0, run
        more = ["--eigen", folder / "s.h5"]
    with h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        K, Kx, D = train["ntk"][:] / 10, cross["ntk"][:] / 10, cross["diagonal"][:] / 10
    values = numpy.linalg.eigvalsh(K)
    file, printed = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", *more, "--csv",
                                folder / "t.csv", ranks=ranks)
    with file:
        ridges = file["regression/ridge"][:]
        assert len(ridges) == 41
        noise = 2.0**-52 * numpy.linalg.norm(K)
        assert numpy.allclose(ridges, numpy.geomspace(max(noise, 1e-10 * values[-1]), values[-1], 41), rtol=1e-9)
        assert numpy.isclose(file.attrs["storage_noise"], noise)
        errors = []
        for k in (0, 13, 25, 40):
            expected = regress(K, Y, 0 * Y, ridges[k], Kx, numpy.zeros((37, 10)), D)
            # Below 1e-8 of the largest eigenvalue numbers themselves are not known to more digits.
            assert_ridge(file, k, expected, max(TOLERANCE, 1e-16 * values[-1] / ridges[k] * 30), Y=Y)
        for ridge in ridges[::5]:
            left = regress(K, Y, 0 * Y, ridge)["left_out"]
            errors.append(((left - Y) ** 2).sum(axis=1).mean())
        left_out = file["regression/leave_one_out_error"][:]
        assert numpy.allclose(left_out[::5], errors, rtol=1e-6)
        assert numpy.isclose(file.attrs["best_by_leave_one_out"], ridges[left_out.argmin()])
        assert numpy.isclose(file.attrs["best_by_gcv"], ridges[file["regression/gcv"][:].argmin()])
        assert numpy.isclose(file.attrs["best_by_likelihood"], ridges[file["regression/log_marginal_likelihood"][:].argmax()])
        assert "leave-one-out" in printed
        with open(folder / "t.csv") as table:
            rows = list(csv.DictReader(table))
        assert len(rows) == 41 and float(rows[7]["gcv"]) == file["regression/gcv"][7]
    file, printed = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--ridge", "0,1e-2,1", *more, ranks=ranks)
    with file:
        for k, ridge in ((1, 1e-2), (2, 1.0)):
            assert_ridge(file, k, regress(K, Y, 0 * Y, ridge), Y=Y)
        close(file["regression/train_predictions"][0], Y, "ridge 0", 1e-8)
        close(file["regression/leave_one_out_predictions"][0], regress(K, Y, 0 * Y, 0)["left_out"], "left out at ridge 0", 1e-6)
        assert "300 of 300 modes" in printed


def test_trace_and_mean_give_the_same_numbers_and_another_scale_others(folder):
    found = {}
    for name, options in {"trace": (), "mean": ("--reduction", "mean")}.items():
        base = digits(60, options)
        file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", "--ridge", "0.1")
        with file:
            found[name] = [file[f"regression/{part}"][:] for part in ("coefficients", "leave_one_out_predictions", "test_predictions", "test_variance")]
    for one, other in zip(found["trace"], found["mean"]):
        close(one, other, "trace and mean", 1e-12)
    base = digits(60, ())
    file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--ridge", "0.1", "--kernel-scale", 1, "--prior-variance", 2)
    with file, h5py.File(base / "train.h5") as train:
        Y = centred(labels(0, 60))
        assert_ridge(file, 0, regress(2 * train["ntk"][:], Y, 0 * Y, 0.1))


def training_300():
    """K, K*, f0, f0*, Y of 300 digits, and the words of a regression on them that begins at the network's outputs."""
    base = digits(300, ())
    with h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        K, Kx, f0, fx = train["ntk"][:] / 10, cross["ntk"][:] / 10, train["outputs"][:], cross["test_outputs"][:]
    return K, Kx, f0, fx, centred(labels(0, 300)), [base / "train.h5", "--targets", f"{DIGITS}:y", "--prior", "outputs", "--test", base / "cross.h5",
                                                    "--test-targets", f"{DIGITS}:y"]


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 3)})
def test_training_the_linearised_network_is_a_flow(folder, ranks):
    K, Kx, f0, fx, Y, common = training_300()
    file, printed = run_regress(folder, *common, "--times", "0,1e-4,0.3,inf", ranks=ranks)
    with file:
        assert "regression" not in file
        for t, tau in enumerate((0, 1e-4, 0.3, numpy.inf)):
            train_f, test_f = flow(K, Y, f0, tau, Kx, fx)
            close(file["dynamics/train_predictions"][t], train_f, f"train at {tau}", 1e-9)
            close(file["dynamics/test_predictions"][t], test_f, f"test at {tau}", 1e-9)
            assert numpy.isclose(file["dynamics/train_error"][t], ((train_f - Y) ** 2).sum(axis=1).mean(), rtol=1e-6, atol=1e-12)
        assert numpy.isinf(file["dynamics/times"][3]) and "tau" in printed


@each({"sum": ("sum", 1), "mean-half": ("mean-half", 1 / 3000), "mse": ("mse", 2 / 3000)})
def test_200_steps_with_a_rate_far_below_the_stable_one_are_the_flow_to_first_order_in_it(folder, loss, scale):
    """In three conventions of the loss of 3000 numbers."""
    K, Kx, f0, fx, Y, common = training_300()
    rate = 0.02 / (numpy.linalg.eigvalsh(K)[-1] * scale)
    file, _ = run_regress(folder, *common, "--steps", "200", "--learning-rate", rate, "--loss", loss, ranks=1)
    f, a = f0.copy(), numpy.zeros_like(Y)
    for _ in range(200):
        a -= rate * scale * (f - Y)
        f = f0 + K @ a
    with file:
        close(file["dynamics/train_predictions"][0] - f0, f - f0, f"200 steps of {loss}", 0.011)
        close(file["dynamics/test_predictions"][0] - fx, Kx @ a, f"200 steps of {loss}, test", 0.011)
        assert numpy.isclose(file["dynamics/times"][0], rate * scale * 200) and file["dynamics/given"][0] == 200
    file, _ = run_regress(folder, *common, "--times", rate * 200, "--loss", loss, ranks=1)
    with file:
        assert numpy.isclose(file["dynamics/times"][0], rate * scale * 200)


def test_components_and_attribution(folder):
    base = digits(60, ())
    file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", "--ridge", "1e-2m", "--components",
                          "4.*,2.bias", "--attribution", 4)
    with file, h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        chosen = [name for name in train["components"] if name.startswith("4.") or name == "2.bias"]
        assert len(chosen) == 3 and sorted(file.attrs["matrices"]) == sorted(f"components/{name}" for name in chosen)
        K, Kx = (sum(f["components"][name][:] for name in chosen) / 10 for f in (train, cross))
        D = sum(cross["component_diagonals"][name][:] for name in chosen) / 10
        Y = centred(labels(0, 60))
        ridge = 1e-2 * numpy.trace(K) / 60
        expected = regress(K, Y, 0 * Y, ridge, Kx, numpy.zeros((37, 10)), D)
        assert_ridge(file, 0, expected)
        outputs = expected["test"].argmax(axis=1)
        influence = numpy.array([expected["G"][x] * expected["left_residuals"][:, outputs[x]] for x in range(37)])
        order = numpy.argsort(-influence, axis=1, kind="stable")
        assert (file["attribution/indices"][:] == order[:, :4]).all()
        close(file["attribution/value"], numpy.take_along_axis(influence, order[:, :4], 1), "influence", 1e-8)
        # What it means: the regression without the most influential sample.
        x, i = 3, order[3, 0]
        keep = numpy.arange(60) != i
        without = regress(K[numpy.ix_(keep, keep)], Y[keep], 0 * Y[keep], ridge, Kx[:, keep], numpy.zeros((37, 10)))
        assert numpy.isclose(expected["test"][x, outputs[x]] - without["test"][x, outputs[x]], file["attribution/value"][x, 0], rtol=1e-6)
    file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", "--ridge", "1e-2m",
                          "--attribution", 60, "--attribution-by", "representer", "--attribution-output", 2)
    with file:
        f = file["regression/test_predictions"][0]
        assert (file["attribution/output"][:] == 2).all()
        close(file["attribution/value"][:].sum(axis=1), f[:, 2], "terms of the prediction", 1e-9)


CODES = {
    # widths, options of the kernel, targets, options, Y, prior
    "two classes of one output": ("4,6,1", (), numpy.arange(30) % 2 + 5, [], lambda y, f: (numpy.where(y == 5, -1.0, 1.0)[:, None], 0 * f)),
    "one output, numbers": ("4,6,1", (), numpy.sin(numpy.arange(30.0)), [], lambda y, f: (y[:, None], f)),
    "one of three, labels": ("4,6,3", ("--logit", "1"), numpy.arange(30) % 3, [], lambda y, f: ((y == 1)[:, None] - 1 / 3, 0 * f[:, :1])),
    "one of three, its column and prior": ("4,6,3", ("--logit", "1"), numpy.arange(90.0).reshape(30, 3) % 7, [], lambda y, f: (y[:, 1:2], f[:, 1:2])),
    "one of three, all columns": ("4,6,3", ("--logit", "1"), numpy.arange(90.0).reshape(30, 3) % 7, ["--prior", "none"], lambda y, f: (y, 0 * f)),
    "sum": ("4,6,3", ("--reduction", "sum"), numpy.arange(90.0).reshape(30, 3) % 7, [],
            lambda y, f: (y.sum(axis=1, keepdims=True), f.sum(axis=1, keepdims=True))),
    "labels from 1 on": ("4,6,3", (), numpy.arange(30) % 3 + 1, ["--one-hot", "plain"], lambda y, f: (numpy.eye(3)[y - 1], 0 * f)),
    "one class missing": ("4,6,3", (), numpy.arange(30) % 2, [], lambda y, f: (numpy.eye(3)[y] - 1 / 3, 0 * f)),
    "booleans": ("4,6,1", (), numpy.arange(30) % 3 == 0, [], lambda y, f: (numpy.where(y, 1.0, -1.0)[:, None], 0 * f)),
    "texts": ("4,6,3", (), numpy.array(["b", "a", "c"] * 10, "S"), [],
              lambda y, f: (numpy.eye(3)[[b"abc".index(name) for name in y]] - 1 / 3, 0 * f)),
    "a loss": ("4,6,3", ("--reduction", "loss", "--loss", "mse", "--targets", "OUTPUTS"), numpy.arange(60.0).reshape(30, 2) % 7, [], lambda y, f: (y, 0 * y)),
    "one-hot integers": ("4,6,3", (), numpy.eye(3, dtype="i4")[numpy.arange(30) % 3], [], lambda y, f: (y - 1 / 3, 0 * f)),
}


@each({label: (label,) for label in CODES})
def test_targets_become_columns(folder, label):
    widths, options, y, more, expected = CODES[label]
    if "OUTPUTS" in options:
        base = small(widths, ())
        write_h5(folder / "t.h5", t=numpy.ones((30, 3)))
        kernel(base / "m.safetensors", f"{base}/d.h5:x", folder / "k.h5", "--activation", "tanh", *[f"{folder}/t.h5:t" if o == "OUTPUTS" else o for o in options]).close()
    else:
        base = small(widths, options)
        shutil.copy(base / "k.h5", folder / "k.h5")
    write_h5(folder / "y.h5", y=y)
    file, printed = run_regress(folder, folder / "k.h5", "--targets", f"{folder}/y.h5:y", "--ridge", "0.1m", *more, ranks=1)
    with file, h5py.File(folder / "k.h5") as train:
        Y, f0 = expected(y, train["outputs"][:])
        close(file["targets"], Y, "targets", 1e-15)
        close(file["prior"], f0, "prior", 1e-15)
        scale = 1 / 3 if widths.endswith("3") and not options else 1
        K = train["ntk"][:] * scale
        assert_ridge(file, 0, regress(K, Y, f0, 0.1 * numpy.trace(K) / 30), Y=Y)
        if label == "one class missing":
            assert "no training sample is of class 2" in printed
        if label == "two classes of one output":
            assert "5 is -1, 6 is +1" in printed
            assert file.attrs["targets_are"] == "labels" and list(file.attrs["classes"]) == ["5", "6"]


@each({f"{solver}, {ranks} ranks": (solver, ranks) for solver in ("cholesky", "eigen") for ranks in (1, 2)})
def test_entries_of_any_size_have_the_regression_of_the_matrix_times_a_number(folder, solver, ranks):
    """Kernel and ridge times a number: the same predictions; coefficients over it, variances times it."""
    base = digits(300, ())
    with h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        K, Kx, D = train["ntk"][:] / 10, cross["ntk"][:] / 10, cross["diagonal"][:] / 10
    Y = centred(labels(0, 300))
    expected = regress(K, Y, 0 * Y, 1.0, Kx, numpy.zeros((37, 10)), D)
    for size in (1e-160, 1e150, 1e-300):
        for name in ("train.h5", "cross.h5"):
            shutil.copy(base / name, folder / name)
            with h5py.File(folder / name, "r+") as file:
                for dataset in ("ntk", "diagonal"):
                    if dataset in file:
                        file[dataset][...] = file[dataset][:] * size
        file, _ = run_regress(folder, folder / "train.h5", "--targets", f"{DIGITS}:y", "--test", folder / "cross.h5", "--ridge", size, "--solver", solver,
                              ranks=ranks)
        with file:
            group = file["regression"]
            for name, key in {"train_predictions": "train", "leave_one_out_predictions": "left_out", "test_predictions": "test"}.items():
                close(group[name][0], expected[key], f"{name} at {size}")
            close(group["coefficients"][0] * size, expected["coefficients"], f"coefficients at {size}")
            close(group["test_variance"][0] / size, expected["variance"], f"variance at {size}", 1e-8)
            assert numpy.isclose(group["gcv"][0], expected["gcv"]) and numpy.isclose(group["degrees_of_freedom"][0], expected["freedom"])


def test_ridge_zero_and_infinite_time_agree_on_modes_above_the_noise(folder):
    base = digits(300, (), "float32")
    file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", "--ridge", "0", "--times", "inf")
    with file:
        for name in ("coefficients", "train_predictions", "test_predictions"):
            close(file[f"dynamics/{name}"][0], file[f"regression/{name}"][0], name)
        assert file["regression/modes"][0] <= 300


def test_scores_can_be_left_out_and_float32_files_are_read(folder):
    base = digits(300, (), "float32")
    Y = centred(labels(0, 300))
    with h5py.File(base / "train.h5") as train:
        K = train["ntk"][:].astype("f8") / 10
    file, printed = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--ridge", "1e-2", "--scores", "likelihood", ranks=2)
    with file:
        expected = regress(K, Y, 0 * Y, 1e-2)
        close(file["regression/train_predictions"][0], expected["train"], "train")
        assert numpy.isclose(file["regression/log_marginal_likelihood"][0], expected["likelihood"])
        assert numpy.isnan(file["regression/gcv"][0]) and numpy.isnan(file["regression/leave_one_out_predictions"][:]).all()
        assert numpy.isclose(file.attrs["storage_noise"], 2.0**-23 * numpy.linalg.norm(K))
    file, printed = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--ridge", "1e-6", ranks=2)
    file.close()
    assert "below the noise of storage" in printed


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 2)})
def test_cholesky_has_the_limits_of_large_and_of_small_ridges(folder, ranks):
    """lambda -> infinity: lambda (f - f0) -> K (Y - f0); lambda -> 0: f -> Y, f* -> K* K^-1 Y."""
    base = digits(300, ())
    with h5py.File(base / "train.h5") as train, h5py.File(base / "cross.h5") as cross:
        K, Kx = train["ntk"][:] / 10, cross["ntk"][:] / 10
    Y = centred(labels(0, 300))
    values, V = numpy.linalg.eigh(K)
    common = [base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", "--solver", "cholesky", "--ridge"]
    large, small_one = 1e9 * values[-1], 1e-7 * values[0]
    file, _ = run_regress(folder, *common, large, ranks=ranks)
    with file:
        close(file["regression/train_predictions"][0] * large, K @ Y, "train, large", 1e-5)  # f is Y less almost as much
        close(file["regression/test_predictions"][0] * large, Kx @ Y, "test, large", 1e-7)
    file, _ = run_regress(folder, *common, small_one, ranks=ranks)
    with file:
        close(file["regression/train_predictions"][0], Y, "train, small", 1e-6)
        close(file["regression/test_predictions"][0], Kx @ (V @ ((V.T @ Y) / values[:, None])), "test, small", 1e-5)


def test_predictions_of_a_float32_file_are_as_near_as_its_noise_says(folder):
    """f = Y - lambda A^-1 R, so that |f - f'| <= |K - K'| / lambda |R|, and |K - K'| is at most the storage noise."""
    Y = centred(labels(0, 300))
    for ridge in (0.01, 1.0):
        found = {}
        for precision in ("float32", "float64"):
            file, _ = run_regress(folder, digits(300, (), precision) / "train.h5", "--targets", f"{DIGITS}:y", "--ridge", ridge)
            with file:
                found[precision], noise = file["regression/train_predictions"][0], max(file.attrs["storage_noise"], found.get("noise", 0))
                found["noise"] = noise
        off = numpy.linalg.norm(found["float32"] - found["float64"], axis=0)
        assert (off > 0).all() and (off <= found["noise"] / ridge * numpy.linalg.norm(Y, axis=0)).all(), (ridge, off)
