"""Kernels for `tangram compare` to explain:

    other_kernels.py printed OUT.npy          the layerwise total with biases that the notebook printed, (3, 3)
    other_kernels.py spoilt K.h5 OUT.npy      the kernel in K.h5 with every weight component divided by sqrt(fan_in)
"""

import sys

import h5py
import numpy
from side_by_side import LAYERWISE_TOTAL


def printed():
    total = numpy.zeros((3, 3))
    for (row, column), entry in LAYERWISE_TOTAL.items():
        total[row, column] = total[column, row] = entry
    return total


def spoilt(path):
    with h5py.File(path) as file:
        return sum(part[:].astype("f8") / (part.attrs["fan_in"] ** 0.5 if name.endswith(".weight") else 1)
                   for name, part in file["components"].items())


if __name__ == "__main__":
    numpy.save(sys.argv[-1], printed() if sys.argv[1] == "printed" else spoilt(sys.argv[2]))
