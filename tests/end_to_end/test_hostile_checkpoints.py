"""Damaged and hostile checkpoints: one line, in little time and memory, and nothing of what is in them runs."""

import pickle
import re
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy

from bad_input_table import BAD_INPUT, IO
from converters import archive, refused
from harness import DATA, each

HERE = Path(__file__).resolve().parent


def rebuilt(shape, strides, offset=0, count=4, key=b"0"):
    """The pickle of {"w.weight": a tensor} with these numbers, by hand."""

    def ints(values):
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX" + struct.pack("<I", len(key)) + key + b"X\x03\0\0\0cpuI%d\ntQ" % count
    view = storage + b"I%d\n" % offset + ints(shape) + ints(strides)
    return b"\x80\x02}X\x08\0\0\0w.weightctorch._utils\n_rebuild_tensor_v2\n(" + view + b"\x89NtRs."


def tensor_file(path, *numbers, raw=b"\0" * 16, **more):
    archive(path, rebuilt(*numbers, **more), **{"m/data/0": raw})


def compressed(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("m/data.pkl", b"\0" * 100_000_000)


def in_tar(path):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as file:
        file.addfile(tarfile.TarInfo("storages"))


def array_of_shape(path, shape):
    """A .npz whose array claims this shape."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}\n".encode()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("w.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + b"\0" * 128)


def runs(function, *arguments):
    """The pickle of a call of any function."""
    module, name = function.split(":")
    return b"c%s\n%s\n(%stR." % (module.encode(), name.encode(), b"".join(b"X" + struct.pack("<I", len(a)) + a.encode() for a in arguments))


HOSTILE = {
    "a tensor beyond its storage": (lambda p: tensor_file(p, (2, 3), (3, 1)), "ends at element 6 of a storage of 4"),
    "an offset beyond its storage": (lambda p: tensor_file(p, (2, 2), (2, 1), 3), "ends at element 7"),
    "a negative offset": (lambda p: tensor_file(p, (2, 2), (2, 1), -1), "damaged"),
    "a negative stride": (lambda p: tensor_file(p, (2, 2), (2, -1), 2), "no sizes"),
    "a stride that overflows": (lambda p: tensor_file(p, (2, 2), (2**62, 1)), "no sizes"),
    "an expanded tensor of 2^60 elements": (lambda p: tensor_file(p, (2**30, 2**30), (0, 0)), "expanded"),
    "more dimensions than strides": (lambda p: tensor_file(p, (2, 2), (1,)), "strides"),
    "a storage that is not there": (lambda p: tensor_file(p, (2, 2), (2, 1), key=b"../../etc/passwd"), "is not there"),
    "a storage shorter than it says": (lambda p: tensor_file(p, (2, 2), (2, 1), raw=b"\0" * 12), "shorter"),
    "a storage of 2^61 elements": (lambda p: tensor_file(p, (2, 2), (2, 1), count=2**61), "is not there, or is shorter"),
    "a call": (lambda p: p.write_bytes(runs("os:system", f"touch {p}.ran")), "os.system"),
    "a call in an archive": (lambda p: archive(p, runs("builtins:eval", f"open('{p}.ran', 'w')")), "builtins.eval"),
    "lists 200 000 deep": (lambda p: p.write_bytes(b"]" * 200_000 + b"a" * 199_999 + b"."), "not a state_dict"),
    "calls 50 000 deep": (lambda p: p.write_bytes(b"cx\ny\n(" * 50_000 + b"tR" * 50_000 + b"."), "save"),
    "tuples doubled sixty times": (lambda p: p.write_bytes(b"N" + b"2\x86" * 60 + b"\x85."), "not a state_dict"),
    "such a tuple as a key": (lambda p: p.write_bytes(b"}N" + b"2\x86" * 60 + b"Ns."), "save"),
    "keys that all have one hash": (lambda p: p.write_bytes(
        b"}" + b"".join(b"\x8a\x0a" + ((2**61 - 1) * i).to_bytes(10, "little") + b"Ns" for i in range(60_000)) + b"."), "save"),
    "lines without end": (lambda p: p.write_bytes(b"(I1\n" * 100_000 + b"S" + b"x" * 1_000_000), "damaged"),
    "a huge memo": (lambda p: p.write_bytes(b"Nr\xff\xff\xff\xff."), "not a state_dict"),
    "a string of 2^63 bytes": (lambda p: p.write_bytes(b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fabc."), "damaged"),
    "a number of a million digits": (lambda p: p.write_bytes(b"L" + b"9" * 1_000_000 + b"L\n."), "damaged"),
    "strings made of one string": (lambda p: p.write_bytes(
        b"]X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + b"q\x000" + b"c_codecs\nencode\n(h\0X\x06\0\0\0latin1tRa" * 5000 + b"."), "damaged"),
    "an array whose shape is no list": (lambda p: array_of_shape(p, "4 4"), "no numbers"),
    "an array with more entries than numbers have digits": (lambda p: array_of_shape(p, "9" * 5000 + ","), "no numbers"),
    "a compressed archive": (compressed, "compressed"),
    "an archive cut short": (lambda p: (tensor_file(p, (2, 2), (2, 1)), p.write_bytes(p.read_bytes()[:-40])), "cut short"),
    "an archive of something else": (lambda p: zipfile.ZipFile(p, "w").writestr("/etc/passwd", "x"), "data.pkl"),
    "a file before 1.6 cut short": (lambda p: p.write_bytes((DATA / "cases" / "ptkinds_legacy.pt").read_bytes()[:-4]), "cut short"),
    "a tar": (in_tar, "tar"),
    "an empty file": (lambda p: p.write_bytes(b""), "empty"),
    "safetensors": (lambda p: p.write_bytes(struct.pack("<Q", 2) + b"{}x"), "safetensors already"),
    "HDF5": (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(20)), "HDF5"),
}


@each(HOSTILE)
def test_a_hostile_file_ends_in_one_line(folder, make, word):
    path = folder / "m.pt"
    make(path)
    start = time.monotonic()
    line = refused("to_safetensors.py", BAD_INPUT, path)
    assert word in line and "m.pt" in line, line
    assert sorted(folder.iterdir()) == [path], "it left something, or ran what was in the file"
    assert time.monotonic() - start < 30
    assert re.match("to_npy: error: ", refused("to_npy.py", BAD_INPUT, path)), "to_npy"


def test_names_out_of_a_file_cannot_break_the_line(folder):
    (folder / "m.pt").write_bytes(pickle.dumps({"a\nto_safetensors: done\x1b[2J": numpy.ones((2, 2)), "b": {"c\n": numpy.ones((2, 2))}}))
    assert "\x1b" not in refused("to_safetensors.py", BAD_INPUT, folder / "m.pt")


def test_a_folder_or_no_file_is_named(folder):
    assert "no.pt" in refused("to_safetensors.py", IO, folder / "no.pt") and str(folder) in refused("to_safetensors.py", IO, folder)


def test_mutations_are_read_or_refused(folder):
    """Some thousand here; fuzz_checkpoints.py makes more."""
    done = subprocess.run([sys.executable, HERE / "fuzz_checkpoints.py", "3000"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and not done.stderr, done.stderr
    read, refusals = map(int, re.fullmatch(r"3000 mutations: (\d+) read, (\d+) refused, .*\n", done.stdout).groups())
    assert read > 300 and refusals > 1000, done.stdout  # it mutates neither too little nor too much
