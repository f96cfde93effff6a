"""Files that the program wrote before: finished ones still open everywhere, a stopped one is refused by name.

tests/data/written_by_0.1.0 holds the notebook's network with biases in float64: samples.h5 and params.h5, one a space, and
stopped.h5, of which 3 of 6 tiles were on disk. Its inputs are named from the project's folder."""

import shutil

import h5py
import numpy

from harness import DATA, JOBS, each, tangram

WRITTEN = DATA / "written_by_0.1.0"
INPUTS = ["--model", JOBS / "notebook" / "notebook_with_bias.safetensors", "--data", f"{JOBS}/notebook/samples.h5:x"]
FILES = {"samples.h5": ("samples.h5", "ntk"), "params.h5": ("params.h5", "parameter_gram")}


@each(FILES)
def test_verify_finds_nothing_amiss(folder, name, matrix):
    run = tangram("verify", WRITTEN / name)
    assert run.code == 0 and not run.errors, run


@each(FILES)
def test_verify_sees_a_flipped_bit(folder, name, matrix):
    shutil.copy(WRITTEN / name, folder)
    with h5py.File(folder / name, "r+") as file:
        entry = file[matrix][1:2, 1:2].view("u8")
        file[matrix][1:2, 1:2] = (entry ^ 1).view("f8")
    run = tangram("verify", folder / name)
    assert run.code == 5 and f"/{matrix}" in run.errors[0], run


@each(FILES)
def test_checks_can_be_made_again(folder, name, matrix):
    shutil.copy(WRITTEN / name, folder)
    run = tangram("check", folder / name, "--all", "--seed", 3, *INPUTS)
    assert run.code == 0 and not run.errors, run


def test_compare_finds_it_equal_to_itself(folder):
    run = tangram("compare", WRITTEN / "samples.h5", f"{WRITTEN}/samples.h5:ntk", *INPUTS)
    assert run.code == 0 and not run.errors, run


@each(FILES)
def test_spectrum_is_that_of_the_matrix(folder, name, matrix):
    run = tangram("spectrum", WRITTEN / name, "--output", folder / "s.h5")
    assert run.code == 0 and not run.errors, run
    with h5py.File(WRITTEN / name) as file, h5py.File(folder / "s.h5") as spectrum:
        expected = numpy.linalg.eigvalsh(file[matrix][:])
        found = numpy.sort(spectrum["spectrum"][matrix]["eigenvalues"][:])
        assert numpy.abs(found - expected).max() <= 1e-12 * expected.max(), (found, expected)


@each({"--resume": (["--resume"],), "no option": ([],)})
def test_a_stopped_run_is_refused_by_name_and_left_as_it_is(folder, options):
    before = {}
    for path in WRITTEN.glob("stopped.h5.*"):
        shutil.copy(path, folder)
        before[path.name] = path.read_bytes()
    assert len(before) == 2, f"only {sorted(before)} are here"
    run = tangram("kernel", *INPUTS, "--activation", "identity", "--precision", "float64", "--tile", 1, "--output",
                  folder / "stopped.h5", *options)
    assert run.code == 2 and len(run.errors) == 1, run
    assert ("differs" if options else "--resume") in run.errors[0], run.errors
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after == before, f"changed or new: {[name for name in after if after[name] != before.get(name)]}"


def test_a_stopped_run_that_is_overwritten_is_as_if_it_had_not_been(folder):
    for path in WRITTEN.glob("stopped.h5.*"):
        shutil.copy(path, folder)
    run = tangram("kernel", *INPUTS, "--activation", "identity", "--precision", "float64", "--tile", 1, "--output",
                  folder / "stopped.h5", "--overwrite", "--resume")
    assert run.code == 0, run
    with h5py.File(folder / "stopped.h5") as file, h5py.File(WRITTEN / "samples.h5") as older:
        expected = older["ntk"][:]
        assert numpy.abs(file["ntk"][:] - expected).max() <= 1e-12 * numpy.abs(expected).max()
    assert sorted(path.name for path in folder.iterdir()) == ["stopped.h5"]
