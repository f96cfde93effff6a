"""One figure of the spectrum of a kernel that was never made: its largest eigenvalues, how all are spread, what the largest explain."""

import numpy
from matplotlib import pyplot

from .style import TEXT, without_frame

GRAY = "#b8b8b8"
WIDTH = 0.08  # of the kernel that smooths nodes, in decades


def draw_largest(axes, group):
    values = group["eigenvalues"][:][::-1]
    axes.plot(numpy.arange(1, len(values) + 1), values, ".-", color="black", markersize=4, linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rank")
    axes.set_ylabel("eigenvalue")


def draw_density(axes, density, n):
    """Eigenvalues a decade: weights of all quadratures, each node a small bump on the axis of log10."""
    nodes, weights = density["nodes"][:], density["weights"][:]
    kept = numpy.isfinite(nodes) & (nodes > nodes[numpy.isfinite(nodes)].max() * 1e-14)
    places, sizes = numpy.log10(nodes[kept]), weights[kept] * n / len(nodes)
    x = numpy.linspace(places.min() - 0.5, places.max() + 0.5, 400)
    bumps = numpy.exp(-0.5 * ((x[:, None] - places[None, :]) / WIDTH) ** 2) / (WIDTH * numpy.sqrt(2 * numpy.pi))
    y = bumps @ sizes
    axes.fill_between(10**x, y, 1e-2, color="tab:blue", alpha=0.25, linewidth=0)
    axes.plot(10**x, y, color="tab:blue", linewidth=1.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=max(1e-2, y.max() * 1e-6))
    axes.set_xlabel("eigenvalue")
    axes.set_ylabel("eigenvalues a decade")


def draw_power(axes, group):
    power = group["cumulative_power"][:][::-1]
    ranks = numpy.arange(1, len(power) + 1)
    axes.plot(ranks, power, color=GRAY, linewidth=0.6)
    axes.plot(ranks, numpy.nanmean(power, axis=1), color="black", linewidth=1.6)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("eigenvectors, the largest first")
    axes.set_ylabel("part of the targets that they explain\n(gray: each column)")


def draw(file):
    panels = []
    group = file["spectrum/ntk"] if "spectrum" in file else None
    if group is not None:
        panels.append(lambda axes: draw_largest(axes, group))
    if "density" in file:
        panels.append(lambda axes: draw_density(axes, file["density"], len(group["eigenvectors"]) if group is not None else file.attrs["n_samples"]))
    if group is not None and "projections" in group:
        panels.append(lambda axes: draw_power(axes, group))
    with pyplot.rc_context(TEXT):
        figure, axes = pyplot.subplots(1, max(len(panels), 1), figsize=(4.8 * max(len(panels), 1), 4.4), squeeze=False)
        figure.subplots_adjust(left=0.16 / max(len(panels), 1) + 0.02, right=0.97, bottom=0.13, top=0.8, wspace=0.34)
        figure.text(0.02, 0.93, f"Spectrum of {file.attrs['n_samples']:,} samples, {file.attrs['reduction']}", fontsize=10)
        line = f"the kernel was never made; trace {file.attrs['trace']:.4g}"
        if "estimates" in file:
            line += f", effective rank about {file['estimates'].attrs['effective_rank']:.3g}"
        if group is not None:
            line += f", largest residual {group.attrs['residual']:.0e}"
        figure.text(0.02, 0.87, line, fontsize=8, color="#444444")
        for draw_one, its in zip(panels, axes[0]):
            draw_one(its)
            without_frame(its)
    return figure
