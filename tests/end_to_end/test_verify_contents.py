"""`tangram verify` finds what is wrong with a file beside its tiles: changed metadata, a file cut short, what is no finished kernel
file; and how it is called."""

import random
import shutil

import h5py
import numpy

from harness import each, once, tangram, write_h5
from verified_kernel import BAD_INPUT, CHECK_FAILED, IO, PARTS, SECONDS, TILES, flip, make, tile_bytes, verify_everywhere


# ---- all that is not a tile


def scale_outputs(file):
    file["outputs"][7, 1] *= 1.25


def rename_component(file):
    names = file["checks/component"][:]
    names[0] = "fc1.wEight"
    file["checks/component"][...] = names


def add_attribute(file):
    file["timing"].attrs["note"] = 1


def exchange_checksums(file):
    sums = file["checksums/ntk"]
    sums[0, 0], sums[1, 1] = sums[1, 1], sums[0, 0]


def add_group(file):
    file.create_group("mine")


@each({"an output": (scale_outputs, "/outputs"), "a string": (rename_component, "/checks/component"),
       "an attribute more": (add_attribute, "/timing"), "a group more": (add_group, "/mine")})
def test_changed_contents_are_found_and_named(folder, edit, name):
    path = make(folder)
    with h5py.File(path, "r+") as file:
        edit(file)
    verify_everywhere(path, CHECK_FAILED, "not as it was written", f"({path}:{name}, ")


def test_exchanged_checksums_are_found(folder):
    path = make(folder)
    with h5py.File(path, "r+") as file:
        exchange_checksums(file)
    verify_everywhere(path, CHECK_FAILED, "not as it was written")


@once
def samples_apart(folder):
    return write_h5(folder / "t.h5", x=numpy.random.default_rng(1).normal(size=(9, 6)))


@each({"the diagonal": ("diagonal",), "that of a tensor": ("component_diagonals/fc1.weight",), "test outputs": ("test_outputs",)})
def test_a_changed_byte_of_test_samples_is_named(folder, name):
    path = make(folder, "--test", f"{samples_apart()}:x")
    with h5py.File(path, "r") as file:
        position = file[name].id.get_offset() + 8
    flip(path, position)
    verify_everywhere(path, CHECK_FAILED, "not as it was written", f"({path}:/{name}, ")


def everything(path):
    """All that h5py reads of the file."""
    contents = {}

    def visit(name, item):
        for key, value in item.attrs.items():
            contents[name, key] = repr(numpy.asarray(value).tolist())
        if isinstance(item, h5py.Dataset):
            contents[name, None] = item[:].tobytes() if item.dtype != object else repr(item[:].tolist())

    with h5py.File(path, "r") as file:
        visit("/", file)
        file.visititems(visit)
    return contents


def bytes_outside_tiles(path):
    """[positions] of all bytes of the file that belong to no tile."""
    is_tile = numpy.zeros(path.stat().st_size, bool)
    for name in PARTS:
        for row in range(TILES):
            for column in range(TILES):
                begin, size = tile_bytes(path, name, row, column)
                is_tile[begin:begin + size] = True
    return numpy.flatnonzero(~is_tile)


@each({f"seed {seed}": (seed,) for seed in range(4)})
def test_50_flips_in_metadata_give_an_error_or_the_right_contents(folder, seed):
    path, spoilt = make(folder), folder / "spoilt.h5"
    right = everything(path)
    positions = bytes_outside_tiles(path)
    used = positions[numpy.frombuffer(path.read_bytes(), "u1")[positions] != 0]  # most others are gaps
    choice = random.Random(seed)
    found = 0
    for _ in range(50):
        position, bits = int(choice.choice(positions if choice.random() < 0.3 else used)), choice.randrange(1, 256)
        shutil.copy(path, spoilt)
        flip(spoilt, position, bits)
        run = tangram("verify", spoilt, seconds=SECONDS)
        where = f"byte {position} changed by {bits:#x}"
        if run.code == 0:
            assert everything(spoilt) == right, f"{where} passes, and h5py reads something else"
        else:
            assert run.code in (BAD_INPUT, CHECK_FAILED, IO) and len(run.errors) == 1, f"{where}: {run}"
            found += 1
    assert found >= 20, f"only {found} of 50 flips were noticed: were there no bytes that matter among them?"


# ---- files that are no finished kernel files


def truncate(keep):
    def spoil(path):
        size = path.stat().st_size
        with open(path, "r+b") as file:
            file.truncate(keep(size))

    return spoil


def edit_file(edit):
    def spoil(path):
        with h5py.File(path, "r+") as file:
            edit(file)

    return spoil


def other_file(text):
    return lambda path: path.write_text(text)


def other_hdf5(path):
    path.unlink()
    write_h5(path, ntk=numpy.eye(3))


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def set_root(**values):
    return edit_file(lambda file: file.attrs.update(values))


def remove(name):
    def edit(file):
        del file[name]

    return edit_file(edit)


@each({"cut by one byte": (truncate(lambda size: size - 1), IO, "truncated"),
       "cut in the middle": (truncate(lambda size: size // 2), IO, "truncated"),
       "cut in the first page": (truncate(lambda size: 100), IO, ""),
       "empty": (truncate(lambda size: 0), IO, "empty"),
       "missing": (lambda path: path.unlink(), IO, "No such file"),
       "a directory": (replace_by_folder, IO, "directory"),
       "a text": (other_file("no kernel\n"), BAD_INPUT, "not an HDF5 file"),
       "another HDF5 file": (other_hdf5, BAD_INPUT, "not a kernel file"),
       "a partial file": (set_root(status="partial"), BAD_INPUT, "--resume"),
       "another version": (set_root(format_version=2), BAD_INPUT, "version 2"),
       "no ntk": (remove("ntk"), BAD_INPUT, "/ntk"),
       "no checksums of a matrix": (remove("checksums/components/fc1.bias"), BAD_INPUT, "/checksums/components/fc1.bias"),
       "no outputs": (remove("outputs"), BAD_INPUT, "/outputs"),
       "no checks": (remove("checks"), IO, "/checks"),
       "another number of samples": (set_root(n_samples=41), BAD_INPUT, "41"),
       "another tile": (set_root(tile=13), BAD_INPUT, "13 x 13"),
       "another precision": (set_root(precision="float64"), BAD_INPUT, "float64"),
       "no tiles at all": (set_root(tile=0), BAD_INPUT, "tiles of 0")})
def test_no_finished_kernel_file(folder, spoil, code, says):
    path = make(folder)
    spoil(path)
    verify_everywhere(path, code, says)


@each({"no file": (["verify"],), "two files": (["verify", "a.h5", "b.h5"],),
       "no threads": (["verify", "a.h5", "--threads", 0],), "an unknown option": (["verify", "a.h5", "--thread", 2],)})
def test_usage(folder, words):
    run = tangram(*words)
    assert run.code == 2 and len(run.errors) == 1, run


def test_help(folder):
    run = tangram("verify", "--help")
    assert run.code == 0 and "OUT.h5" in run.stdout and "--threads" in run.stdout, run
    assert "tangram verify OUT.h5" in tangram("--help").stdout
