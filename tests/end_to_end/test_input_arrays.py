"""Samples of every type, shape and file format are the same samples."""

import gzip
import itertools
import subprocess
import sys

import h5py
import numpy

from digits_kernel import MODEL, TANH, pixels, trace
from harness import assert_close, each, kernel, tangram, write_h5


@each({"uint8 images": (3, lambda x: (16 * x).astype("u1").reshape(-1, 8, 8), ["--data-scale", 0.0625]),
       "int64": (1, lambda x: (16 * x).astype("i8"), ["--data-scale", 0.0625]),
       "int16 scaled and shifted": (3, lambda x: (16 * x).astype("i2") - 100, ["--data-scale", 0.0625, "--data-shift", 6.25]),
       "float64 images with a channel": (1, lambda x: x.astype("f8").reshape(-1, 1, 8, 8), []),
       "float16": (1, lambda x: x.astype("f2"), []),
       "big-endian float32": (3, lambda x: x.astype(">f4"), []),
       "float32 shifted": (1, lambda x: x + 1, ["--data-shift", -1])})
def test_samples_of_other_types_and_shapes_are_the_same_samples(folder, ranks, convert, options):
    data = write_h5(folder / "data.h5", **{"test/images": convert(pixels(20))})
    with kernel(MODEL, f"{data}:test/images", folder / "out.h5", *TANH, *options, "--tile", 4, ranks=ranks) as out:
        assert_close(out["ntk"][:], trace(), "float64", "ntk")


def idx(values):
    """An IDX file of bytes, as MNIST's are."""
    return b"\0\0\x08" + bytes([values.ndim]) + numpy.array(values.shape, ">u4").tobytes() + values.tobytes()


def write_arrays(folder, x):
    """The same samples in every format that is no HDF5, by the location to name."""
    numpy.save(folder / "x.npy", x)
    numpy.save(folder / "fortran.npy", numpy.asfortranarray(x.astype(">f8")))
    numpy.savez(folder / "x.npz", x=x, y=numpy.arange(len(x)))
    numpy.savez_compressed(folder / "packed.npz", x=x, y=numpy.arange(len(x)))
    numpy.savez_compressed(folder / "single.npz", x)
    pixels = (16 * x).astype("u1").reshape(-1, 8, 8)
    (folder / "images-idx3-ubyte").write_bytes(idx(pixels))
    (folder / "images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
    scale = ["--data-scale", "1/16"]
    return [("x.npy", []), ("fortran.npy", []), ("x.npz:x", []), ("packed.npz:x", []), ("single.npz", []),
            ("images-idx3-ubyte", scale), ("images-idx3-ubyte.gz", scale)]


def test_samples_that_are_no_hdf5_are_the_same_samples(folder):
    for (place, options), ranks in zip(write_arrays(folder, pixels(20)), itertools.cycle((1, 3, 1))):
        with kernel(MODEL, f"{folder}/{place}", folder / "out.h5", *TANH, *options, "--tile", 4, "--overwrite",
                    ranks=ranks) as out:
            assert_close(out["ntk"][:], trace(), "float64", "ntk")


def test_several_datasets_transposed_and_channels_last_images_are_the_same_samples(folder):
    x = pixels(20)
    numpy.save(folder / "last.npy", x.reshape(-1, 4, 4, 4).transpose(0, 2, 3, 1))
    data = write_h5(folder / "data.h5", left=x[:, :40], right=x[:, 40:], matlab=x.T.copy())
    ways = [(f"{data}:left", ["--data", f"{data}:right"]), (f"{data}:matlab", []), (f"{data}:matlab", ["--transpose"]),
            (folder / "last.npy", ["--channels-first"])]
    for (place, options), ranks in zip(ways, itertools.cycle((2, 1))):
        with kernel(MODEL, place, folder / "out.h5", *TANH, *options, "--tile", 4, "--overwrite", ranks=ranks) as out:
            assert_close(out["ntk"][:], trace(), "float64", "ntk")


def test_a_table_becomes_samples_by_the_line_that_the_error_gives(folder):
    numpy.savetxt(folder / "x.csv", pixels(20), delimiter=",", header="first line,of names", comments="")
    words = ["kernel", "--model", MODEL, *TANH, "--output", folder / "out.h5", "--data", folder / "x.csv"]
    run = tangram(*words)
    assert run.code == 3 and "in Python: " in run.stderr, run
    line = run.stderr.split("in Python: ")[1].splitlines()[0]
    subprocess.run([sys.executable, "-c", line], cwd=folder, check=True)
    with kernel(MODEL, folder / "x.npy", folder / "out.h5", *TANH) as out:
        assert_close(out["ntk"][:], trace(), "float64", "ntk")


@each({"gzip": (3, {"compression": "gzip", "shuffle": True}), "chunked": (1, {"chunks": (3, 5)}),
       "fletcher32": (3, {"chunks": (7, 64), "fletcher32": True}), "extendible": (1, {"maxshape": (None, 64)})})
def test_samples_stored_in_chunks_and_filters_are_read(folder, ranks, storage):
    with h5py.File(folder / "data.h5", "w") as file:
        file.create_dataset("x", data=pixels(20), **storage)
    with kernel(MODEL, f"{folder}/data.h5:x", folder / "out.h5", *TANH, "--tile", 4, ranks=ranks) as out:
        assert_close(out["ntk"][:], trace(), "float64", "ntk")
