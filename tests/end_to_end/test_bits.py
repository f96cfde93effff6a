"""The same bits for any number of ranks and threads, and checksums that are those of the stored tiles."""

import ctypes
import ctypes.util

import h5py
import numpy

from harness import JOBS, each, kernel

DIGITS = [JOBS / "digits" / "digits_mlp.safetensors", f"{JOBS}/digits/digits.h5:x"]


def stored_bits(file):
    """{dataset: bytes} of everything that the same bits are promised for."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and name.split("/")[0] in ("ntk", "components", "checksums", "conjugate_kernels"):
            found[name] = item[:].tobytes()

    file.visititems(visit)
    return found


# All counts of ranks in each precision.
@each({f"{precision}, {reduction}, {rows} samples, tile {tile}": (precision, reduction, rows, tile, ways)
       for precision, reduction, rows, tile, ways in (
           ("float32", "trace", 203, 40, ((1, 2), (3, 1), (4, 2))), ("float32", "full", 23, 4, ((2, 2), (5, 1))),
           ("float64", "trace", 203, 40, ((2, 2), (5, 1))), ("float64", "full", 23, 4, ((1, 2), (3, 1), (4, 2))))})
def test_bits_are_the_same_on_1_to_5_ranks_and_1_or_2_threads(folder, precision, reduction, rows, tile, ways):
    first = None
    for ranks, threads in ((1, 1), *ways):
        with kernel(*DIGITS, folder / f"{ranks}-{threads}.h5", "--activation", "tanh", "--rows", f"0:{rows}", "--tile",
                    tile, "--reduction", reduction, "--conjugate-kernels", "all", ranks=ranks, threads=threads,
                    precision=precision) as out:
            bits = stored_bits(out)
        first = first or bits
        assert {"ntk", "components/0.weight", "checksums/ntk", "checksums/components/4.bias"} <= set(bits), sorted(bits)
        assert set(bits) == set(first)
        different = [name for name in bits if bits[name] != first[name]]
        assert not different, f"{ranks} ranks with {threads} threads differ from one rank in {different}"


def xxh3(block):
    library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
    library.XXH3_64bits.restype = ctypes.c_uint64
    raw = block.tobytes()
    return library.XXH3_64bits(raw, ctypes.c_size_t(len(raw)))


@each({"float32": ("float32",), "float64": ("float64",)})
def test_checksums_are_xxh3_of_each_tile_as_stored(folder, precision):
    with kernel(*DIGITS, folder / "out.h5", "--activation", "tanh", "--rows", "0:23", "--tile", 5, ranks=3,
                precision=precision) as out:
        tile = int(out.attrs["tile"])
        assert tile == 5
        for name in ("ntk", "components/2.weight"):
            matrix, sums = out[name][:], out["checksums"][name][:]
            assert sums.dtype == numpy.uint64 and sums.shape == (5, 5), (sums.dtype, sums.shape)
            for i in range(5):
                for j in range(5):
                    block = numpy.ascontiguousarray(matrix[i * tile:(i + 1) * tile, j * tile:(j + 1) * tile])
                    assert sums[i, j] == xxh3(block), f"{name}, tile ({i}, {j})"


@each({"float32": ("float32",), "float64": ("float64",)})
def test_stored_matrices_are_symmetric_to_the_last_bit(folder, precision):
    with kernel(*DIGITS, folder / "out.h5", "--activation", "tanh", "--rows", "0:53", "--tile", 8, ranks=4,
                precision=precision) as out:
        for matrix in [out["ntk"], *out["components"].values()]:
            assert matrix.dtype == precision
            assert (matrix[:] == matrix[:].T).all(), matrix.name
