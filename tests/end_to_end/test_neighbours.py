"""--top-neighbours: the largest and smallest entries of each row, by NumPy's sorting of the stored kernel; on any ranks, after a stop, for
test samples; and what is refused."""

import h5py
import numpy

from harness import JOBS, each, tangram, write_h5, write_safetensors
from scripts import script

USAGE, BAD_INPUT, STOPPED = 2, 3, 75
random = numpy.random.default_rng
NAMES = ("largest", "largest_columns", "smallest", "smallest_columns")


def best(K, count, own_rows, sign):
    """(values, columns) (rows, count) of the stored numbers, of equal ones the smaller column first."""
    K = sign * K.astype("f8")
    if own_rows:
        units = numpy.arange(len(K)) // own_rows
        K = numpy.where(units[:, None] == units[None, :], -numpy.inf, K)
    columns = numpy.argsort(-K, axis=1, kind="stable")[:, :count]
    return sign * numpy.take_along_axis(K, columns, 1), columns


def assert_neighbours(file, count, own_rows):
    K, group = file["ntk"][:], file["neighbours"]
    for name, sign in (("largest", 1), ("smallest", -1)):
        values, columns = best(K, count, own_rows, sign)
        assert group[name].shape == columns.shape and group[f"{name}_columns"].dtype == "i8"
        assert (group[f"{name}_columns"][:] == columns).all(), name
        assert (group[name][:] == values).all(), name
    assert group.attrs["K"] == count and group.attrs["own_sample"] == ("left out" if own_rows else "another set's")


def network(folder, outputs=2):
    """A network and samples, of which some are there twice or three times, so that entries are equal."""
    rng = random(1)
    widths = (5, 8, outputs)
    tensors = {f"{k}.{kind}": rng.normal(size=shape) for k, (a, b) in enumerate(zip(widths, widths[1:]))
               for kind, shape in (("weight", (b, a)), ("bias", (b,)))}
    x = rng.normal(size=(29, 5))
    x[[3, 12, 21]] = x[0]
    x[17] = x[4]
    return ["kernel", "--model", write_safetensors(folder / "m.safetensors", tensors, "F64"), "--activation", "tanh",
            "--data", f"{write_h5(folder / 'x.h5', x=x)}:x", "--threads", 1]


def run(words, output, *more, ranks=1, code=0):
    done = tangram(*words, "--output", output, *more, ranks=ranks)
    assert done.code == code, done
    return h5py.File(output, "r") if code == 0 else done


@each({"trace, float32": ("trace", "float32", 1), "full, float64": ("full", "float64", 2)})
def test_neighbours_are_those_that_sorting_the_kernel_finds_on_any_ranks(folder, reduction, precision, own_rows):
    words = [*network(folder), "--tile", 6, "--reduction", reduction, "--precision", precision, "--top-neighbours", 7]
    files = [run(words, folder / f"{ranks}.h5", ranks=ranks) for ranks in (1, 3)]
    for file in files:
        assert_neighbours(file, 7, own_rows)
    for name in NAMES:
        assert (files[0]["neighbours"][name][:] == files[1]["neighbours"][name][:]).all()
    for command in ("verify", "check"):
        assert tangram(command, folder / "3.h5").code == 0


def test_a_stopped_run_has_the_same_neighbours_when_it_goes_on(folder):
    words = [*network(folder), "--tile", 4, "--store", "ntk", "--top-neighbours", 5]
    run(words, folder / "k.h5", "--stop-after-tiles", 9, ranks=2, code=STOPPED)
    told = run([word if word != 5 else 6 for word in words], folder / "k.h5", "--resume", code=USAGE)
    assert "top neighbours" in told.errors[0], told
    with run(words, folder / "k.h5", "--resume", ranks=3) as file:
        assert_neighbours(file, 5, 1)
        assert list(file["components"]) == []


def test_the_nearest_training_samples_of_test_samples(folder):
    words = [*network(folder), "--tile", 8, "--top-neighbours", 29, "--test", f"{folder / 'x.h5'}:x", "--test-rows", "2:9"]
    with run(words, folder / "k.h5", ranks=3) as file:
        assert file["ntk"].shape == (7, 29)
        assert_neighbours(file, 29, 0)
        assert (file["neighbours/largest_columns"][:, 0] != -1).all()


def test_without_a_matrix_neighbours_are_the_same_and_checked(folder):
    words = [*network(folder), "--tile", 6, "--top-neighbours", 7, "--precision", "float64"]
    stored = run(words, folder / "k.h5", "--store", "ntk")
    told = run([*words, "--store", "none"], folder / "n.h5", "--stop-after-tiles", 4, ranks=2, code=STOPPED)
    assert "no tile is kept" in told.stderr, told
    done = tangram(*words, "--store", "none", "--output", folder / "n.h5", "--resume", ranks=3)
    assert done.code == 0 and "checks      passed" in done.stdout, done
    with h5py.File(folder / "n.h5") as file:
        found = []
        file.visititems(lambda name, item: found.append((name, item.shape)) if isinstance(item, h5py.Dataset) else None)
        assert not [name for name, shape in found if len(shape) == 2 and min(shape) >= 29], found
        assert file.attrs["store"] == "none" and "ntk" not in file and "components" not in file
        for name in NAMES:
            assert (file["neighbours"][name][:] == stored["neighbours"][name][:]).all(), name
        checks = file["checks"].attrs
        assert checks["passed"] == 1 and checks["probe_error"] < 1e-12 and checks["total_relative_error"] < 1e-12
    for command in (["verify"], ["check"], ["spectrum"], ["compare", f"{folder / 'k.h5'}:ntk"]):
        told = tangram(command[0], folder / "n.h5", *command[1:])
        assert told.code == BAD_INPUT and len(told.errors) == 1 and "no matrix" in told.errors[0], told
    told = script(JOBS / "plot.py", folder / "n.h5", uses=("matplotlib.pyplot",))
    assert told.returncode != 0 and len(told.stderr.splitlines()) == 1 and "no matrix" in told.stderr, told
    done = tangram(*words, "--store", "none", "--output", folder / "t.h5", "--test", f"{folder / 'x.h5'}:x", "--test-rows", "2:9", ranks=2)
    assert done.code == 0, done
    with h5py.File(folder / "t.h5") as file, run([*words, "--test", f"{folder / 'x.h5'}:x", "--test-rows", "2:9"], folder / "s.h5") as other:
        for name in NAMES:
            assert (file["neighbours"][name][:] == other["neighbours"][name][:]).all(), name


@each({"more than there are": (["--top-neighbours", 29], "a row has 28 entries beside its own"), "none": (["--top-neighbours", 0], "--top-neighbours is 0"),
       "of parameters": (["--top-neighbours", 2, "--space", "params"], "are of samples"),
       "store": (["--store", "all", "--components", "none"], "--store all and --components none contradict"),
       "another store": (["--store", "some"], "unknown value 'some' of --store")})
def test_what_is_refused(folder, more, message):
    told = run(network(folder), folder / "k.h5", *more, code=USAGE)
    assert message in told.errors[0], told
