"""`tangram spectrum` against NumPy's LAPACK on the same matrix, on any number of ranks, for kernels well and badly conditioned."""

import shutil

import h5py
import numpy

from bad_input_table import BAD_INPUT, USAGE
from harness import JOBS, each, kernel, tangram, write_h5

DIGITS = (JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x")


def random_kernel(folder, samples, *options, widths="6,9,3", precision="float64", name="k"):
    model, data = folder / "m.safetensors", folder / "d.h5"
    made = tangram("init", "--widths", widths, "--output", model, "--samples", samples, "--data", data, "--fan-in", "--overwrite", ranks=0)
    assert made.code == 0, made
    kernel(model, f"{data}:x", folder / f"{name}.h5", "--activation", "tanh", *options, precision=precision).close()
    return folder / f"{name}.h5"


def spectrum(path, *options, ranks=2, output=None):
    output = output or path.parent / f"{path.stem}.spectrum.h5"
    run = tangram("spectrum", path, "--output", output, "--overwrite", *options, ranks=ranks)
    assert run.code == 0 and not run.errors, run
    return h5py.File(output, "r"), run.stdout


def assert_spectrum(kernel_file, spectra, name, vectors=True):
    A = kernel_file[name][:].astype("f8")
    n, size = len(A), max(numpy.abs(numpy.linalg.eigvalsh(A)).max(), 1e-300)
    group = spectra[f"spectrum/{name}"]
    values = group["eigenvalues"][:]
    assert values.shape == (n,) and (numpy.diff(values) >= 0).all()
    assert numpy.abs(values - numpy.linalg.eigvalsh(A)).max() <= 1e-12 * size, name
    if vectors:
        V = group["eigenvectors"][:]
        assert numpy.abs(A @ V - V * values).max() <= 1e-11 * size, name
        assert numpy.abs(V.T @ V - numpy.eye(n)).max() <= 1e-11, name
        assert 0 <= group.attrs["residual"] < 30 and 0 <= group.attrs["orthogonality"] < 30
    assert group.attrs["trace_error"] < 30
    assert numpy.isclose(group.attrs["trace"], numpy.trace(A), rtol=1e-12)
    assert numpy.isclose(group.attrs["effective_rank"], numpy.trace(A) ** 2 / (A**2).sum(), rtol=1e-9)
    p = numpy.clip(values, 0, None) / numpy.clip(values, 0, None).sum()
    assert numpy.isclose(group.attrs["entropy_rank"], numpy.exp(-(p[p > 0] * numpy.log(p[p > 0])).sum()), rtol=1e-6)
    assert numpy.isclose(group.attrs["largest_stable_step"], 2 / values[-1])
    floor = n * numpy.finfo(kernel_file[name].dtype).eps * values[-1]
    assert numpy.isclose(group.attrs["noise_floor"], floor) and group.attrs["below_noise_floor"] == (values < floor).sum()
    assert dict(group["eigenvalues"].attrs) == dict(group.attrs)


@each({f"{n} samples, {ranks} ranks": (n, ranks) for n, ranks in ((1, 1), (1, 4), (2, 3), (3, 4), (5, 2), (67, 3), (256, 2), (257, 4),
                                                                 (300, 1), (300, 3), (333, 2), (401, 4))})
def test_values_and_vectors_are_those_of_lapack(folder, n, ranks):
    path = random_kernel(folder, n)
    found, printed = spectrum(path, "--of", "all", "--vectors", ranks=ranks)
    with found, h5py.File(path) as file:
        for name in ["ntk", *(f"components/{tensor}" for tensor in file["components"]), "conjugate_kernels/fc2"]:
            assert_spectrum(file, found, name)
            assert name in printed


@each({"float32": ("float32",), "float64": ("float64",)})
def test_the_digits_and_the_notebook(folder, precision):
    kernel(*DIGITS, folder / "digits.h5", "--activation", "tanh", "--conjugate-kernels", "none", precision=precision, ranks=2).close()
    found, printed = spectrum(folder / "digits.h5")
    with found, h5py.File(folder / "digits.h5") as file:
        assert_spectrum(file, found, "ntk", vectors=False)
        assert "eigenvectors" not in found["spectrum/ntk"]
        noisy = found["spectrum/ntk"].attrs["below_noise_floor"] > 0
        assert noisy == (precision == "float32") == ("made of rounding" in printed) == bool(found["spectrum/ntk"].attrs["condition_number_is_noise"])
    notebook = JOBS / "notebook"
    kernel(notebook / "notebook_with_bias.safetensors", f"{notebook}/samples.h5:x", folder / "n.h5", "--activation", "identity",
           precision=precision).close()
    found, printed = spectrum(folder / "n.h5", "--vectors", ranks=3)
    with found, h5py.File(folder / "n.h5") as file:
        assert_spectrum(file, found, "ntk")


@each({"1 rank": (1,), "3 ranks": (3,)})
def test_badly_conditioned_kernels(folder, ranks):
    """Every sample three times; the component of the last bias, of rank 1."""
    path = random_kernel(folder, 120)
    write_h5(folder / "rows.h5", i=numpy.repeat(numpy.arange(120), 3))
    kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "thrice.h5", "--activation", "tanh", "--indices",
           f"{folder}/rows.h5:i", "--check-tolerance", "1e-8").close()
    found, printed = spectrum(folder / "thrice.h5", "--vectors", "--of", "ntk,components/fc2.bias", ranks=ranks)
    with found, h5py.File(folder / "thrice.h5") as file:
        for name in ("ntk", "components/fc2.bias"):
            assert_spectrum(file, found, name)
        assert found["spectrum/ntk"].attrs["below_noise_floor"] >= 200 and found["spectrum/ntk"].attrs["condition_number_is_noise"] == 1
        assert "*" in printed


