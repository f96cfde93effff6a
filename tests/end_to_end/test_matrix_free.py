"""`tangram spectrum --model` and `tangram regress --model`, which make no kernel, against the kernel that `tangram kernel` makes and NumPy."""

import signal
import subprocess
import time

import h5py
import numpy

from harness import DATA, JOBS, TANGRAM, Skip, each, environment, once, tangram, write_h5, write_safetensors

USAGE, CHECK_FAILED, STOPPED = 2, 5, 75
DIGITS = JOBS / "digits" / "digits.h5"
CHAIN = ["--model", JOBS / "digits" / "digits_mlp.safetensors", "--activation", "tanh", "--data", f"{DIGITS}:x"]
LENET = ["--model", DATA / "onnx" / "lenet.onnx", "--data", f"{DATA / 'onnx' / 'lenet.h5'}:x"]
JOBS_OF = {"digits": (*CHAIN, "--rows", "0:300"), "one logit": (*CHAIN, "--rows", "0:133", "--logit", 3),
           "full": (*CHAIN, "--rows", "0:40", "--reduction", "full"), "convolutions": tuple(LENET),
           "gradients of a loss": (*CHAIN, "--rows", "0:133", "--reduction", "loss", "--loss", "cross-entropy", "--labels", f"{DIGITS}:y"),
           "margins": (*CHAIN, "--rows", "0:40", "--reduction", "margin", "--labels", f"{DIGITS}:y"),
           "Gauss-Newton": (*CHAIN, "--rows", "0:40", "--weights", "sqrt-hessian", "--reduction", "full")}


@once
def small_network(folder):
    """A model whose products cost little, for what takes many of them."""
    random = numpy.random.default_rng(3)
    tensors = {"0.weight": (16, 64), "0.bias": (16,), "1.weight": (10, 16), "1.bias": (10,)}
    return write_safetensors(folder / "m.safetensors", {name: random.normal(size=shape) / 4 for name, shape in tensors.items()}, "F64")


def small():
    return ["--model", small_network(), "--activation", "tanh", "--data", f"{DIGITS}:x"]


def need_slepc():
    if not (TANGRAM.parent / "libtangram_krylov.so").exists():
        raise Skip("built without SLEPc: install slepc-dev and build again")


@once
def stored(folder, *words):
    """The kernel in float64."""
    run = tangram("kernel", *words, "--precision", "float64", "--components", "none", "--output", folder / "k.h5")
    assert run.code == 0, run
    with h5py.File(folder / "k.h5") as file:
        return file["ntk"][:], file["outputs"][:]


def spectrum(folder, *words, ranks=1, code=0, name="s.h5"):
    need_slepc()
    run = tangram("spectrum", *words, "--output", folder / name, ranks=ranks)
    assert run.code == code, run
    return (h5py.File(folder / name), run.stdout) if code == 0 else run


@each({f"{name}, {ranks} ranks": (name, ranks) for name in JOBS_OF for ranks in (1, 3)})
def test_the_largest_eigenpairs_and_the_trace_are_those_of_the_stored_kernel(folder, name, ranks):
    K, _ = stored(*JOBS_OF[name])
    top = min(20, len(K))
    file, printed = spectrum(folder, *JOBS_OF[name], "--top", top, ranks=ranks)
    with file:
        values, V = file["spectrum/ntk/eigenvalues"][:], file["spectrum/ntk/eigenvectors"][:]
        expected = numpy.linalg.eigvalsh(K)[-top:]
        assert numpy.abs(values - expected).max() <= 1e-10 * expected[-1]
        assert numpy.abs(K @ V - V * values).max() <= 1e-9 * expected[-1]
        assert numpy.abs(V.T @ V - numpy.eye(top)).max() <= 1e-8
        assert (file["spectrum/ntk/residuals"][:] <= 1e-9).all()
        assert numpy.isclose(file.attrs["trace"], numpy.trace(K), rtol=1e-12, atol=0)
        assert file.attrs["matrix_free"] == 1 and file.attrs["status"] == "complete"
    assert "exact" in printed


def test_the_same_ranks_give_the_same_bits(folder):
    words = (*CHAIN, "--rows", "0:90", "--top", 3, "--estimate", 2, "--lanczos-steps", 20, "--density", "--threads", 2)
    found = []
    for k in range(2):
        file, _ = spectrum(folder, *words, ranks=2, name=f"{k}.h5")
        with file:
            found.append([file[f"spectrum/ntk/{part}"][:] for part in ("eigenvalues", "eigenvectors")] + [file["density/nodes"][:]])
    for one, other in zip(*found):
        assert (one == other).all()


