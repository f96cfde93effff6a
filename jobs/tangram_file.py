#!/usr/bin/env python3
"""A kernel file of tangram in Python, with numpy and h5py alone. Copy this one file to where you need it.

    from tangram_file import open_kernel

    with open_kernel("ntk.h5") as file:
        K = file.kernel[:]                             # numpy, (n, n); of test samples against training samples (m, n)
        W = file.components["fc1.weight"][:100, :100]  # a dict of matrices; what is indexed is read, nothing else
        B = file.block(3, 8)                           # samples of class 3 against those of class 8
        A = file.precomputed()                         # for scikit-learn: SVC(kernel="precomputed").fit(A, file.labels)
        X = file.to_xarray("fc1.weight")               # an xarray.DataArray, where xarray is installed

    jobs/tangram_file.py ntk.h5                        prints what is in the file and how it was checked

Files of all kinds are read alike: square ones, ones with `--store lower` (entry (i, j) above the diagonal is read as (j, i)), ones of
test samples against training samples, and `--space params`, whose matrix is `file.parameter_gram`.
"""

import json
import re
import sys
from pathlib import Path

import h5py
import numpy

DIAGONAL_BLOCK = 64  # rows of a square on the diagonal that are read at once
COMMANDS = {"tangram": "'tangram kernel'", "tangram spectrum": "'tangram spectrum'", "tangram regression": "'tangram regress'",
            "tangram drift": "'tangram drift'"}  # that write a format
MOST_READ = 1 << 23  # entries that are read at once, where columns are picked from them


class Refusal(ValueError):
    """What is wrong with the file or the question, and what to do."""


def open_hdf5(path, formats=("tangram",)):
    """The h5py.File of a finished file of one of these formats; Refusal of any other. Nothing but what is asked for is read: whole
    tiles are not cached."""
    wanted = f"name the --output of {' or '.join(COMMANDS[name] for name in formats)}"
    try:
        open(path, "rb").close()
    except OSError as error:
        raise Refusal(f"cannot open ({path}): {error.strerror}: {wanted}") from None
    if not h5py.is_hdf5(path):
        raise Refusal(f"not an HDF5 file ({path}): {wanted}")
    try:
        file = h5py.File(path, "r", rdcc_nbytes=0)
    except OSError:
        raise Refusal(f"cannot read ({path}): the file is damaged or not finished: 'tangram verify' tells") from None
    if file.attrs.get("format") in formats and file.attrs.get("status") != "partial":
        return file
    file.close()
    raise Refusal(f"not a finished file of tangram ({path}): {wanted}")


def open_kernel(path):
    """The KernelFile at this path; Refusal where it is none."""
    file = open_hdf5(path)
    if file.attrs.get("store") == "none":
        file.close()
        raise Refusal(f"no matrix in the file, only what was measured of it ({path}): compute one by 'tangram kernel', without --store none")
    return KernelFile(file)


# ---- matrices


def as_places(index, length):
    """What an axis is indexed with (a number, a slice, numbers, truth values) as places 0 .. length - 1."""
    if isinstance(index, slice):
        return numpy.arange(length)[index]
    places = numpy.asarray(index)
    if places.dtype == bool:
        if places.shape != (length,):
            raise IndexError(f"truth values of shape {places.shape} for an axis of {length}")
        return numpy.flatnonzero(places)
    if places.ndim > 1 or (places.size and places.dtype.kind not in "iu"):
        raise IndexError(f"an axis is indexed with a number, a slice, a list of numbers, or truth values, not {index!r}")
    places = numpy.atleast_1d(places).astype(numpy.int64)
    if places.size and not -length <= places.min() <= places.max() < length:
        raise IndexError(f"{index} is not on an axis of {length}")
    return numpy.where(places < 0, places + length, places)