@each({f"{ranks} ranks": (ranks,) for ranks in (1, 2, 4)})
def test_only_the_largest(folder, ranks):
    path = random_kernel(folder, 300)
    found, _ = spectrum(path, "--top", 5, ranks=ranks)
    with found, h5py.File(path) as file:
        V, values = found["spectrum/ntk/eigenvectors"][:], found["spectrum/ntk/eigenvalues"][:]
        assert V.shape == (300, 5) and values.shape == (300,)
        assert numpy.abs(file["ntk"][:] @ V - V * values[-5:]).max() <= 1e-11 * values[-1]


def test_the_kernel_file_is_not_touched_and_is_named(folder):
    path = random_kernel(folder, 20)
    before = path.read_bytes()
    run = tangram("spectrum", path, ranks=2)
    assert run.code == 0 and path.read_bytes() == before
    with h5py.File(folder / "k.spectrum.h5") as found:
        assert found.attrs["format"] == "tangram spectrum" and found.attrs["status"] == "complete"
        provenance = found["provenance"].attrs
        with h5py.File(path) as file:
            assert provenance["kernel_file"] == str(path) and provenance["kernel_date"] == file.attrs["date"]
            assert provenance["kernel_contents"] == file["checksums"].attrs["contents"]
        assert "spectrum" in provenance["command_line"]
    assert sorted(p.name for p in folder.iterdir()) == ["d.h5", "k.h5", "k.spectrum.h5", "m.safetensors"]
    run = tangram("spectrum", path, ranks=2)
    assert run.code == USAGE and len(run.errors) == 1 and "--overwrite" in run.errors[0], run


def spoil_nan(path):
    with h5py.File(path, "r+") as file:
        part = file["ntk"]
        part[3, 7] = numpy.nan


@each({f"{label}, {ranks} ranks": (*row, ranks) for ranks in (1, 4) for label, row in {
    "a matrix that is not there": (["--of", "components/fc9.weight"], None, USAGE, "fc9.weight"),
    "both values and vectors": (["--values", "--vectors"], None, USAGE, "--v"),
    "none of the largest": (["--top", "0"], None, USAGE, "--top"),
    "onto the kernel": (["--output", "k.h5"], None, USAGE, "k.h5"),
    "a NaN": ([], spoil_nan, BAD_INPUT, "row 3, column 7")}.items()})
def test_what_cannot_be_done_is_refused(folder, options, spoil, code, word, ranks):
    path = random_kernel(folder, 20)
    if spoil:
        spoil(path)
    options = [folder / option if option == "k.h5" else option for option in options]
    run = tangram("spectrum", path, "--overwrite", *options, ranks=ranks)
    assert run.code == code and len(run.errors) == 1 and word in run.errors[0], run
    assert not list(folder.glob("*.spectrum.h5*")), "a spectrum was left behind"


def test_a_file_of_spectra_is_no_kernel(folder):
    path = random_kernel(folder, 20)
    spectrum(path)[0].close()
    run = tangram("verify", folder / "k.spectrum.h5")
    assert run.code == BAD_INPUT and "not a kernel file" in run.errors[0], run
