"""What `tangram regress` refuses, which kernels go together, and its file: documentation, life, provenance."""

import shutil

import h5py
import numpy

from bad_input_table import BAD_INPUT, USAGE
from digits_kernel import DIGITS, MODEL
from harness import ROOT, each, kernel, tangram, write_h5
from regress_job import assert_ridge, centred, close, digits, labels, run_regress, small
from regress_oracle import regress

@each({f"{label}, {ranks} ranks": (label, ranks) for ranks in (1, 3) for label in ("thrice", "rank one", "zero")})
def test_singular_kernels_are_no_silent_numbers(folder, label, ranks):
    base = small("4,6,3", ())
    n = 90 if label == "thrice" else 30
    if label == "thrice":
        write_h5(folder / "rows.h5", i=numpy.repeat(numpy.arange(30), 3))
        kernel(base / "m.safetensors", f"{base}/d.h5:x", folder / "k.h5", "--activation", "tanh", "--indices", f"{folder}/rows.h5:i",
               "--check-tolerance", "1e-8").close()
    else:
        shutil.copy(base / "k.h5", folder / "k.h5")
        with h5py.File(folder / "k.h5", "r+") as file:
            u = numpy.linspace(1, 2, 30)
            file["ntk"][...] = numpy.outer(u, u) if label == "rank one" else 0
    with h5py.File(folder / "k.h5") as file:
        K = file["ntk"][:] / 3
    y = numpy.arange(n) * 7 // 4 % 3
    write_h5(folder / "y.h5", y=y)
    common = [folder / "k.h5", "--targets", f"{folder}/y.h5:y"]
    if label != "zero":
        error = run_regress(folder, *common, "--ridge", "1e-17", ranks=ranks, code=BAD_INPUT)
        assert "not positive definite" in error and "noise of its storage" in error
        advice = error.split("give --ridge ")[1].split()[0]
        if label == "rank one":  # has a factor, of which rounding leaves nothing
            assert "but for rounding" in run_regress(folder, *common, "--ridge", "1e-13", ranks=ranks, code=BAD_INPUT)
        file, _ = run_regress(folder, *common, "--ridge", advice, ranks=ranks)
        with file:
            assert numpy.isfinite(file["regression/train_predictions"][:]).all()
    assert not list(folder.glob("*.partial"))
    file, printed = run_regress(folder, *common, "--ridge", "1e-17,0,0.1", ranks=ranks)
    with file:
        group = file["regression"]
        if label != "zero":
            assert numpy.isnan(group["train_predictions"][0]).all() and numpy.isnan(group["gcv"][0])
            assert printed.count("not positive definite") == 1
        Y = centred(y, 3)
        assert_ridge(file, 2, regress(K, Y, 0 * Y, 0.1), Y=Y, least=1)
        values, V = numpy.linalg.eigh(K)
        counts = values > 2.0**-52 * numpy.linalg.norm(K)
        assert group["modes"][1] == counts.sum() and f"{counts.sum()} of {n} modes" in printed
        V = V[:, counts]
        close(group["train_predictions"][1], V @ (V.T @ Y), "minimum norm", 1e-9, 1)
        if label == "thrice":
            others = sum(y[i] != y[i // 3 * 3] for i in range(90) if i % 3)
            assert f"60 training samples equal an earlier one, {others} of them with another target" in printed
            # Left out, a sample is told by its two copies.
            told = numpy.repeat(Y.reshape(30, 3, 3).sum(axis=1), 3, axis=0) / 2 - Y / 2
            close(group["leave_one_out_predictions"][1], told, "left out", 1e-6)


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 2)})
def test_only_a_kernel_of_the_same_network_and_samples_is_a_test_kernel(folder, ranks):
    base = digits(60, ())
    common = [base / "train.h5", "--targets", f"{DIGITS}:y", "--ridge", "0.1"]

    def cross(name, *options, data=DIGITS, model=MODEL, samples="0:60", precision="float64"):
        kernel(model, f"{data}:x", folder / name, "--activation", "tanh", "--rows", samples, "--check-samples", 0, "--test", f"{DIGITS}:x",
               "--test-rows", "50:64", *options, precision=precision).close()
        return folder / name

    shutil.copy(MODEL, folder / "moved.safetensors")
    file, printed = run_regress(folder, *common, "--test", cross("same.h5", "--components", "none", precision="float32", model=folder / "moved.safetensors"),
                                "--test-targets", f"{DIGITS}:y", "--drop-duplicates", ranks=ranks)
    with file:
        assert file.attrs["test_samples_in_train"] == 10 and "10 of the 14 test samples are training samples too" in printed
        assert "stored in float64, that of test samples in float32" in printed
        f, y = file["regression/test_predictions"][0], labels(50, 64)
        assert file["regression/test_accuracy"][0] == (f[10:].argmax(axis=1) == y[10:]).mean()
    for name, word, options in (("others.h5", "training sample 0 is another", {"samples": "1:61"}), ("fewer.h5", "60 training samples and 59", {"samples": "0:59"})):
        error = run_regress(folder, *common, "--test", cross(name, **options), ranks=ranks, code=BAD_INPUT)
        assert word in error, error
    for name, word, options in (("mean.h5", "reduction", ("--reduction", "mean")), ("wrt.h5", "number of parameters", ("--frozen", "0.weight")),
                                ("relu.h5", "activation", ())):
        path = folder / name
        if name == "relu.h5":
            kernel(MODEL, f"{DIGITS}:x", path, "--activation", "relu", "--rows", "0:60", "--check-samples", 0, "--test", f"{DIGITS}:x", "--test-rows", "50:64").close()
        else:
            cross(name, *options)
        error = run_regress(folder, *common, "--test", path, ranks=ranks, code=BAD_INPUT)
        assert word in error, error
    error = run_regress(folder, *common, "--test", base / "train.h5", ranks=ranks, code=BAD_INPUT)
    assert "test" in error