def read_block(dataset, rows, columns):
    """dataset[rows][:, columns] as numpy: runs of neighbouring rows, from the first column to the last, are read at once."""
    block = numpy.empty((len(rows), len(columns)), dataset.dtype)
    if block.size == 0:
        return block
    first, last = columns.min(), columns.max() + 1
    most = max(1, MOST_READ // int(last - first))
    at = 0
    while at < len(rows):
        end = at + 1
        while end < len(rows) and rows[end] == rows[end - 1] + 1 and end - at < most:
            end += 1
        block[at:end] = dataset[rows[at]:rows[end - 1] + 1, first:last][:, columns - first]
        at = end
    return block


class Matrix:
    """A matrix of the file, read where it is indexed: M[:], M[3, 5], M[:100, [1, 4, 9]], M[labels == 3]. Two lists mean all pairs of
    their places, as numpy.ix_ has it. numpy.asarray(M) is all of it."""

    def __init__(self, dataset, is_lower):
        self.dataset, self.is_lower = dataset, is_lower
        self.shape, self.dtype, self.attrs = dataset.shape, dataset.dtype, dataset.attrs

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        return f"<matrix {self.dataset.name} {self.shape[0]} x {self.shape[1]}, {self.dtype}>"

    @property
    def name(self):
        """Of the dataset, in its group."""
        return self.dataset.name.rsplit("/", 1)[1]

    @property
    def tensor(self):
        """The parameter tensor whose component it is, by its name in the model."""
        return self.attrs.get("tensor", self.name)

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if len(index) > 2:
            raise IndexError(f"{len(index)} indices for a matrix")
        index = (*index, slice(None))[:2]
        rows, columns = (as_places(each, length) for each, length in zip(index, self.shape))
        block = read_block(self.dataset, rows, columns)
        if self.is_lower and block.size and rows.min() < columns.max():
            across = read_block(self.dataset, columns, rows).T
            block = numpy.where(rows[:, None] >= columns[None, :], block, across)
        # An axis that is indexed with a number is gone, as in numpy.
        return block[tuple(0 if numpy.ndim(each) == 0 and not isinstance(each, slice) else slice(None) for each in index)]

    def __array__(self, dtype=None, copy=None):
        return self[:] if dtype is None else self[:].astype(dtype)

    def diagonal(self):
        """(n), in float64: of a square matrix."""
        if self.shape[0] != self.shape[1]:
            raise Refusal(f"{self.dataset.name} is not square: KernelFile.diagonal has the test samples' kernels with themselves")
        blocks = (slice(at, at + DIAGONAL_BLOCK) for at in range(0, len(self), DIAGONAL_BLOCK))
        return numpy.concatenate([self.dataset[each, each].diagonal() for each in blocks]).astype("f8")


# ---- the file


class KernelFile:
    """An open kernel file. `hdf5` is the h5py.File, for everything that has no name here."""

    def __init__(self, hdf5):
        self.hdf5, self.attrs = hdf5, hdf5.attrs
        self.is_lower = hdf5.attrs.get("store") == "lower"
        self.is_square = "n_test_samples" not in hdf5.attrs

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.hdf5.close()

    # -- matrices

    def matrix(self, path):
        """Any matrix, by its path in the file."""
        if path not in self.hdf5:
            raise Refusal(f"no {path} in {self.hdf5.filename}")
        return Matrix(self.hdf5[path], self.is_lower)

    @property
    def kernel(self):
        """/ntk: (n, n), or (m, n) of test samples against training samples."""
        return self.matrix("ntk")

    @property
    def components(self):
        """{parameter tensor, by its name in the model: Matrix}, in the network's order, weights before biases. Nothing is read yet."""
        found = [Matrix(dataset, self.is_lower) for dataset in self.hdf5.get("components", {}).values()]
        found.sort(key=lambda matrix: (matrix.attrs["layer"], is_bias(matrix)))
        return {matrix.tensor: matrix for matrix in found}

    @property
    def conjugate_kernels(self):
        """{layer: Matrix}, Grams of the layers' inputs."""
        found = [Matrix(dataset, self.is_lower) for dataset in self.hdf5.get("conjugate_kernels", {}).values()]
        return {matrix.attrs.get("layer_name", matrix.name): matrix for matrix in sorted(found, key=lambda each: each.attrs["layer"])}

    @property
    def parameter_gram(self):
        """/parameter_gram: (P, P), J^T J, of --space params."""
        return self.matrix("parameter_gram")

    @property
    def parameter_blocks(self):
        """{parameter tensor: slice of its rows in parameter_gram}"""
        blocks = self.hdf5["parameter_blocks"]
        rows = zip(blocks["tensor"].asstr()[:], blocks["first"][:], blocks["size"][:])
        return {str(name): slice(int(first), int(first + size)) for name, first, size in rows}

    def chosen(self, of):
        """The kernel, for "ntk", or the component of a tensor."""
        if of == "ntk":
            return self.kernel
        if of not in self.components:
            raise Refusal(f"no component '{of}' in {self.hdf5.filename}: there are {', '.join(self.components) or 'none'}")
        return self.components[of]

    def diagonal(self, of="ntk"):
        """Each sample's kernel with itself, in float64, (n); of test samples against training samples those of the test samples, (m)."""
        if self.is_square:
            return self.chosen(of).diagonal()
        values = self.hdf5["diagonal" if of == "ntk" else f"component_diagonals/{self.chosen(of).name}"][:].astype("f8")
        return numpy.diagonal(values, axis1=1, axis2=2).ravel() if values.ndim == 3 else values

    # -- samples

    def optional(self, name):
        if name not in self.hdf5:
            return None
        dataset = self.hdf5[name]
        return dataset.asstr()[:] if h5py.check_string_dtype(dataset.dtype) else dataset[:]

    @property
    def labels(self):
        """(N) of the samples, of the training samples where there are test samples; None without --labels."""
        return self.optional("labels")

    @property
    def test_labels(self):
        """(M); None without --test-labels."""
        return self.optional("test_labels")

    @property
    def samples(self):
        """(N): each sample's row in the input."""
        return self.hdf5["samples"][:]

    @property
    def test_samples(self):
        """(M); None without --test."""
        return self.optional("test_samples")

    @property
    def rows_of_sample(self):
        """How many rows of the matrix a sample has: more than one only in a kernel of all pairs of outputs."""
        return self.kernel.shape[1] // int(self.attrs["n_samples"])

    def labels_of(self, axis):
        """One label for each row (axis 0) or column (axis 1) of the matrix; None without labels."""
        labels = self.labels if axis == 1 or self.is_square else self.test_labels
        return None if labels is None else numpy.repeat(labels, self.rows_of_sample)

    def block(self, row_label, column_label=None, of="ntk"):
        """The entries between samples of one class and those of another (the same one, if none is given)."""
        places = []
        for axis, label in enumerate([row_label, row_label if column_label is None else column_label]):
            labels = self.labels_of(axis)
            if labels is None:
                option = "--labels" if axis == 1 or self.is_square else "--test-labels"
                raise Refusal(f"no labels in {self.hdf5.filename}: compute the kernel with {option}")
            if not (labels == label).any():
                raise Refusal(f"no sample with label {label} in {self.hdf5.filename}: there are {', '.join(map(str, numpy.unique(labels)))}")
            places.append(numpy.flatnonzero(labels == label))
        return self.chosen(of)[places[0], places[1]]

    # -- for other packages

    def precomputed(self, train=None, of="ntk"):
        """The kernel as scikit-learn's estimators with kernel="precomputed" take it: float64, (N, N) for fit; of test samples against
        training samples (M, N) for predict. `train`: the KernelFile that was fitted; its samples must be this one's columns."""
        if self.rows_of_sample != 1:
            raise Refusal(f"{self.rows_of_sample} rows a sample in {self.hdf5.filename}: scikit-learn takes one: use --reduction trace")
        if train is not None and not numpy.array_equal(train.hdf5["sample_hashes"][:], self.hdf5["sample_hashes"][:]):
            raise Refusal(f"the columns of {self.hdf5.filename} are other samples than those of {train.hdf5.filename}")
        return self.chosen(of)[:].astype("f8")

    def to_xarray(self, of="ntk", rows=slice(None), columns=slice(None)):
        """An xarray.DataArray with dimensions row and column, whose coordinates are the samples' rows in the input and, where there
        are labels, row_label and column_label."""
        import xarray

        values = numpy.atleast_2d(self.chosen(of)[as_places(rows, self.kernel.shape[0]), as_places(columns, self.kernel.shape[1])])
        coordinates = {}
        for axis, (name, index) in enumerate([("row", rows), ("column", columns)]):
            samples = self.samples if axis == 1 or self.is_square else self.test_samples
            labels, places = self.labels_of(axis), as_places(index, self.kernel.shape[axis])
            coordinates[name] = numpy.repeat(samples, self.rows_of_sample)[places]
            if labels is not None:
                coordinates[f"{name}_label"] = (name, labels[places])
        return xarray.DataArray(values, coordinates, ("row", "column"), name=of)


def is_named_bias(name):
    """Whether a tensor is a bias, by its name alone."""
    return re.search(r"(bias|beta|(^|[^a-z0-9])b)$", name.lower()) is not None


def is_bias(matrix):
    """Whether a component is that of a bias: as the file says; older files do so only of chains."""
    if "is_bias" in matrix.attrs:
        return bool(matrix.attrs["is_bias"])
    return "bias_scale" in matrix.attrs or "weight_scale" not in matrix.attrs and is_named_bias(matrix.tensor)


# ---- what is in a file, in words


def describe(file):
    """Lines: what was computed, of what, and how it was checked."""
    attrs, checks = file.attrs, file.hdf5["checks"].attrs
    matrix = file.kernel if "ntk" in file.hdf5 else file.parameter_gram
    inputs = [json.loads(entry)["name"] for entry in file.hdf5["provenance"].attrs["inputs"]]
    outputs = "1 output" if attrs["n_outputs"] == 1 else f"{attrs['n_outputs']} outputs"
    over = f"output {attrs['logit']}" if attrs["logit"] >= 0 else attrs.get("reduction_text", f"{attrs['reduction']} over {outputs}")
    what = "kernel" if "ntk" in file.hdf5 else "J^T J"
    half = ", the lower half stored" if file.is_lower else ""
    lines = [f"computed    {what} {matrix.shape[0]} x {matrix.shape[1]}, {over}, {attrs['precision']}{half}"]
    lines += [f"of          {', '.join(Path(name).name for name in inputs)}; {attrs['n_parameters']:,} parameters"]
    if file.components:
        lines += [f"components  {', '.join(file.components)}"]
    verdict = {1: "passed", 0: "FAILED", -1: "not made"}[int(checks["passed"])]
    if checks["passed"] == -1:
        return [*lines, f"checks      {verdict}"]
    errors = {"the total": "total_relative_error", "a probe of every entry": "probe_error", "finite differences": "finite_difference_error",
              "your own outputs": "outputs_error"}
    found = [f"{name} {checks[key]:.1e}" for name, key in errors.items() if not numpy.isnan(checks.get(key, numpy.nan))]
    lines += [f"checks      {verdict}, by explicit Jacobians of {len(file.hdf5['checks/samples'])} samples", f"errors      {', '.join(found)}"]
    return lines


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 0 if sys.argv[1:] == ["--help"] else 2
    try:
        with open_kernel(sys.argv[1]) as file:
            print("\n".join(describe(file)))
    except Refusal as refusal:
        print(f"tangram_file: error: {refusal}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