def test_targets_are_projected_on_the_vectors(folder):
    words = JOBS_OF["digits"]
    file, printed = spectrum(folder, *words, "--top", 7, "--targets", f"{DIGITS}:y")
    with h5py.File(DIGITS) as digits:
        Y = numpy.eye(10)[digits["y"][:300]]
    Y -= Y.mean(axis=0)
    with file:
        V, P = file["spectrum/ntk/eigenvectors"][:], file["spectrum/ntk/projections"][:]
        assert numpy.abs(P - V.T @ Y).max() <= 1e-12 * numpy.abs(Y).max() * 300
        power = numpy.cumsum(P[::-1] ** 2, axis=0)[::-1] / (Y**2).sum(axis=0)
        assert numpy.allclose(file["spectrum/ntk/cumulative_power"][:], power, rtol=1e-12)
    assert "explained of the targets" in printed


def test_intervals_of_estimates_hold_the_truth_in_17_of_20_seeds(folder):
    words = (*small(), "--rows", "0:120", "--logit", 0)
    K, _ = stored(*words)
    w = numpy.maximum(numpy.linalg.eigvalsh(K), 0)
    ridge = 0.01 * w.mean()
    truth = {"squared_norm": (w**2).sum(), "degrees_of_freedom": (w / (w + ridge)).sum(), "log_determinant": numpy.log(w + ridge).sum()}
    held = dict.fromkeys(truth, 0)
    seeds = 20
    for seed in range(seeds):
        file, _ = spectrum(folder, *words, "--estimate", 12, "--ridge", "1e-2m", "--vector-seed", seed, "--lanczos-steps", 60, "--overwrite")
        with file:
            group = file["estimates"]
            assert numpy.isclose(group["ridge"][0], ridge, rtol=1e-12)
            for name, value in truth.items():
                mean, half = ((group.attrs[name], group.attrs[f"{name}_half_width"]) if name == "squared_norm"
                              else (group[name][0], group[f"{name}_half_width"][0]))
                held[name] += abs(mean - value) <= half
    assert min(held.values()) >= 0.84 * seeds, held  # of 100 seeds 88 must; of 25 fewer say as much


def test_the_density_has_the_moments_of_the_spectrum(folder):
    words = (*small(), "--rows", "0:120", "--logit", 0)
    K, _ = stored(*words)
    file, _ = spectrum(folder, *words, "--density", "--estimate", 60, "--lanczos-steps", 30)
    with file:
        nodes, weights = file["density/nodes"][:], file["density/weights"][:]
    weights, nodes = numpy.nan_to_num(weights), numpy.nan_to_num(nodes)
    assert numpy.allclose(weights.sum(axis=1), 1, rtol=1e-10) and (weights >= 0).all()
    assert numpy.isclose((weights * nodes).sum() / len(nodes), numpy.trace(K) / len(K), rtol=0.2)
    assert nodes.max() <= numpy.linalg.eigvalsh(K)[-1] * (1 + 1e-12)


def regress(folder, *words, ranks=1, code=0, name="r.h5"):
    need_slepc()
    run = tangram("regress", *words, "--output", folder / name, "--overwrite", ranks=ranks)
    assert run.code == code, run
    return h5py.File(folder / name) if code == 0 else run


@each({f"{kind}, {ranks} ranks": (kind, ranks) for kind in ("labels", "prior", "full") for ranks in (1, 3)})
def test_a_ridge_gives_what_the_stored_kernel_gives(folder, kind, ranks):
    samples = 40 if kind == "full" else 100
    words = [*small(), "--rows", f"0:{samples}", *(["--reduction", "full"] if kind == "full" else [])]
    K, f0 = stored(*words)
    cross = tangram("kernel", *words, "--test", f"{DIGITS}:x", "--test-rows", "1000:1037", "--precision", "float64", "--components", "none",
                    "--output", folder / "x.h5")
    assert cross.code == 0, cross
    with h5py.File(DIGITS) as digits, h5py.File(folder / "x.h5") as file:
        Y, Kx, fx = numpy.eye(10)[digits["y"][:samples]] - 0.1, file["ntk"][:], file["test_outputs"][:]
    scale = 1 if kind == "full" else 0.1
    ridge = 1e-2 * scale * numpy.trace(K) / len(K)
    prior = kind == "prior"
    R = (Y - prior * f0).reshape(len(K), -1)
    alpha = numpy.linalg.solve(scale * K + ridge * numpy.eye(len(K)), R)
    expected = {"coefficients": alpha.reshape(Y.shape), "train_predictions": prior * f0 + (scale * K @ alpha).reshape(Y.shape),
                "test_predictions": prior * fx + (scale * Kx @ alpha).reshape(37, 10)}
    with regress(folder, *words, "--targets", f"{DIGITS}:y", "--test", f"{DIGITS}:x", "--test-rows", "1000:1037", "--test-targets", f"{DIGITS}:y",
                 "--prior", "outputs" if prior else "none", "--ridge", "1e-2m", "--preconditioner", 30, ranks=ranks) as file:
        assert numpy.isclose(file["regression/ridge"][0], ridge, rtol=1e-12)
        assert file["regression/residual"][0] <= 1e-7
        for name, values in expected.items():
            off = numpy.abs(file[f"regression/{name}"][0] - values).max()
            assert off <= 1e-6 * numpy.abs(values).max(), (name, off)
        with h5py.File(DIGITS) as digits:
            assert file["regression/test_accuracy"][0] == (expected["test_predictions"].argmax(axis=1) == digits["y"][1000:1037]).mean()


