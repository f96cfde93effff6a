"""`tangram spectrum` against NumPy's LAPACK on the same matrix, on any number of ranks, for kernels well and badly conditioned."""

import shutil

import h5py
import numpy

from bad_input_table import BAD_INPUT, USAGE
from harness import JOBS, each, kernel, once, tangram, write_h5

CHECK_FAILED = 5
DIGITS = (JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x")


@once
def network_and_kernel(folder, samples, widths, precision, options):
    model, data = folder / "m.safetensors", folder / "d.h5"
    made = tangram("init", "--widths", widths, "--output", model, "--samples", samples, "--data", data, "--fan-in")
    assert made.code == 0, made
    activation = [] if "--activation" in options else ["--activation", "tanh"]
    kernel(model, f"{data}:x", folder / "k.h5", *activation, *options, precision=precision).close()
    return folder


def random_kernel(folder, samples, *options, widths="6,9,3", precision="float64"):
    """k.h5, with m.safetensors and d.h5 beside it."""
    for path in network_and_kernel(samples, widths, precision, options).iterdir():
        shutil.copy(path, folder)
    return folder / "k.h5"


def spectrum(path, *options, ranks=2, output=None):
    output = output or path.parent / f"{path.stem}.spectrum.h5"
    run = tangram("spectrum", path, "--output", output, "--overwrite", *options, ranks=ranks)
    assert run.code == 0 and not run.errors, run
    return h5py.File(output, "r"), run.stdout


def assert_spectrum(kernel_file, spectra, name, vectors=True):
    A = kernel_file[name][:].astype("f8")
    expected = numpy.linalg.eigvalsh(A)
    n, size = len(A), max(numpy.abs(expected).max(), 1e-300)
    group = spectra[f"spectrum/{name}"]
    values = group["eigenvalues"][:]
    assert values.shape == (n,) and (numpy.diff(values) >= 0).all()
    assert numpy.abs(values - expected).max() <= 1e-12 * size, name
    if vectors:
        V = group["eigenvectors"][:]
        assert numpy.abs(A @ V - V * values).max() <= 1e-11 * size, name
        assert numpy.abs(V.T @ V - numpy.eye(n)).max() <= 1e-11, name
        assert 0 <= group.attrs["residual"] < 30 and 0 <= group.attrs["orthogonality"] < 30
    assert max(group.attrs[key] for key in ("trace_error", "trace_of_square_error", "power_iteration_error")) < 30
    assert numpy.isclose(group.attrs["trace"], numpy.trace(A), rtol=1e-12)
    assert numpy.isclose(group.attrs["effective_rank"], numpy.trace(A) ** 2 / (A**2).sum(), rtol=1e-9)
    p = numpy.clip(values, 0, None) / numpy.clip(values, 0, None).sum()
    assert numpy.isclose(group.attrs["entropy_rank"], numpy.exp(-(p[p > 0] * numpy.log(p[p > 0])).sum()), rtol=1e-6)
    assert numpy.isclose(group.attrs["stable_rank"], numpy.trace(A) / values[-1], rtol=1e-9)
    eps = numpy.finfo(kernel_file[name].dtype).eps
    noise = eps * numpy.linalg.norm(A)
    assert numpy.isclose(group.attrs["storage_noise"], noise) and numpy.isclose(group.attrs["noise_floor_worst_case"], n * eps * values[-1])
    assert group.attrs["below_noise_floor"] == (values < noise).sum()
    of_group = {key: value for key, value in group.attrs.items() if key != "place"}
    assert str(dict(group["eigenvalues"].attrs)) == str(of_group)  # a NaN is not equal to itself


@each({f"{n} samples, {ranks} ranks": (n, ranks) for n, ranks in ((1, 1), (1, 4), (2, 3), (3, 4), (5, 2), (67, 3), (256, 2), (257, 4),
                                                                 (300, 1), (333, 2), (401, 3))})
def test_values_and_vectors_are_those_of_lapack(folder, n, ranks):
    """Of all matrices; where many ranks share large ones, of two."""
    path = random_kernel(folder, n)
    of = "all" if n < 256 or ranks < 3 else "ntk,components/fc1.weight"
    found, printed = spectrum(path, "--of", of, "--vectors", ranks=ranks)
    with found, h5py.File(path) as file:
        for name in ["ntk", *(f"components/{tensor}" for tensor in file["components"]), "conjugate_kernels/fc2"] if of == "all" else of.split(","):
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


SIZES = [1.7e157, 1e300, 1e-155, 1.7e-159, 1.7e-169, 1e-305]


def put(path, name, A):
    with h5py.File(path, "r+") as file:
        file[name][...] = A


@each({f"{n} rows, {ranks} ranks, {size:g}": (n, ranks, size)
       for n, ranks in ((40, 1), (300, 1), (300, 3)) for size in (SIZES if ranks != 1 else SIZES[::2])})
def test_entries_of_any_size_have_the_spectrum_of_the_matrix_times_a_number(folder, n, ranks, size):
    """A full matrix, and one of rank 1; `size` is that of the largest entry."""
    path, random = random_kernel(folder, n), numpy.random.default_rng(1)
    factors = {"ntk": random.standard_normal((n, n)), "components/fc1.weight": random.standard_normal((n, 1))}
    scaled = {name: factor @ factor.T / numpy.abs(factor @ factor.T).max() for name, factor in factors.items()}
    scaled = {name: (A + A.T) / 2 for name, A in scaled.items()}
    for name, A in scaled.items():
        put(path, name, A * size)
    for vectors in ([], ["--vectors"]):
        found, printed = spectrum(path, "--of", ",".join(scaled), *vectors, ranks=ranks)
        with found:
            for name, A in scaled.items():
                group, expected = found[f"spectrum/{name}"], numpy.linalg.eigvalsh(A)
                assert numpy.abs(group["eigenvalues"][:] / size - expected).max() <= 1e-12 * expected[-1], (name, size)
                assert numpy.isclose(group.attrs["effective_rank"], numpy.trace(A) ** 2 / (A**2).sum(), rtol=1e-9)
                assert numpy.isclose(group.attrs["storage_noise"] / size, 2.0**-52 * numpy.linalg.norm(A))
                assert numpy.isclose(group.attrs["trace"] / size, numpy.trace(A))
                if vectors:
                    V = group["eigenvectors"][:]
                    assert numpy.abs(A @ V - V * (group["eigenvalues"][:] / size)).max() <= 1e-11 * expected[-1]


def test_components_that_all_but_vanish_have_right_spectra(folder):
    """45 tanh layers of width 6 with small weights: components of 1e-160 to 1e-146."""
    model, data = folder / "m.safetensors", folder / "d.h5"
    tangram("init", "--widths", ",".join(["6"] * 46), "--std", 0.01, "--output", model, "--samples", 260, "--data", data)
    kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh", "--conjugate-kernels", "none", "--check-samples", 0).close()
    names = ["fc1.weight", "fc1.bias", "fc2.weight", "fc23.bias", "fc45.weight"]
    found, _ = spectrum(folder / "k.h5", "--of", ",".join(f"components/{name}" for name in names))
    with found, h5py.File(folder / "k.h5") as file:
        sizes = []
        for name in names:
            A = file["components"][name][:]
            size = numpy.abs(A).max()
            sizes.append(size)
            expected = numpy.linalg.eigvalsh(A / size)
            assert numpy.abs(found[f"spectrum/components/{name}/eigenvalues"][:] / size - expected).max() <= 1e-12 * expected[-1], name
        assert 0 < min(sizes) < 1e-140, sizes


@each({f"{n} rows, {ranks} ranks": (n, ranks) for n in (40, 300) for ranks in (1, 3)})
def test_wrong_eigenvalues_are_no_success(folder, n, ranks):
    """A solver reads one triangle; of an asymmetric matrix that is not enough, which only the checks of the values show."""
    path = random_kernel(folder, n)
    with h5py.File(path, "r+") as file:
        A = file["ntk"][:]
        A[5, 17] += A.max()
        file["ntk"][...] = A
    for options in ([], ["--vectors"]):
        run = tangram("spectrum", path, *options, ranks=ranks)
        assert run.code == CHECK_FAILED and len(run.errors) == 1 and "/ntk" in run.errors[0] and "verify" in run.errors[0], run
        assert not list(folder.glob("*.spectrum.h5*")), "a spectrum was left behind"


def test_eigenvalues_beyond_float64_are_refused(folder):
    path = random_kernel(folder, 30)
    put(path, "ntk", numpy.full((30, 30), 1.5e308))
    run = tangram("spectrum", path, ranks=2)
    assert run.code == BAD_INPUT and len(run.errors) == 1 and "too large for float64" in run.errors[0], run


@each({"full": (["--reduction", "full"], "ntk", True), "one of three": (["--logit", 1], "ntk", True), "trace": ([], "ntk", False),
       "mean": (["--reduction", "mean"], "ntk", False), "conjugate": ([], "conjugate_kernels/fc2", False),
       "J^T J": (["--space", "params"], "parameter_gram", True)})
def test_the_largest_stable_step_is_given_where_the_matrix_decides_it(folder, options, name, given):
    path = random_kernel(folder, 20, *options)
    found, printed = spectrum(path, "--of", name)
    with found:
        group = found[f"spectrum/{name}"]
        step, largest = group.attrs["largest_stable_step"], group["eigenvalues"][-1]
        assert numpy.isclose(step, 2 / largest) if given else numpy.isnan(step), (step, largest)
        assert ("no stable step" in printed) == (not given)


def test_the_table_has_the_networks_order(folder):
    path = random_kernel(folder, 20, widths="6,5,4,3")
    found, printed = spectrum(path, "--of", "all")
    found.close()
    table = [line.split()[0] for line in printed.split("\n\n")[0].splitlines()[1:]]
    tensors = [name for name in table if name.startswith("components/")]
    assert table[0] == "ntk", table
    assert tensors == [f"components/fc{k}.{kind}" for k in (1, 2, 3) for kind in ("weight", "bias")], tensors


NOISY = {f"{activation} {widths}": (activation, widths, samples) for activation, widths, samples in (
    ("relu", "20,64,64,1", 400), ("relu", "5,128,1", 300), ("tanh", "20,64,64,1", 400), ("tanh", "6,30,30,30,3", 200),
    ("gelu", "12,50,50,2", 250), ("erf", "8,40,1", 300), ("sigmoid", "10,60,60,1", 300), ("elu", "7,20,20,20,20,1", 200),
    ("identity", "30,40,1", 200), ("silu", "16,80,4", 300))}


@each(NOISY)
def test_storage_noise_is_what_float32_moves_eigenvalues_by(folder, activation, widths, samples):
    path = random_kernel(folder, samples, "--activation", activation, widths=widths, precision="float32")
    found, _ = spectrum(path)
    with found:
        noise = found["spectrum/ntk"].attrs["storage_noise"]
    with h5py.File(path) as single, kernel(folder / "m.safetensors", f"{folder}/d.h5:x", folder / "double.h5", "--activation", activation) as double:
        moved = numpy.linalg.norm(single["ntk"][:].astype("f8") - double["ntk"][:], 2)
    assert noise / 100 <= moved <= noise, (moved, noise)


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


def expected_targets(K, T, Y, unit):
    """Projections and alignments by NumPy: T what is projected, Y what is aligned, (N, C) each; K has `unit` rows a sample."""
    n, N = len(K), len(Y)
    columns = [X.reshape(n, -1) for X in (T, Y, Y - Y.mean(axis=0))]
    H = numpy.kron(numpy.eye(N) - 1 / N, numpy.eye(unit))
    values, V = numpy.linalg.eigh(K)
    aligned = [numpy.trace(A @ X @ X.T) / numpy.linalg.norm(A) / numpy.linalg.norm(X @ X.T) for A, X in ((K, columns[1]), (H @ K @ H, columns[2]))]
    return values, V.T @ columns[0], *aligned


@each({f"{label}, {ranks} ranks": (options, more, kind, ranks) for ranks in (1, 3) for label, (options, more, kind) in {
    "labels": ([], [], "labels"), "less the outputs": ([], ["--prior", "outputs"], "labels"), "numbers as they are": ([], ["--targets-plain"], "numbers"),
    "full": (["--reduction", "full"], [], "labels")}.items()})
def test_targets_are_projected_on_the_eigenvectors(folder, options, more, kind, ranks):
    n = 97 if options else 290
    path = random_kernel(folder, n, *options)
    y = numpy.arange(n) * 7 // 4 % 3
    numbers = numpy.sin(numpy.arange(3.0 * n)).reshape(n, 3)
    write_h5(folder / "y.h5", y=y if kind == "labels" else numbers)
    found, printed = spectrum(path, "--of", "all", "--targets", f"{folder}/y.h5:y", *more, ranks=ranks)
    with found, h5py.File(path) as file:
        aligned = numpy.eye(3)[y] if kind == "labels" else numbers
        Y = aligned - 1 / 3 if kind == "labels" else numbers
        T = Y if "--targets-plain" in more else Y - (file["outputs"][:] if more else Y.mean(axis=0))
        for name in ["ntk", *(f"components/{tensor}" for tensor in file["components"]), "conjugate_kernels/fc2"]:
            K = file[name][:]
            values, P, alignment, centred = expected_targets(K, T, aligned, len(K) // n)
            group = found[f"spectrum/{name}"]
            power = (group["projections"][:] ** 2)
            assert group["projections"].shape == P.shape and "eigenvectors" not in group
            assert numpy.allclose(power.sum(axis=0), (P**2).sum(axis=0))
            simple = numpy.r_[True, numpy.diff(values) > 1e-7 * values[-1]] & numpy.r_[numpy.diff(values) > 1e-7 * values[-1], True]
            assert (numpy.abs(numpy.abs(group["projections"][:]) - numpy.abs(P))[simple] < 1e-6).all(), name
            cumulative = numpy.cumsum(power[::-1], axis=0)[::-1] / power.sum(axis=0)
            assert numpy.allclose(group["cumulative_power"][:], cumulative, atol=1e-10)
            for part, attribute in ((0.9, "needed_for_90"), (0.99, "needed_for_99")):
                needed = [(cumulative[::-1, c] < part).sum() + 1 for c in range(P.shape[1])]
                assert (numpy.atleast_1d(group.attrs[attribute]) == needed).all(), (name, part)
            assert numpy.isclose(group.attrs["alignment"], alignment, rtol=1e-8), (name, group.attrs["alignment"], alignment)
            assert numpy.isclose(group.attrs["centred_alignment"], centred, rtol=1e-5, atol=1e-9, equal_nan=True) or "bias" in name, name
            k = 25
            ridge = group["gcv_ridge"][k]
            inverse = 1 / (values + ridge)
            gcv = ((inverse[:, None] * P) ** 2).sum() / len(K) / inverse.mean() ** 2
            assert numpy.isclose(group["gcv"][k], gcv, rtol=1e-6)
        assert "alignment" in printed and found.attrs["targets"] == f"{folder}/y.h5:y"


def spoil_nan(path):
    with h5py.File(path, "r+") as file:
        part = file["ntk"]
        part[3, 7] = numpy.nan


@each({f"{label}, {ranks} ranks": (*row, ranks) for ranks in (1, 4) for label, row in {
    "a matrix that is not there": (["--of", "components/fc9.weight"], None, USAGE, "fc9.weight"),
    "both values and vectors": (["--values", "--vectors"], None, USAGE, "--v"),
    "none of the largest": (["--top", "0"], None, USAGE, "--top"),
    "more than there are": (["--top", "21"], None, USAGE, "there are 20"),
    "onto the kernel": (["--output", "k.h5"], None, USAGE, "k.h5"),
    "a prior of no targets": (["--prior", "outputs"], None, USAGE, "--targets"),
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
