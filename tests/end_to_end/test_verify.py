"""`tangram verify` finds what is wrong with a kernel file: a changed byte anywhere, a file cut short, a matrix that is
not what it should be. Each at 1 and 4 ranks, with the same words."""

import random
import re
import shutil

import h5py
import numpy

from harness import each, tangram, write_h5

BAD_INPUT, CHECK_FAILED, IO = 3, 5, 6
SECONDS = 60
SAMPLES, TILE = 40, 12  # 4 x 4 tiles, the last ones 4 wide
TILES = 4
PARTS = ["components/fc1.weight", "components/fc1.bias", "conjugate_kernels/fc2", "components/fc2.weight",
         "components/fc2.bias", "ntk"]  # in the order in which a tile is made


def make(folder, *options, code=0):
    """The path of a small finished kernel file."""
    model, data, output = folder / "m.safetensors", folder / "d.h5", folder / "out.h5"
    made = tangram("init", "--widths", "6,5,3", "--output", model, "--samples", SAMPLES, "--data", data, ranks=0)
    assert made.code == 0, made
    run = tangram("kernel", "--model", model, "--activation", "tanh", "--data", f"{data}:x", "--output", output, "--tile",
                  TILE, *options, ranks=2)
    assert run.code == code, run
    return output if code == 0 else folder / "out.h5.failed"


def verify_everywhere(path, code, *says):
    """The one error line of `verify`, which is the same on any number of ranks; "" if there is none."""
    lines = []
    for ranks in (1, 4):
        run = tangram("verify", path, ranks=ranks, seconds=SECONDS)
        assert run.code == code, f"{ranks} ranks: {run}"
        assert len(run.errors) == (code != 0), run
        lines.append(run.errors[0] if run.errors else run.stdout)
        for word in says:
            assert word in lines[-1], f"{ranks} ranks do not say '{word}': {lines[-1]}"
    if code != 0:
        assert lines[0] == lines[1], lines
        assert str(path) in lines[0], lines[0]
    return lines[0]


def tile_bytes(path, name, row, column):
    """Where the tile lies in the file: (first byte, bytes)."""
    with h5py.File(path, "r") as file:
        chunk = file[name].id.get_chunk_info_by_coord((row * TILE, column * TILE))
        return chunk.byte_offset, chunk.size


def flip(path, position, bits=0x10):
    with open(path, "r+b") as file:
        file.seek(position)
        old = file.read(1)[0]
        file.seek(position)
        file.write(bytes([old ^ bits]))


def forget_contents(path):
    """As an older program wrote it, so that the tables may be changed."""
    with h5py.File(path, "r+") as file:
        del file["checksums"].attrs["contents"]


