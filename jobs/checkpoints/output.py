"""Writing a file in parts, so that no more than one block of one array is in memory, and a name stands for a whole file."""

import contextlib
import os

import numpy

from .refusal import IO, USAGE, Refusal

BLOCK = 1 << 24  # elements that are copied at once


def blocks(values):
    """Row-major and little-endian, whatever the file's order and this machine is; a large array in several parts."""
    little = values.dtype.newbyteorder("<")
    if not values.ndim:
        yield numpy.ascontiguousarray(values, little).tobytes()
        return
    rows = max(1, BLOCK * len(values) // max(1, values.size))
    for first in range(0, len(values), rows):
        yield numpy.ascontiguousarray(values[first:first + rows], little).tobytes()


def require_absent(path, overwrite):
    if path.exists() and not overwrite:
        raise Refusal(USAGE, f"the output is there already ({path}): name another, or give --overwrite")


def write(path, parts, overwrite):
    """The parts one after the other, under another name first, so that a file of this name is whole."""
    require_absent(path, overwrite)
    partial = path.with_name(path.name + f".{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            for part in parts:
                file.write(part)
        partial.replace(path)
    except OSError as error:
        raise Refusal(IO, f"cannot write ({path}): {error.strerror}: choose another output") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
