#!/usr/bin/env python3
"""One figure of a kernel file: the kernel, its components on one scale, what each parameter tensor contributes to the
trace, and the checks. Of J^T J: how parameters go together. Of a file of spectra, by `tangram spectrum`: the eigenvalues of the total and each component, and what they explain
of targets. Of kernels over training, by `tangram drift`: their CKA, how far they moved, alignment. Of a regression, by `tangram regress`: errors and accuracies against the ridge and time, predicted against true.

    jobs/plot.py OUT.h5                        writes OUT.png
    jobs/plot.py OUT.h5 --output figure.pdf    or .svg, or whatever matplotlib writes
    jobs/plot.py OUT.h5 --samples 200          show so many samples (400, evenly spaced), or parameters
    jobs/plot.py OUT.h5 --dpi 100              200 by default
    jobs/plot.py OUT.spectrum.h5               writes OUT.spectrum.png; so for the file of a regression

Of more than 12 parameter tensors those of a layer, by the part of their names before the last dot, are summed.
Samples are in order of their labels where the file has some; of test against train, rows are test samples and columns training
samples, each in the order of its own labels. Of a large kernel only the rows of these samples are read,
and the diagonals. Needs python3-h5py and python3-matplotlib.
"""

import argparse
import sys
from pathlib import Path

try:
    import h5py
    import matplotlib
except ImportError as missing:
    sys.exit(f"plot: error: {missing.name} is missing for {sys.executable}: install it, on Debian by 'apt-get install python3-h5py "
             f"python3-matplotlib', and run this with that Python: /usr/bin/python3 {sys.argv[0]}")

matplotlib.use("Agg")
sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import drift, kernel, operator_spectrum, parameter_gram, regression, spectra  # noqa: E402, after the backend is chosen
from tangram_file import Refusal, open_hdf5, open_kernel  # noqa: E402

FORMATS = ("tangram", "tangram spectrum", "tangram regression", "tangram drift")


def open_file(path):
    """A KernelFile, or the h5py.File of spectra, of a regression, or of drift."""
    file = open_hdf5(path, FORMATS)
    if file.attrs["format"] != "tangram" or "drift" in file:
        return file
    file.close()
    return open_kernel(path)


def draw(file, most):
    if file.attrs["format"] == "tangram spectrum":
        return operator_spectrum.draw(file) if file.attrs.get("matrix_free") else spectra.draw(file)
    if file.attrs["format"] == "tangram regression":
        return regression.draw(file)
    if isinstance(file, h5py.File):
        return drift.draw(file)
    return (parameter_gram if "parameter_gram" in file.hdf5 else kernel).draw(file, most)


def drawn(file, most, path):
    try:
        return draw(file, most)
    except (KeyError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise Refusal(f"cannot draw ({path}): {reason}: 'tangram verify' tells whether the file is whole") from error


def save(figure, output, dpi):
    known = figure.canvas.get_supported_filetypes()
    if output.suffix[1:].lower() not in known:
        raise Refusal(f"--output {output} ends in no kind of picture: give one of .{', .'.join(sorted(known))}")
    try:
        figure.savefig(output, dpi=dpi)
    except OSError as error:
        raise Refusal(f"cannot write ({output}): {error.strerror}: give another --output") from None


def main():
    parser = argparse.ArgumentParser(description="One figure of a kernel file, of J^T J, of their spectra, of drift, or of a regression.")
    parser.add_argument("input", type=Path, metavar="OUT.h5")
    parser.add_argument("--output", type=Path, help="the picture (OUT.png)")
    parser.add_argument("--samples", type=int, default=400, help="how many samples, or parameters, are shown (400)")
    parser.add_argument("--dpi", type=int, default=200, help="dots an inch of the picture (200)")
    arguments = parser.parse_args()
    output = arguments.output or arguments.input.with_suffix(".png")
    try:
        if arguments.samples < 1:
            raise Refusal("--samples is less than 1: give a number of samples")
        if arguments.dpi < 1:
            raise Refusal("--dpi is less than 1: give a number of dots")
        with open_file(arguments.input) as file:
            figure = drawn(file, arguments.samples, arguments.input)
        save(figure, output, arguments.dpi)
    except Refusal as refusal:
        print(f"plot: error: {refusal}", file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
