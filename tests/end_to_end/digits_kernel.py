"""The digits, their network and its kernel, as several tests have them."""

import shutil

import h5py

from harness import DATA, JOBS, kernel, once

DIGITS = JOBS / "digits" / "digits.h5"
MODEL = JOBS / "digits" / "digits_mlp.safetensors"
SAMPLES = 40
TANH = ["--activation", "tanh"]


@once
def made(folder, *options):
    """The path of a kernel file, several tiles, with labels."""
    with kernel(MODEL, f"{DIGITS}:x", folder / "out.h5", "--activation", "tanh", "--tile", 7, "--labels", f"{DIGITS}:y", "--rows",
                f"10:{10 + SAMPLES}", *options, ranks=2, precision="float32") as file:
        return file.filename


def make(folder, *options):
    """A copy of it."""
    return shutil.copy(made(*options), folder)


def pixels(count):
    """Of the first samples."""
    with h5py.File(DIGITS) as file:
        return file["x"][:count]


def trace():
    """The kernel of the first 20, by autograd."""
    with h5py.File(DATA / "digits_reference.h5") as file:
        return file["trace/kernel"][:]
