#!/usr/bin/env python3
"""One figure of a kernel file: the kernel, its components on one scale, what each parameter tensor contributes to the
trace, and the checks. Of J^T J: how parameters go together. Of a file of spectra, by `tangram spectrum`: the eigenvalues of the total and each component.

    jobs/plot.py OUT.h5                        writes OUT.png
    jobs/plot.py OUT.h5 --output figure.pdf    or .svg, or whatever matplotlib writes
    jobs/plot.py OUT.h5 --samples 200          show so many samples (400, evenly spaced), or parameters
    jobs/plot.py OUT.spectrum.h5               writes OUT.spectrum.png

Samples are in order of their labels where the file has some. Of a large kernel only the rows of these samples are read,
and the diagonals. Needs python3-h5py and python3-matplotlib.
"""

import argparse
import sys
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import kernel, parameter_gram, spectra  # noqa: E402, after the backend is chosen


class Refusal(Exception):
    """What is wrong with the file, and what to do."""


def open_file(path, formats=("tangram", "tangram spectrum")):
    try:
        file = h5py.File(path, "r", rdcc_nbytes=0)  # no cache of whole tiles: only what is asked for is read
    except OSError as error:
        raise Refusal(f"cannot open ({path}): {error}: name the --output of 'tangram kernel' or 'tangram spectrum'") from None
    if file.attrs.get("format") not in formats or file.attrs.get("status") == "partial":
        raise Refusal(f"not a finished file of tangram ({path}): name the --output of 'tangram kernel' or 'tangram spectrum'")
    return file


def draw(file, most):
    if file.attrs["format"] == "tangram spectrum":
        return spectra.draw(file)
    return (parameter_gram if "parameter_gram" in file else kernel).draw(file, most)


def main():
    parser = argparse.ArgumentParser(description="One figure of a kernel file, of J^T J, or of their spectra.")
    parser.add_argument("input", type=Path, metavar="OUT.h5")
    parser.add_argument("--output", type=Path, help="the picture (OUT.png)")
    parser.add_argument("--samples", type=int, default=400, help="how many samples, or parameters, are shown (400)")
    arguments = parser.parse_args()
    output = arguments.output or arguments.input.with_suffix(".png")
    try:
        if arguments.samples < 1:
            raise Refusal("--samples is less than 1: give a number of samples")
        with open_file(arguments.input) as file:
            figure = draw(file, arguments.samples)
        figure.savefig(output)
    except (Refusal, OSError, ValueError) as error:
        print(f"plot: error: {error}", file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
