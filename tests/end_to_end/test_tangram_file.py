"""jobs/tangram_file.py reads what plain h5py reads, of files of all kinds, and only what it is asked for."""

import subprocess
import sys

import h5py
import numpy

from digits_kernel import DIGITS, MODEL
from harness import DATA, JOBS, each, kernel, need, once, tangram

sys.path.insert(0, str(JOBS))
from tangram_file import KernelFile, Refusal, open_kernel  # noqa: E402

COUNT, TEST = 30, 17
CROSS = ["--test", f"{DIGITS}:x", "--test-rows", f"100:{100 + TEST}"]
KINDS = {"square": [], "lower": ["--store", "lower"], "cross": [*CROSS, "--test-labels", f"{DIGITS}:y"], "full": ["--reduction", "full"],
         "lower, full": ["--store", "lower", "--reduction", "full"], "cross, full": [*CROSS, "--reduction", "full"]}


@once
def made(folder, kind):
    """The path of a kernel file of this kind, several tiles."""
    with kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", "--activation", "tanh", "--tile", 7, "--rows", f"0:{COUNT}", "--labels", f"{DIGITS}:y",
                "--conjugate-kernels", "all", *KINDS[kind], precision="float32") as file:
        return file.filename


def whole(file, path):
    """A matrix by plain h5py; of half of it the other half from across."""
    values = file[path][:]
    return numpy.tril(values) + numpy.tril(values, -1).T if file.attrs.get("store") == "lower" else values


INDICES = {"all": slice(None), "a number": 3, "from the end": -2, "a run": slice(4, 19), "steps": slice(1, None, 3), "backwards": slice(9, 2, -1),
           "scattered, twice": [11, 2, 2, -1, 5], "none": [], "truth": None}


@each({kind: (kind,) for kind in KINDS})
def test_blocks_are_those_of_h5py(folder, kind):
    path = made(kind)
    with open_kernel(path) as file, h5py.File(path) as plain:
        for name, matrix in {"ntk": file.kernel, "components/2.weight": file.components["2.weight"]}.items():
            right = whole(plain, name)
            assert matrix.shape == right.shape and matrix.dtype == right.dtype and len(matrix) == len(right)
            assert (numpy.asarray(matrix) == right).all() and (matrix[:] == right).all() and (matrix[5] == right[5]).all()
            for rows in INDICES.values():
                for columns in INDICES.values():
                    i, j = (numpy.arange(length) % 3 == 1 if index is None else index for index, length in zip((rows, columns), right.shape))
                    block, expected = matrix[i, j], right[i][..., j]
                    assert numpy.shape(block) == expected.shape and (block == expected).all(), (name, rows, columns)
        expected = [whole(plain, f"components/{name}") for name in file.components]
        assert abs(sum(expected).astype("f8") - whole(plain, "ntk")).max() <= 1e-5 * abs(whole(plain, "ntk")).max()


def test_components_and_conjugate_kernels_are_in_the_networks_order(folder):
    with open_kernel(made("square")) as file, h5py.File(made("square")) as plain:
        assert list(file.components) == plain["checks/component"].asstr()[:].tolist() == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
        assert list(file.conjugate_kernels) == ["0", "2", "4"]
        assert (file.conjugate_kernels["4"][:] == plain["conjugate_kernels/4"][:]).all()


@each({kind: (kind,) for kind in KINDS})
def test_diagonals_are_those_of_the_kernels(folder, kind):
    with open_kernel(made(kind)) as file, h5py.File(made(kind)) as plain:
        for name, path in {"ntk": "ntk", "0.bias": "components/0.bias"}.items():
            if kind.startswith("cross"):
                own = plain["diagonal" if name == "ntk" else "component_diagonals/0.bias"][:]
                right = own if own.ndim == 1 else numpy.array([own[i, c, c] for i in range(TEST) for c in range(10)])
            else:
                right = plain[path][:].diagonal()
            assert file.diagonal(name).dtype == "f8" and (file.diagonal(name) == right).all()


@each({"square": ("square",), "lower": ("lower",), "cross": ("cross",), "full": ("full",)})
def test_a_block_by_labels(folder, kind):
    with open_kernel(made(kind)) as file, h5py.File(made(kind)) as plain:
        times = 10 if kind == "full" else 1
        columns = numpy.repeat(plain["labels"][:], times)
        rows = plain["test_labels"][:] if kind == "cross" else columns
        for name, path in {"ntk": "ntk", "4.weight": "components/4.weight"}.items():
            right = whole(plain, path)
            assert (file.block(3, 8, of=name) == right[rows == 3][:, columns == 8]).all() and file.block(3, 8).size
            assert (file.block(5, of=name) == right[rows == 5][:, columns == 5]).all()


def test_a_kernel_for_scikit_learn(folder):
    with open_kernel(made("square")) as train, open_kernel(made("cross")) as cross, open_kernel(made("full")) as full:
        K, k = train.precomputed(), cross.precomputed(train)
        assert K.dtype == k.dtype == "f8" and K.shape == (COUNT, COUNT) and k.shape == (TEST, COUNT)
        assert (K == train.hdf5["ntk"][:]).all() and (k == cross.hdf5["ntk"][:]).all()
        assert (train.precomputed(of="0.bias") == train.hdf5["components/0.bias"][:]).all()
        assert_refused(lambda: full.precomputed(), "10 rows a sample")
        machine = need("sklearn.svm").svm.SVC(kernel="precomputed").fit(K, train.labels)
        other = need("sklearn.svm").svm.SVC(kernel="precomputed").fit(train.hdf5["ntk"][:].astype("f8"), train.hdf5["labels"][:])
        assert (machine.predict(k) == other.predict(cross.hdf5["ntk"][:].astype("f8"))).all()
    with kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", "--activation", "tanh", "--rows", f"1:{COUNT + 1}", "--check-samples", 0) as moved:
        with open_kernel(made("cross")) as cross:
            assert_refused(lambda: cross.precomputed(KernelFile(moved)), "other samples")


