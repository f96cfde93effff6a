"""What `tangram regress` and `tangram spectrum` say before they begin of matrices that are too large, and what many columns take."""

import re
import shutil

import h5py
import numpy

from bad_input_table import NO_RESOURCES
from harness import Skip, each, once, tangram, write_h5
from regress_job import assert_ridge, close, run_regress, small
from regress_oracle import regress

TILE = 4096


@once
def huge(folder, n):
    """A kernel file of n samples and their labels: a small one whose datasets were made anew, so large, with a place in the file and
    never written: a hole, where zeros are read."""
    in_place = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    in_place.set_chunk((TILE, TILE))
    in_place.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    in_place.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    shutil.copy(small("4,6,1", ("--components", "none")) / "k.h5", folder / "k.h5")
    panels = -(-n // TILE)
    with h5py.File(folder / "k.h5", "r+") as file:
        for name, size in {"n_samples": n, "tile": TILE}.items():
            file.attrs.modify(name, size)
        for group in ("sample_hashes", "conjugate_kernels", "checksums/conjugate_kernels"):
            if group in file:
                del file[group]
        sizes = {"ntk": (n, n), "checksums/ntk": (panels, panels), "outputs": (n, 1), "samples": (n,)}
        for name, shape in sizes.items():
            kind = file[name].dtype
            del file[name]
            if name == "ntk":
                h5py.h5d.create(file.id, b"ntk", h5py.h5t.py_create(kind), h5py.h5s.create_simple(shape), in_place)
            else:
                file[name] = numpy.zeros(shape, kind)
    write_h5(folder / "y.h5", y=numpy.arange(n) % 2)
    if (folder / "k.h5").stat().st_blocks * 512 > 1 << 26:
        raise Skip("this file system keeps no holes")
    return folder


@each({"n = 47000, 1 rank": (47000, 1, 2), "n = 70000, 2 ranks": (70000, 2, 3)})
def test_matrices_that_32_bits_do_not_count_are_refused_with_the_ranks_that_would_do(folder, n, ranks, needed):
    base = huge(n)
    words = ["regress", base / "k.h5", "--targets", f"{base}/y.h5:y", "--output", folder / "r.h5", "--ridge"]
    for command in ([*words, "1"], [*words, "1", "--dry-run"], [*words, "auto"], ["spectrum", base / "k.h5", "--output", folder / "s.h5"]):
        run = tangram(*command, ranks=ranks)
        assert run.code == NO_RESOURCES and len(run.errors) == 1, run
        assert f"{n} x {n}" in run.errors[0] and f"use {needed} ranks or more" in run.errors[0], run
    run = tangram(*words, "1", "--dry-run", ranks=needed)
    assert run.code == 0 and f"{needed} of {needed} hold the matrix" in run.stdout, run
    planned = float(re.search(r"memory +([0-9.]+) GiB", run.stdout).group(1))
    share = 8 * n * n / needed / 2**30
    assert share <= planned <= 1.1 * share, (planned, share)
    assert not list(folder.iterdir())


@each({f"{solver}, {ranks} ranks": (solver, ranks) for solver, ranks in (("cholesky", 1), ("eigen", 3))})
def test_of_many_columns_some_are_really_left_out(folder, solver, ranks):
    base = small("4,6,1", ())
    Y = numpy.random.default_rng(2).normal(size=(30, 200))
    write_h5(folder / "y.h5", y=Y)
    file, _ = run_regress(folder, base / "k.h5", "--targets", f"{folder}/y.h5:y", "--prior", "none", "--ridge", "0.1m", "--solver", solver, ranks=ranks)
    with file, h5py.File(base / "k.h5") as train:
        K = train["ntk"][:]
        assert_ridge(file, 0, regress(K, Y, 0 * Y, 0.1 * numpy.trace(K) / 30), Y=Y)
        predicted, samples = file["checks/left_out_predictions"][:], file["checks/left_out"][:]
        solved = ~numpy.isnan(predicted).any(axis=0)
        assert solved.sum() == 64 and solved[0] and solved[-1] and numpy.isnan(predicted[:, ~solved]).all()
        assert numpy.allclose(predicted[:, solved], file["regression/leave_one_out_predictions"][0][samples][:, solved], rtol=1e-9)


@each({f"{size:g}": (size,) for size in (1e-300, 1e300)})
def test_targets_of_any_size_have_their_predictions(folder, size):
    base = small("4,6,1", ())
    Y = numpy.random.default_rng(2).normal(size=(30, 2))
    write_h5(folder / "y.h5", y=Y * size)
    file, _ = run_regress(folder, base / "k.h5", "--targets", f"{folder}/y.h5:y", "--prior", "none", "--ridge", "0.1m", ranks=1)
    with file, h5py.File(base / "k.h5") as train:
        expected = regress(train["ntk"][:], Y, 0 * Y, 0.1 * numpy.trace(train["ntk"][:]) / 30)
        for name, key in {"train_predictions": "train", "leave_one_out_predictions": "left_out"}.items():
            close(file[f"regression/{name}"][0] / size, expected[key], name)
