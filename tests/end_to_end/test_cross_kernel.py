"""`tangram kernel --test` computes the kernel of explicit Jacobians, of any shape and reduction, with the same bits on any number of
ranks and in any memory."""

import re

import h5py
import numpy

from cross_job import C, REDUCTIONS, TILE, assert_is_reference, bits, make_job, products
from harness import TOLERANCE, difference, each, kernel, tangram, write_h5, write_safetensors


@each({name: (name,) for name in REDUCTIONS})
def test_every_reduction_is_the_one_of_explicit_jacobians(folder, reduction):
    job = make_job(folder)
    for precision in TOLERANCE:
        with job.kernel(f"{precision}.h5", *REDUCTIONS[reduction], precision=precision) as file:
            assert_is_reference(file, job, reduction, precision)


@each({"more rows": (13, 6), "one test sample": (1, 11), "one training sample": (11, 1), "one of each": (1, 1)})
def test_every_shape_is_the_one_of_explicit_jacobians(folder, M, N):
    """On more ranks than some of them have panels."""
    job = make_job(folder, M, N)
    for reduction, ranks in (("trace", 1), ("full", 3)):
        with job.kernel(f"{reduction}.h5", *REDUCTIONS[reduction], ranks=ranks) as file:
            assert_is_reference(file, job, reduction, "float64")
            assert file["ntk"].shape == ((M, N) if reduction == "trace" else (M * C, N * C))
            assert file.attrs["tile"] == min(TILE, N) and file.attrs["tile_rows"] == min(TILE, M)
            assert file.attrs["product"] == "test x train" and (file.attrs["n_test_samples"], file.attrs["n_samples"]) == (M, N)


@each({"one test sample": (1, 2000), "one training sample": (2000, 1)})
def test_a_right_kernel_passes_where_some_gradients_are_nearly_orthogonal(folder, M, N):
    """Of so many entries that are alone in their column, some all but cancel: float32 rounds them by many times their size."""
    job = make_job(folder, M, N)
    job.tile = 96
    with job.kernel("out.h5", precision="float32") as file:
        test, train = job.rows(job.test), job.rows(job.train)
        smallest = {name: numpy.abs(products(test[name], train[name], "trace")) for name in test}
        assert min(K.min() / K.max() for K in smallest.values()) < 1e-3
        assert file["checks"].attrs["passed"] == 1 and file["checks"].attrs["probe_error"] < 1e-6


@each({"trace": ("trace",), "full": ("full",)})
def test_of_one_set_against_itself_it_is_the_square_kernel(folder, reduction):
    job = make_job(folder, 3, 14)
    square = kernel(job.model, job.at("train"), folder / "square.h5", "--activation", "tanh", "--tile", TILE, *REDUCTIONS[reduction])
    cross = kernel(job.model, job.at("train"), folder / "cross.h5", "--activation", "tanh", "--tile", TILE, "--test", job.at("train"),
                   *REDUCTIONS[reduction])
    with square, cross:
        for name in ("ntk", *(f"components/{name}" for name in square["components"]), "conjugate_kernels/fc3"):
            assert difference(cross[name][:], square[name][:]) < 1e-14, name
        assert (cross["outputs"][:] == cross["test_outputs"][:]).all()
        n = 14
        blocks = square["ntk"][:].reshape(n, -1, n, square["ntk"].shape[1] // n)[range(n), :, range(n), :].reshape(cross["diagonal"].shape)
        assert difference(cross["diagonal"][:], blocks) < 1e-14


@each({"float32": ("float32", [(1, 1), (1, 2), (3, 1), (4, 1)]), "float64": ("float64", [(1, 1), (2, 2), (5, 1)])})
def test_ranks_and_threads_change_no_bit(folder, precision, ways):
    job = make_job(folder, 19, 34)
    for ranks, threads in ways:
        job.kernel(f"{ranks}.{threads}.h5", "--reduction", "full", "--check-samples", 0, precision=precision, ranks=ranks, threads=threads).close()
    first = bits(folder / "1.1.h5")
    for ranks, threads in ways[1:]:
        other = bits(folder / f"{ranks}.{threads}.h5")
        assert other.keys() == first.keys() and all(other[name] == first[name] for name in first), f"{ranks} ranks, {threads} threads"


def megabytes(text, what):
    number, unit = re.search(rf"{what} +([0-9.]+) (kB|MB|GB)", text).groups()
    return float(number) * {"kB": 1e-3, "MB": 1.0, "GB": 1e3}[unit]


def test_less_memory_than_the_features_need_gives_the_same_bits(folder):
    model, data, test = folder / "wide.safetensors", folder / "d.h5", folder / "t.h5"
    for samples, path in ((3400, data), (2100, test)):
        assert tangram("init", "--widths", "16,600,600,1", "--fan-in", "--output", model, "--overwrite", "--samples", samples, "--data", path).code == 0
    command = ["kernel", "--model", model, "--activation", "tanh", "--data", f"{data}:x", "--test", f"{test}:x", "--tile", 50, "--components",
               "none", "--threads", 1, "--check-samples", 0]
    plan = tangram(*command, "--output", folder / "few.h5", "--dry-run", ranks=4).stdout
    assert "all at once" in plan, plan
    room = sum(megabytes(plan, what) for what in ("program and network", "tiles under way")) + 0.75 * megabytes(plan, "features for its tiles")
    room = max(room, sum(megabytes(plan, what) for what in ("program and network", "samples and outputs", "its own features",
                                                            "scratch of the features")) + 3)
    files = []
    for output, limit in (("all.h5", []), ("few.h5", ["--memory", room * 1e6 / 2**30])):
        run = tangram(*command, "--output", folder / output, *limit, ranks=4)
        assert run.code == 0, run
        files.append(h5py.File(folder / output))
    with files[0] as whole, files[1] as few:
        assert few["ntk"][:].tobytes() == whole["ntk"][:].tobytes()
        assert few["timing"].attrs["bytes_received"] > whole["timing"].attrs["bytes_received"]


def test_the_diagonal_of_one_output_has_the_axes_of_full_too(folder):
    tensors = {"fc1.weight": numpy.ones((1, 2)), "fc1.bias": numpy.zeros(1)}
    model = write_safetensors(folder / "m.safetensors", tensors, dtype="F64")
    write_h5(folder / "d.h5", train=numpy.eye(2), test=numpy.array([[3.0, 4.0]]))
    with kernel(model, f"{folder}/d.h5:train", folder / "out.h5", "--test", f"{folder}/d.h5:test", "--reduction", "full") as file:
        assert file["diagonal"][:].tolist() == [[[26.0]]] and file["component_diagonals/fc1.bias"].shape == (1, 1, 1)