@each({"square": ("square",), "lower": ("lower",), "cross": ("cross",), "full": ("full",)})
def test_an_array_of_xarray_has_samples_and_labels(folder, kind):
    need("xarray")
    with open_kernel(made(kind)) as file, h5py.File(made(kind)) as plain:
        array = file.to_xarray("2.bias", rows=slice(2, 9), columns=[1, 4])
        right, times = whole(plain, "components/2.bias"), 10 if kind == "full" else 1
        rows = ("test_samples", "test_labels") if kind == "cross" else ("samples", "labels")
        assert array.dims == ("row", "column") and (array.values == right[2:9][:, [1, 4]]).all() and array.name == "2.bias"
        for axis, (samples, labels), index in (("row", rows, slice(2, 9)), ("column", ("samples", "labels"), [1, 4])):
            assert (array[axis].values == numpy.repeat(plain[samples][:], times)[index]).all()
            assert (array[f"{axis}_label"].values == numpy.repeat(plain[labels][:], times)[index]).all()
        if kind == "square":
            assert file.to_xarray().sel(row=7, column=3).item() == plain["ntk"][7, 3]


@each({"whole": ([],), "lower": (["--store", "lower"],)})
def test_parameters_go_together_by_tensor(folder, options):
    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", "5,7,3", "--output", model, "--samples", 20, "--data", data).code == 0
    kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh", "--space", "params", "--tile", 10, *options).close()
    with open_kernel(folder / "k.h5") as file, h5py.File(folder / "k.h5") as plain:
        G, blocks = whole(plain, "parameter_gram"), file.parameter_blocks
        assert list(blocks) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] and blocks["fc1.bias"] == slice(35, 42)
        assert (file.parameter_gram[:] == G).all() and (file.parameter_gram[blocks["fc1.bias"], blocks["fc2.weight"]] == G[35:42, 42:63]).all()
        assert (file.parameter_gram.diagonal() == G.diagonal()).all()
        assert_refused(lambda: file.kernel, "no ntk")


def test_files_of_the_first_version_open(folder):
    paths = sorted((DATA / "written_by_0.1.0").glob("*.h5"))
    read = 0
    for path in paths:
        with h5py.File(path) as plain:
            if plain.attrs.get("format") != "tangram" or "ntk" not in plain:
                continue
            with open_kernel(path) as file:
                assert (file.kernel[:] == plain["ntk"][:]).all()
                assert {matrix.name for matrix in file.components.values()} == set(plain.get("components", {}))
                read += 1
    assert read, paths


def test_only_what_is_asked_for_is_read(folder):
    def read():
        with open("/proc/self/io") as counts:
            return int(next(line for line in counts if line.startswith("rchar")).split()[1])

    model, data = folder / "m.safetensors", folder / "d.h5"
    assert tangram("init", "--widths", "5,8,1", "--output", model, "--samples", 2000, "--data", data).code == 0
    kernel(model, f"{data}:x", folder / "k.h5", "--activation", "tanh", "--check-samples", 0, precision="float32").close()
    with open_kernel(folder / "k.h5") as file:
        parts, before = file.components, read()
        block = parts["fc1.weight"][:100, 200:300]
        assert block.shape == (100, 100) and read() - before < 3 * block.nbytes + 20000, read() - before


# ---- refusals


def assert_refused(ask, says):
    try:
        ask()
    except Refusal as refusal:
        assert says in str(refusal), refusal
    else:
        raise AssertionError(f"not refused: {says}")


def test_what_cannot_be_read_is_refused_with_what_to_do(folder):
    (folder / "text.h5").write_text("no HDF5")
    with h5py.File(folder / "other.h5", "w") as file:
        file["ntk"] = numpy.eye(3)
    kernel(MODEL, f"{DIGITS}:x", folder / "none.h5", "--activation", "tanh", "--rows", "0:9", "--store", "none").close()
    for name, says in {"absent.h5": "cannot open", "text.h5": "not an HDF5 file", "other.h5": "not a finished file", "none.h5": "without --store none"}.items():
        assert_refused(lambda: open_kernel(folder / name), says)
    with kernel(MODEL, f"{DIGITS}:x", folder / "k.h5", "--activation", "tanh", "--rows", "0:9", "--check-samples", 0) as plain:
        file = KernelFile(plain)
        assert_refused(lambda: file.block(3), "with --labels")
        assert_refused(lambda: file.diagonal("5.weight"), "there are 0.weight")
        for index in (9, -10, [0, 9], 1.5, numpy.ones(8, bool), (0, 0, 0)):
            try:
                file.kernel[index]
            except IndexError:
                continue
            raise AssertionError(f"{index} is no index of 9 rows")
    with open_kernel(made("square")) as file:
        assert_refused(lambda: file.block(11), "no sample with label 11")


def test_its_summary_says_what_was_computed_and_how_it_was_checked(folder):
    done = subprocess.run([sys.executable, JOBS / "tangram_file.py", made("square")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for word in ("kernel 30 x 30, trace over 10 outputs, float32", "digits_mlp.safetensors", "26,122 parameters", "4.bias", "passed, by explicit Jacobians of 16"):
        assert word in done.stdout, (word, done.stdout)
    wrong = subprocess.run([sys.executable, JOBS / "tangram_file.py", folder / "absent.h5"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and wrong.stderr.startswith("tangram_file: error: cannot open"), wrong
