#!/usr/bin/env python3
"""One figure of a kernel file: the kernel, its components on one scale, what each parameter tensor contributes to the
trace, and the checks. Of a file of spectra, by `tangram spectrum`: the eigenvalues of the total and each component.

    jobs/plot.py OUT.h5                        writes OUT.png
    jobs/plot.py OUT.h5 --output figure.pdf    or .svg, or whatever matplotlib writes
    jobs/plot.py OUT.h5 --samples 200          show so many samples (400, evenly spaced)
    jobs/plot.py OUT.spectrum.h5               writes OUT.spectrum.png

Samples are in order of their labels where the file has some. Of a large kernel only the rows of these samples are read,
and the diagonals. Needs python3-h5py and python3-matplotlib.
"""

import argparse
import json
import sys
from pathlib import Path

import h5py
import matplotlib
import numpy

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402, after the backend is chosen
from matplotlib.colors import FuncNorm, Normalize  # noqa: E402

LAYERS_A_LINE = 6
MOST_CHECKED = 14  # components in the table; of more, the worst
DIAGONAL_BLOCK = 64
TEXT = {"font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
        "axes.linewidth": 0.6, "figure.dpi": 200, "savefig.dpi": 200, "mathtext.default": "regular"}


class Refusal(Exception):
    """What is wrong with the file, and what to do."""


# ---- reading


class Kernel:
    """What the figure needs of an open kernel file; `rows` are the kernel rows that are shown."""

    def __init__(self, file, most_samples):
        self.file = file
        self.attrs = file.attrs
        self.per_sample = file["ntk"].shape[0] // file.attrs["n_samples"]
        count = int(file.attrs["n_samples"])
        order = numpy.arange(count)
        self.labels = file["labels"][:] if "labels" in file else None
        if self.labels is not None:
            order = numpy.argsort(self.labels, kind="stable")
        self.samples = order[numpy.unique(numpy.linspace(0, count - 1, min(count, most_samples)).round().astype(int))]
        self.rows = self.samples * self.per_sample  # of the first output, in a kernel of all pairs of outputs
        self.components = sorted(file["components"], key=self.place)
        self.depth = max((file["components"][name].attrs["layer"] for name in self.components), default=0)

    def place(self, name):
        """By layer, weights before biases."""
        attrs = self.file["components"][name].attrs
        return attrs["layer"], "bias_scale" in attrs

    def part(self, path):
        """The matrix on the rows that are shown: no other rows are read."""
        dataset = self.file[path]
        return numpy.array([dataset[row, :][self.rows] for row in self.rows])

    def trace(self, path):
        """The exact trace, from the blocks along the diagonal."""
        dataset = self.file[path]
        total = 0.0
        for first in range(0, dataset.shape[0], DIAGONAL_BLOCK):
            block = slice(first, first + DIAGONAL_BLOCK)
            total += dataset[block, block].diagonal().sum(dtype="f8")
        return total

    def title(self):
        a = self.attrs
        inputs = [json.loads(entry)["name"] for entry in self.file["provenance"].attrs["inputs"]]
        reduction = f"output {a['logit']}" if a["logit"] >= 0 else f"{a['reduction']} over {a['n_outputs']} outputs"
        if a["reduction"] == "full":
            reduction = f"all pairs of {a['n_outputs']} outputs, output 0 shown"
        model = Path(inputs[0]).stem if inputs else "network"
        return (f"Empirical neural tangent kernel of {model}",
                f"{a['n_samples']:,} samples, {a['n_parameters']:,} parameters, {reduction}, {a['parameterization']} "
                f"parameterization, {a['precision']}")


def open_file(path, formats=("tangram", "tangram spectrum")):
    try:
        file = h5py.File(path, "r", rdcc_nbytes=0)  # no cache of whole tiles: only what is asked for is read
    except OSError as error:
        raise Refusal(f"cannot open ({path}): {error}: name the --output of 'tangram kernel' or 'tangram spectrum'") from None
    if file.attrs.get("format") not in formats or file.attrs.get("status") == "partial":
        raise Refusal(f"not a finished file of tangram ({path}): name the --output of 'tangram kernel' or 'tangram spectrum'")
    return file