def test_everything_in_the_file_is_in_its_documentation(folder):
    text = (ROOT / "docs" / "regression.md").read_text()
    base = digits(60, ())
    file, _ = run_regress(folder, base / "train.h5", "--targets", f"{DIGITS}:y", "--test", base / "cross.h5", "--test-targets", f"{DIGITS}:y", "--times",
                          "1,inf", "--loss", "mse", "--ridge", "0.1,1", "--attribution", 2, ranks=1)
    with file:
        missing = []

        def visit(name, item):
            leaf = name.rsplit("/", 1)[-1]
            known = [f"`{leaf}`", f"`/{name}`"]
            for prefix in ("test_", "train_", "leave_one_out_"):  # of test samples: `/test_targets`; "`train_error`, .., `.._accuracy`"
                known += [f"`/{leaf.removeprefix(prefix)}`", f"`.._{leaf.removeprefix(prefix)}`"]
            if not any(word in text for word in known) and not hasattr(item, "keys"):
                missing.append(name)
            missing.extend(f"{name}@{key}" for key in item.attrs if f"`{key}`" not in text)

        file.visititems(visit)
        missing.extend(f"/@{key}" for key in file.attrs if f"`{key}`" not in text)
        assert not missing, missing


REFUSED = {
    "NaN targets": ({"y": numpy.where(numpy.arange(30) == 7, numpy.nan, 1.0)}, ["--prior", "none"], BAD_INPUT, "row 7"),
    "too few targets": ({"y": numpy.arange(20)}, [], BAD_INPUT, "20 targets"),
    "one class only": ({"y": numpy.zeros(30, "i4")}, [], BAD_INPUT, "nothing to tell apart"),
    "numbers that do not fit": ({"y": numpy.ones((30, 2))}, [], USAGE, "--prior none"),
    "a negative ridge": ({"y": numpy.arange(30) % 3}, ["--ridge", "-1"], USAGE, "--ridge"),
    "no such component": ({"y": numpy.arange(30) % 3}, ["--components", "fc9.*"], USAGE, "fc9"),
    "targets of test samples without them": ({"y": numpy.arange(30) % 3}, ["--test-targets", "y.h5:y"], USAGE, "--test"),
    "Cholesky of two": ({"y": numpy.arange(30) % 3}, ["--ridge", "1,2", "--solver", "cholesky"], USAGE, "--solver"),
    "steps without a rate": ({"y": numpy.arange(30) % 3}, ["--steps", "5"], USAGE, "--learning-rate"),
    "onto the kernel": ({"y": numpy.arange(30) % 3}, ["--output", "k.h5"], USAGE, "k.h5"),
    "prior of labels from 4 classes": ({"y": numpy.arange(30) % 4}, ["--prior", "outputs"], USAGE, "--prior none"),
}


@each({f"{label}, {ranks} ranks": (label, ranks) for ranks in (1, 4) for label in REFUSED})
def test_what_cannot_be_done_is_refused(folder, label, ranks):
    datasets, options, code, word = REFUSED[label]
    base = small("4,6,3", ())
    shutil.copy(base / "k.h5", folder / "k.h5")
    write_h5(folder / "y.h5", **datasets)
    output = [] if "--output" in options else ["--output", folder / "r.h5"]
    run = tangram("regress", folder / "k.h5", "--targets", f"{folder}/y.h5:y", *output, *[folder / o if str(o) == "k.h5" else o for o in options],
                  ranks=ranks)
    assert run.code == code and len(run.errors) == 1 and word in run.errors[0], run
    assert sorted(p.name for p in folder.iterdir()) == ["k.h5", "y.h5"]


def test_the_life_and_provenance_of_the_file(folder):
    base = small("4,6,3", ())
    shutil.copy(base / "k.h5", folder / "k.h5")
    before = (folder / "k.h5").read_bytes()
    write_h5(folder / "y.h5", y=numpy.arange(30) % 3)
    words = ["regress", folder / "k.h5", "--targets", f"{folder}/y.h5:y", "--output", folder / "r.h5", "--ridge", "0.1"]
    run = tangram(*words, "--dry-run", ranks=2)
    assert run.code == 0 and "memory" in run.stdout and "Cholesky" in run.stdout and not (folder / "r.h5").exists(), run
    assert tangram(*words, ranks=2).code == 0
    with h5py.File(folder / "r.h5") as file, h5py.File(folder / "k.h5") as train:
        assert file.attrs["format"] == "tangram regression" and file.attrs["format_version"] == 1
        provenance = file["provenance"].attrs
        assert provenance["kernel_contents"] == train["checksums"].attrs["contents"] and provenance["kernel_file"] == str(folder / "k.h5")
        assert len(provenance["targets_sha256"]) == 64 and "regress" in provenance["command_line"]
        assert (file["samples"][:] == train["samples"][:]).all()
    assert (folder / "k.h5").read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == ["k.h5", "r.h5", "y.h5"]
    run = tangram(*words, ranks=2)
    assert run.code == USAGE and len(run.errors) == 1 and "--overwrite" in run.errors[0], run