def accept_checksum(path):
    """Makes the checksum that `verify` complains of the right one. Returns whether there was one."""
    run = tangram("verify", path, ranks=0, seconds=SECONDS)
    found = re.search(r":/(\S+), rows (\d+):\d+, columns (\d+):\d+\): its checksum is ([0-9a-f]{16})", run.stderr)
    if not found:
        return False
    name, row, column, checksum = found.groups()
    with h5py.File(path, "r+") as file:
        file["checksums/" + name][int(row) // TILE, int(column) // TILE] = numpy.uint64(int(checksum, 16))
    return True


def change(path, name, edit):
    """Edits the array of a matrix, and makes its checksums fit."""
    forget_contents(path)
    with h5py.File(path, "r+") as file:
        values = file[name][:]
        edit(values)
        file[name][...] = values
    while accept_checksum(path):
        pass


# ---- whole files


@each({"float32": ([],), "float64": (["--precision", "float64"],), "full": (["--reduction", "full"],),
       "one logit": (["--logit", 1],), "no components": (["--components", "none"],),
       "all conjugate kernels": (["--conjugate-kernels", "all"],), "one tile": (["--tile-of-all"],),
       "checks not run": (["--check-samples", 0],)})
def test_a_whole_file_is_called_whole(folder, options):
    if options == ["--tile-of-all"]:
        path = make(folder, "--rows", f"0:{TILE}")
    else:
        path = make(folder, *options)
    said = verify_everywhere(path, 0, "verdict     whole", "/ntk", "as they were written")
    assert "FAILED" not in said, said
    assert ("not run" in said) == ("--check-samples" in options), said
    assert ("no components" in said) == ("none" in options), said


def test_the_number_of_threads_changes_nothing(folder):
    path = make(folder)
    flip(path, tile_bytes(path, PARTS[3], 2, 0)[0])
    runs = [tangram("verify", path, "--threads", threads, ranks=ranks) for threads in (1, 3) for ranks in (1, 3)]
    assert {run.code for run in runs} == {CHECK_FAILED} and len({run.errors[0] for run in runs}) == 1, runs


def test_a_file_of_an_older_program_has_no_checksum_of_its_contents(folder):
    path = make(folder)
    forget_contents(path)
    verify_everywhere(path, 0, "not recorded", "verdict     whole")


# ---- changed tiles


@each({f"{name}, tile {row}, {column}": (name, row, column) for name, row, column in
       [(PARTS[0], 0, 0), (PARTS[1], 3, 1), (PARTS[2], 1, 3), (PARTS[4], 3, 3), (PARTS[5], 0, 2), (PARTS[5], 2, 0)]})
def test_a_flipped_bit_in_a_tile_is_found_and_named(folder, name, row, column):
    path = make(folder)
    begin, size = tile_bytes(path, name, row, column)
    last = min(SAMPLES - column * TILE, TILE) - 1  # in the first row; beyond it a chunk holds nothing
    flip(path, begin + 4 * last, bits=1)
    rows, columns = (f"{panel * TILE}:{min(SAMPLES, panel * TILE + TILE)}" for panel in (row, column))
    verify_everywhere(path, CHECK_FAILED, f"({path}:/{name}, rows {rows}, columns {columns})", "its checksum is",
                      "all other tiles are good")


def test_rows_of_a_full_kernel_are_rows_of_the_matrix(folder):
    path = make(folder, "--reduction", "full")
    with h5py.File(path, "r") as file:
        begin = file["ntk"].id.get_chunk_info_by_coord((3 * TILE, 3 * 3 * TILE)).byte_offset
    flip(path, begin)
    verify_everywhere(path, CHECK_FAILED, ":/ntk, rows 36:72, columns 108:120)")


def test_the_first_of_several_bad_tiles_is_named(folder):
    path = make(folder)
    for name, row, column in [(PARTS[5], 0, 0), (PARTS[3], 3, 3), (PARTS[3], 1, 2), (PARTS[3], 2, 1), (PARTS[4], 0, 0)]:
        flip(path, tile_bytes(path, name, row, column)[0] + 3)
    verify_everywhere(path, CHECK_FAILED, f":/{PARTS[3]}, rows 12:24, columns 24:36)", "the first of 5 bad tiles")


# ---- tiles whose checksums are right, and whose numbers are not


def raise_one(values):
    values[30, 5] *= 1.5


def raise_both(values):
    values[30, 5] *= 1.5
    values[5, 30] *= 1.5


def spoil_diagonal(values):
    values[13, 13] = -values[13, 13]


def spoil_number(values):
    values[39, 0] = numpy.nan


def make_infinite(values):
    values[0, 39] = numpy.inf


@each({"a NaN": ("ntk", spoil_number, "no number", "rows 36:40, columns 0:12"),
       "an infinity in a component": (PARTS[0], make_infinite, "no number", "rows 0:12, columns 36:40"),
       "a negative diagonal": (PARTS[2], spoil_diagonal, "negative diagonal", "rows 12:24, columns 12:24"),
       "an entry unlike its mirror image": (PARTS[3], raise_one, "not symmetric", "rows 24:36, columns 0:12"),
       "a kernel that is not the sum": ("ntk", raise_both, "sum of its components", "rows 24:36, columns 0:12"),
       "a component that does not add up": (PARTS[1], raise_both, "sum of its components", "rows 24:36, columns 0:12")})
def test_wrong_numbers_are_found_behind_right_checksums(folder, name, edit, says, where):
    path = make(folder)
    change(path, name, edit)
    named = "ntk" if "sum" in says else name
    verify_everywhere(path, CHECK_FAILED, says, f"({path}:/{named}, {where})")


def test_failed_checks_of_the_run_are_told(folder):
    path = make(folder, "--check-tolerance", "1e-300", code=CHECK_FAILED)
    verify_everywhere(path, CHECK_FAILED, ":/checks", "its own checks failed")


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


@each({"an output": (scale_outputs,), "a string": (rename_component,), "an attribute more": (add_attribute,),
       "checksums": (exchange_checksums,)})
def test_changed_contents_are_found(folder, edit):
    path = make(folder)
    with h5py.File(path, "r+") as file:
        edit(file)
    verify_everywhere(path, CHECK_FAILED, "not as it was written")


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
        run = tangram("verify", spoilt, ranks=0, seconds=SECONDS)
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
    run = tangram(*words, ranks=0)
    assert run.code == 2 and len(run.errors) == 1, run


def test_help(folder):
    run = tangram("verify", "--help", ranks=0)
    assert run.code == 0 and "OUT.h5" in run.stdout and "--threads" in run.stdout, run
    assert "tangram verify OUT.h5" in tangram("--help", ranks=0).stdout