def spectra_of(file):
    """[(name, group)] of a file of spectra, those of whole kernels first."""
    found = []
    file["spectrum"].visititems(lambda name, item: found.append((name, item)) if "eigenvalues" in item else None)
    return sorted(found, key=lambda entry: (entry[0].count("/"), entry[0]))


# ---- drawing


def linear_scale(values):
    """Colors of one matrix: from zero up, or about zero where entries have both signs. The few largest entries, often on
    the diagonal, share the last color."""
    low, high = values.min(), numpy.percentile(numpy.abs(values), 99.5)
    high = high if high > 0 else 1.0
    if low < -1e-3 * high:
        return {"norm": Normalize(-high, high), "cmap": "RdBu_r"}
    return {"norm": Normalize(0, high), "cmap": "viridis"}


def common_scale(matrices):
    """Colors of all components. They grow with the square root of an entry: tensors contribute so differently that on a
    linear scale most of them would be blank."""
    high = max(numpy.abs(values).max() for values in matrices)
    high = high if high > 0 else 1.0
    norm = FuncNorm((lambda v: numpy.sign(v) * numpy.sqrt(numpy.abs(v)), lambda r: r * numpy.abs(r)), -high, high)
    return {"norm": norm, "cmap": "RdBu_r"}


def round_below(value):
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** numpy.floor(numpy.log10(value))
    return power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-12))


def class_borders(kernel):
    """Where the label changes among the samples that are shown, and where each class has its middle."""
    labels = kernel.labels[kernel.samples]
    starts = numpy.flatnonzero(numpy.r_[True, labels[1:] != labels[:-1]])
    ends = numpy.r_[starts[1:], len(labels)]
    return starts[1:] - 0.5, (starts + ends - 1) / 2, labels[starts]


def draw_matrix(axes, values, scale):
    axes.set_xticks([])
    axes.set_yticks([])
    return axes.imshow(values, interpolation="nearest" if len(values) < 200 else "antialiased", **scale)


def draw_kernel(figure, axes, kernel, values, scale):
    picture = draw_matrix(axes, values, scale)
    if kernel.labels is not None and len(set(kernel.labels)) <= 20:
        borders, middles, names = class_borders(kernel)
        for border in borders:
            axes.axhline(border, color="white", linewidth=0.3)
            axes.axvline(border, color="white", linewidth=0.3)
        names = [f"{name:g}" for name in names]
        axes.set_xticks(middles, names)
        axes.set_yticks(middles, names)
        axes.tick_params(length=0)
        axes.set_xlabel(f"samples by label ({len(values)} of {kernel.attrs['n_samples']:,} shown)")
    else:
        axes.set_xlabel(f"samples ({len(values)} of {kernel.attrs['n_samples']:,} shown)")
    axes.set_title("kernel $K = J J^T$", loc="left")
    bar = figure.colorbar(picture, ax=axes, fraction=0.046, pad=0.02, extend="max" if scale["norm"].vmin == 0 else "both")
    bar.outline.set_linewidth(0.4)


