#!/usr/bin/env python3
"""Samples and labels as .npy, which `tangram kernel --data` reads: from PyTorch's files, CIFAR's, and tables of text.

    jobs/to_npy.py x.pt                                      one tensor: writes x.npy
    jobs/to_npy.py data.pt --key train.x --labels train.y    two of several, by name: data.npy, data_labels.npy
    jobs/to_npy.py data_batch_*.bin --output train.npy       CIFAR, binary or pickled: train.npy (N, 3, 32, 32), train_labels.npy
    jobs/to_npy.py iris.csv --labels species                 rows of numbers, and a column of classes

Several files are joined, sample after sample. Nothing in a file is run, and PyTorch need not be there. Values keep their type (bfloat16
becomes float32); nothing is scaled.
"""

import argparse
import io
import sys
from pathlib import Path

try:
    import numpy

    from checkpoints import archives, output
    from checkpoints.refusal import BAD_INPUT, USAGE, Refusal
    from samples import arrays, cifar, table
except ImportError as error:
    print(f"to_npy: error: {error}: apt install python3-numpy, and run this with /usr/bin/python3", file=sys.stderr)
    sys.exit(4)

TABLES = {".csv", ".tsv", ".txt", ".dat"}
IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


def read(path, key, labels):
    """(samples, labels or None, notes) of one file."""
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return table.read(path, labels)
    if suffix in IMAGES:
        raise Refusal(BAD_INPUT, f"an image ({path}): in Python, import numpy, PIL.Image; numpy.save('X.npy', "
                                 "numpy.stack([numpy.asarray(PIL.Image.open(f)) for f in files]))")
    if suffix == ".bin":
        return *cifar.from_binary(archives.map_file(path), path), ["CIFAR's images, (N, 3, 32, 32), with their classes"]
    value = archives.read_checkpoint(path).value
    batch = None if key or labels else cifar.from_pickle(value)
    if batch is not None:
        return *batch, ["CIFAR's images, (N, 3, 32, 32), with their classes"]
    return *arrays.choose(value, key, labels, path), []


def joined(parts, paths, what):
    """The files' arrays one after the other."""
    if len(parts) == 1:
        return parts[0]
    for part, path in zip(parts, paths):
        if part is None or part.ndim == 0 or part.shape[1:] != parts[0].shape[1:] or part.dtype != parts[0].dtype:
            raise Refusal(BAD_INPUT, f"{what} of another shape or type than those of {paths[0]} ({path}): convert the files one by one")
    return numpy.concatenate(parts)


def contents(values):
    """A .npy file of an array, in parts."""
    head = io.BytesIO()
    little = values.dtype.newbyteorder("<")
    numpy.lib.format.write_array_header_1_0(head, {"descr": little.str, "fortran_order": False, "shape": values.shape})
    yield head.getvalue()
    yield from output.blocks(values)


def convert(arguments):
    """[(path, array)] as written, and notes."""
    read_all = [read(path, arguments.key, arguments.labels) for path in arguments.inputs]
    samples = joined([samples for samples, _, _ in read_all], arguments.inputs, "samples")
    written = [(arguments.output, samples)]
    if read_all[0][1] is not None:
        labels = joined([labels for _, labels, _ in read_all], arguments.inputs, "labels")
        written.append((arguments.output.with_name(arguments.output.stem + "_labels.npy"), labels))
    for path, _ in written:
        output.require_absent(path, arguments.overwrite)
    for path, values in written:
        output.write(path, contents(values), arguments.overwrite)
    return written, read_all[0][2]


def main():
    parser = argparse.ArgumentParser(description="Samples and labels as .npy.")
    parser.add_argument("inputs", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--output", type=Path, metavar="X.npy", help="the first file's name, with .npy, if not given")
    parser.add_argument("--key", default="", metavar="NAME", help="which array of several; a.b for nested ones")
    parser.add_argument("--labels", default="", metavar="NAME", help="the labels' array, or a table's column, by name or number")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that is there")
    arguments = parser.parse_args()
    arguments.output = arguments.output or arguments.inputs[0].with_suffix(".npy")
    try:
        if arguments.output.suffix != ".npy":
            raise Refusal(USAGE, f"the output is called .npy ({arguments.output}): name it so")
        written, notes = convert(arguments)
    except Refusal as refusal:
        print(f"to_npy: error: {refusal}", file=sys.stderr)
        return refusal.code
    for note in notes:
        print(f"note: {note}")
    for path, values in written:
        print(f"{path}: {' x '.join(map(str, values.shape)) or 'one number'}, {values.dtype.newbyteorder('=')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
