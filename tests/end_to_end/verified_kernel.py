"""What the tests of `tangram verify` share: a small kernel file, where its tiles lie, ways to change it, and the verdict at 1 and 3 ranks."""

import re
import shutil
from pathlib import Path

import h5py
import numpy

from harness import once, tangram

BAD_INPUT, CHECK_FAILED, IO = 3, 5, 6
SECONDS = 60
SAMPLES, TILE = 40, 12  # 4 x 4 tiles, the last ones 4 wide
TILES = 4
PARTS = ["components/fc1.weight", "components/fc1.bias", "conjugate_kernels/fc2", "components/fc2.weight",
         "components/fc2.bias", "ntk"]  # in the order in which a tile is made


@once
def made(folder, code, *options):
    """The path of a small finished kernel file."""
    model, data, output = folder / "m.safetensors", folder / "d.h5", folder / "out.h5"
    run = tangram("init", "--widths", "6,5,3", "--output", model, "--samples", SAMPLES, "--data", data)
    assert run.code == 0, run
    run = tangram("kernel", "--model", model, "--activation", "tanh", "--data", f"{data}:x", "--output", output, "--tile",
                  TILE, *options, ranks=2)
    assert run.code == code, run
    return output if code == 0 else folder / "out.h5.failed"


def make(folder, *options, code=0):
    """A copy of it that may be spoilt."""
    return Path(shutil.copy(made(code, *options), folder))


def verify_everywhere(path, code, *says):
    """The one error line of `verify`, which is the same on any number of ranks; "" if there is none."""
    lines = []
    for ranks in (1, 3):
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
        file.attrs["software_version"] = "0.1.0"


def accept_checksum(path):
    """Makes the checksum that `verify` complains of the right one. Returns whether there was one."""
    run = tangram("verify", path, seconds=SECONDS)
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