def draw_components(figure, place, kernel, parts):
    """Columns are layers; weights above biases; one scale for all."""
    scale = common_scale(list(parts.values()))
    lines = -(-kernel.depth // LAYERS_A_LINE)
    columns = min(kernel.depth, LAYERS_A_LINE)
    grid = figure.add_gridspec(2 * lines, columns, left=place[0], right=place[1], bottom=place[2], top=place[3],
                               wspace=0.08, hspace=0.22)
    used = []
    for name, values in parts.items():
        layer, is_bias = kernel.place(name)
        axes = figure.add_subplot(grid[2 * ((layer - 1) // LAYERS_A_LINE) + is_bias, (layer - 1) % LAYERS_A_LINE])
        picture = draw_matrix(axes, values, scale)
        axes.set_title(name, loc="left", fontsize=7 if len(name) < 14 else 5.5, pad=2)
        used.append(axes)
    bar_axes = figure.add_axes([place[1] + 0.008, place[2], 0.010, place[3] - place[2]])
    bar = figure.colorbar(picture, cax=bar_axes)
    large, small = round_below(scale["norm"].vmax), round_below(scale["norm"].vmax / 10)
    bar.set_ticks([-large, -small, 0, small, large], labels=[f"{v:g}" for v in (-large, -small, 0, small, large)])
    bar.outline.set_linewidth(0.4)
    figure.text(place[0], place[3] + 0.022, "components, on one (square root) scale", fontsize=8)


def draw_traces(axes, kernel):
    total = kernel.trace("ntk")
    shares = [100 * kernel.trace(f"components/{name}") / total if total else 0 for name in kernel.components]
    places = numpy.arange(len(shares))
    colors = ["#d98c3f" if kernel.place(name)[1] else "#3b6ea5" for name in kernel.components]
    axes.barh(places, shares, color=colors, height=0.7)
    size = min(7, 90 / len(shares))
    axes.set_yticks(places, kernel.components, fontsize=size)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18 * max([*shares, 1e-9]))
    for place, share in zip(places, shares):
        axes.text(share, place, f" {share:.1f} %" if share >= 0.1 or share == 0 else f" {share:.0e} %", va="center", fontsize=size)
    axes.set_xlabel("% of the kernel's trace")
    axes.set_title("share of each parameter tensor (weights blue, biases orange)", loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def check_rows(kernel):
    """The table's lines: one a component, then the total and the checks of the whole."""
    checks = kernel.file["checks"]
    number = lambda value, form: "-" if numpy.isnan(value) else format(value, form)
    rows = []
    if "component" in checks:
        found = zip(checks["component"].asstr()[:], checks["relative_error"][:], checks["scale"][:], checks["probe_error"][:])
        rows = [[name, number(error, ".1e"), number(scale, ".7f"), number(probe, ".1e")] for name, error, scale, probe in found]
        if len(rows) > MOST_CHECKED:
            worst = numpy.argsort(-checks["relative_error"][:])[:MOST_CHECKED]
            rows = [rows[k] for k in sorted(worst)]
    a = checks.attrs
    rows.append(["kernel", number(a["total_relative_error"], ".1e"), number(a["total_scale"], ".7f"), number(a["probe_error"], ".1e")])
    return rows


def draw_checks(axes, kernel):
    a = kernel.file["checks"].attrs
    axes.axis("off")
    listed = f", the {MOST_CHECKED} worst components" if len(kernel.components) > MOST_CHECKED else ""
    verdict = {1: "passed", 0: "FAILED", -1: "not run"}[int(a["passed"])]
    axes.set_title(f"checks against the explicit Jacobian: {verdict}, tolerance {a['tolerance']:.0e}{listed}",
                   loc="left",
                   color="#b00020" if a["passed"] == 0 else "black")
    rows = check_rows(kernel)
    table = axes.table(rows, colLabels=["", "relative error", "scale", "probe"], loc="upper left", cellLoc="right",
                       colWidths=[0.34, 0.24, 0.22, 0.20], edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(min(7, 90 / len(rows)))
    for (row, column), cell in table.get_celld().items():
        cell.set_height(0.82 / (len(rows) + 1))
        cell.set_linewidth(0.3)
        cell.get_text().set_weight("bold" if row == 0 else "normal")
        if column == 0:
            cell.get_text().set_horizontalalignment("left")
    others = [("symmetry", "symmetry_error"), ("sum of components", "sum_of_components_error"),
              ("finite differences", "finite_difference_error")]
    line = ",  ".join(f"{name} {a[key]:.1e}" for name, key in others if not numpy.isnan(a[key]))
    axes.text(0, 0.0, line, fontsize=7, transform=axes.transAxes)


def draw(kernel):
    parts = {name: kernel.part(f"components/{name}") for name in kernel.components}
    total = kernel.part("ntk")
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(10, 7.2))
        title, subtitle = kernel.title()
        figure.text(0.04, 0.965, title, fontsize=11)
        figure.text(0.04, 0.94, subtitle, fontsize=8, color="#444444")
        draw_kernel(figure, figure.add_axes([0.04, 0.43, 0.34, 0.47]), kernel, total, linear_scale(total))
        if parts:
            draw_components(figure, (0.47, 0.925, 0.44, 0.88), kernel, parts)
            draw_traces(figure.add_axes([0.11, 0.07, 0.32, 0.27]), kernel)
        draw_checks(figure.add_axes([0.52, 0.05, 0.44, 0.29]), kernel)
    return figure


def draw_eigenvalues(axes, spectra):
    """Against their rank, largest first: spikes on the left, the bulk where lines are flat, noise below each floor."""
    colors = pyplot.get_cmap("tab10").colors
    for k, (name, group) in enumerate(spectra):
        values = group["eigenvalues"][:][::-1]
        positive = numpy.flatnonzero(values > 0)
        style = dict(color="black", linewidth=1.6) if "/" not in name else dict(color=colors[k % 10], linewidth=1)
        clean = positive[values[positive] >= group.attrs["noise_floor"]]
        axes.plot(clean + 1, values[clean], label=name, marker=".", markersize=2.5, **style)
        noise = positive[values[positive] < group.attrs["noise_floor"]]
        axes.plot(noise + 1, values[noise], ".", markersize=1, alpha=0.15, color=style["color"])
    axes.set_xscale("log")
    axes.set_yscale("log")
    largest = max(group.attrs["noise_floor"] / numpy.finfo("f8").eps for _, group in spectra)
    lowest = min(max(group.attrs["noise_floor"], 1e-300) for _, group in spectra)
    top = max(group["eigenvalues"][-1] for _, group in spectra)
    axes.set_ylim(max(lowest * 1e-3, largest * 1e-30, top * 1e-30), 3 * top)
    axes.set_xlabel("rank")
    axes.set_ylabel("eigenvalue (faint: below the noise floor of the stored precision)")
    axes.legend(frameon=False, fontsize=7)


def draw_densities(axes, spectra):
    """How many eigenvalues there are at each size: the bulk and what stands apart from it."""
    colors = pyplot.get_cmap("tab10").colors
    above = {name: group["eigenvalues"][:][group["eigenvalues"][:] >= max(group.attrs["noise_floor"], 1e-300)] for name, group in spectra}
    everything = numpy.concatenate(list(above.values()))
    if len(everything) == 0:
        return
    edges = numpy.logspace(numpy.log10(everything.min()) - 0.05, numpy.log10(everything.max()) + 0.05, 60)
    for k, (name, values) in enumerate(above.items()):
        color = "black" if "/" not in name else colors[k % 10]
        counts, _ = numpy.histogram(values, edges)
        axes.stairs(numpy.where(counts > 0, counts, numpy.nan), edges, color=color, linewidth=1.4 if "/" not in name else 0.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("eigenvalue")
    axes.set_ylabel("how many")


def draw_spectra(file):
    spectra = spectra_of(file)
    with pyplot.rc_context(TEXT):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.6), gridspec_kw={"width_ratios": [1.25, 1]})
        figure.subplots_adjust(left=0.07, right=0.98, bottom=0.11, top=0.84, wspace=0.2)
        source = Path(file["provenance"].attrs["kernel_file"]).name
        first, group = spectra[0]
        a = group.attrs
        condition = f"{a['condition_number']:.2e}" + (" (noise)" if a["condition_number_is_noise"] else "")
        figure.text(0.07, 0.94, f"Eigenvalues of {source}", fontsize=11)
        figure.text(0.07, 0.89, f"{first}: n = {a['n']:,}, condition number {condition}, effective rank {a['effective_rank']:.1f}, by entropy "
                    f"{a['entropy_rank']:.1f}, largest stable step {a['largest_stable_step']:.2e}", fontsize=8, color="#444444")
        draw_eigenvalues(left, spectra)
        draw_densities(right, spectra)
        for axes in (left, right):
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description="One figure of a kernel file, or of its spectra.")
    parser.add_argument("input", type=Path, metavar="OUT.h5")
    parser.add_argument("--output", type=Path, help="the picture (OUT.png)")
    parser.add_argument("--samples", type=int, default=400, help="how many are shown (400)")
    arguments = parser.parse_args()
    output = arguments.output or arguments.input.with_suffix(".png")
    try:
        if arguments.samples < 1:
            raise Refusal("--samples is less than 1: give a number of samples")
        with open_file(arguments.input) as file:
            is_spectrum = file.attrs["format"] == "tangram spectrum"
            figure = draw_spectra(file) if is_spectrum else draw(Kernel(file, arguments.samples))
        figure.savefig(output)
    except (Refusal, OSError, ValueError) as error:
        print(f"plot: error: {error}", file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