@each({"of eigenpairs": ("spectrum",), "of a solution": ("regress",)})
def test_a_run_that_is_stopped_goes_on_from_its_checkpoint(folder, command):
    """Runs of a second or two, which are stopped at the first checkpoint."""
    need_slepc()
    inputs = [*(CHAIN if command == "spectrum" else small()), "--rows", "0:200"]
    words = [*inputs, "--checkpoint-seconds", 0, "--threads", 1]
    words += ["--top", 60, "--tolerance", 1e-12] if command == "spectrum" else [
        "--targets", f"{DIGITS}:y", "--ridge", "1e-2m", "--preconditioner", 5]
    output, partial = folder / "out.h5", folder / "out.h5.partial"
    job = subprocess.Popen([str(word) for word in (TANGRAM, command, *words, "--output", output)], env=environment(str(folder)), text=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not partial.exists() and job.poll() is None:
        time.sleep(0.002)
    job.send_signal(signal.SIGUSR1)
    assert job.wait(60) == STOPPED and partial.exists() and not output.exists()
    other = tangram(command, *words, "--logit", 1, "--output", output, "--resume", ranks=1)
    assert other.code == USAGE and "checkpoint" in other.errors[0], other
    again = tangram(command, *words, "--output", output, "--resume", ranks=1)
    assert again.code == 0 and "the checkpoint" in again.stderr, again
    assert not partial.exists()
    with h5py.File(output) as file:
        if command == "spectrum":
            expected = numpy.linalg.eigvalsh(stored(*inputs)[0])[-60:]
            assert numpy.abs(file["spectrum/ntk/eigenvalues"][:] - expected).max() <= 1e-10 * expected[-1]
        else:
            assert file["regression/residual"][0] <= 1e-7


REFUSED = {
    "nothing wanted": (["spectrum", *CHAIN], "--top"),
    "both": (["spectrum", "k.h5", *CHAIN, "--top", 2], "both"),
    "matrices": (["spectrum", *CHAIN, "--top", 2, "--of", "all"], "--of"),
    "too many": (["spectrum", *CHAIN, "--rows", "0:9", "--top", 10], "--top"),
    "estimates of a file": (["spectrum", "k.h5", "--estimate", 2], "--estimate"),
    "several ridges": (["regress", *CHAIN, "--targets", f"{DIGITS}:y", "--ridge", "1,2"], "--ridge"),
    "targets of losses": (["regress", *CHAIN, "--targets", f"{DIGITS}:y", "--ridge", "1", "--weights", "sqrt-hessian"], "--weights"),
    "a loss without its kind": (["spectrum", *CHAIN, "--top", 2, "--reduction", "loss"], "--loss"),
    "no ridge": (["regress", *CHAIN, "--targets", f"{DIGITS}:y", "--ridge", "0"], "--ridge"),
    "times": (["regress", *CHAIN, "--targets", f"{DIGITS}:y", "--ridge", "1", "--times", "1"], "--times"),
}


@each({label: (label,) for label in REFUSED})
def test_what_goes_with_the_other_way_is_refused(folder, label):
    words, word = REFUSED[label]
    need_slepc()
    run = tangram(*words, "--output", folder / "o.h5", ranks=1)
    assert run.code == USAGE and len(run.errors) == 1 and word in run.errors[0], run
    assert not list(folder.glob("o.h5*"))


def test_a_kernel_of_zeros_and_one_sample_have_spectra(folder):
    write_h5(folder / "x.h5", x=numpy.zeros((1, 64)))
    file, _ = spectrum(folder, *CHAIN[:4], "--data", f"{folder}/x.h5:x", "--top", 1, "--wrt", "0.weight")
    with file:
        assert (file["spectrum/ntk/eigenvalues"][:] == 0).all() and file.attrs["trace"] == 0


def test_a_plan_is_printed_and_nothing_written(folder):
    need_slepc()
    run = tangram("spectrum", *CHAIN, "--top", 3, "--dry-run", "--output", folder / "s.h5", ranks=2)
    assert run.code == 0 and "never made" in run.stdout and not list(folder.glob("s.h5*")), run
