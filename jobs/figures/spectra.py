"""One figure of a file of spectra: eigenvalues against their rank, and how many there are of each size."""

from pathlib import Path

import numpy
from matplotlib import pyplot

from .style import TEXT, shortened, without_frame

MOST_LINES = 9  # each with a color and a name; of more spectra those with the largest trace, the others thin and gray
MOST_NAMED = 8
NAME_WIDTH = 130  # points, in the legend
GRAY = "#b8b8b8"


def spectra_of(file):
    """[(name, group)] of a file of spectra, in the order of the network, whole kernels first."""
    found = []
    file["spectrum"].visititems(lambda name, item: found.append((name, item)) if hasattr(item, "keys") and "eigenvalues" in item else None)
    return sorted(found, key=lambda entry: (entry[0].count("/"), entry[1].attrs.get("place", 0), entry[0]))


def noise_of(group):
    """Below this eigenvalues are made of rounding; files of older versions have another estimate of it."""
    return group.attrs["storage_noise"] if "storage_noise" in group.attrs else group.attrs["noise_floor"]


def is_whole(name):
    """Of the kernel, no part of it."""
    return "/" not in name


def styles_of(spectra):
    """{name: how its line is drawn}, the grayest first, so that they lie below the others."""
    parts = [name for name, _ in spectra if not is_whole(name)]
    named = parts
    if len(parts) > MOST_LINES:
        size = {name: group["eigenvalues"][:].sum() for name, group in spectra}
        chosen = set(sorted(parts, key=lambda name: -size[name])[:MOST_NAMED])
        named = [name for name in parts if name in chosen]
    colors = [color for color in pyplot.get_cmap("tab10").colors if len(set(color)) > 1]  # without its gray
    styles = {name: dict(color=GRAY, linewidth=0.4) for name in parts if name not in named}
    styles |= {name: dict(color=colors[k % len(colors)], linewidth=1) for k, name in enumerate(named)}
    return styles | {name: dict(color="black", linewidth=1.6) for name, _ in spectra if is_whole(name)}


def label_of(name, styles):
    """In the legend: a name, or for all gray lines their number."""
    gray = [other for other, style in styles.items() if style["color"] == GRAY]
    if name not in gray:
        return shortened(name, NAME_WIDTH, 7)
    return f"{len(gray)} others, of smaller trace" if name == gray[-1] else "_"


def draw_eigenvalues(axes, spectra, styles):
    """Against their rank, largest first: spikes on the left, the bulk where lines are flat, noise below each floor."""
    groups = dict(spectra)
    for name, style in styles.items():
        group = groups[name]
        values = group["eigenvalues"][:][::-1]
        positive = numpy.flatnonzero(values > 0)
        clean = positive[values[positive] >= noise_of(group)]
        marker = "" if style["color"] == GRAY else "."
        axes.plot(clean + 1, values[clean], label=label_of(name, styles), marker=marker, markersize=2.5, **style)
        noise = positive[values[positive] < noise_of(group)]
        axes.plot(noise + 1, values[noise], ".", markersize=1, alpha=0.15, color=style["color"])
    axes.set_xscale("log")
    axes.set_yscale("log")
    top = max(group["eigenvalues"][-1] for _, group in spectra)
    lowest = min(max(noise_of(group), 1e-300) for _, group in spectra)
    if top > 0:
        axes.set_ylim(max(lowest * 1e-3, top * 1e-30), 3 * top)
    axes.set_xlabel("rank")
    axes.set_ylabel("eigenvalue (faint: below the noise of the stored precision)")
    lines = {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}
    order = [label_of(name, styles) for name in groups]
    order = sorted((label for label in order if label in lines), key=lambda label: lines[label].get_color() == GRAY)
    axes.legend([lines[label] for label in order], order, frameon=False, fontsize=7, loc="lower left")


def draw_densities(axes, spectra, styles):
    """How many eigenvalues there are at each size: the bulk and what stands apart from it. Of those that have a name."""
    groups = {name: group for name, group in spectra if styles[name]["color"] != GRAY}
    above = {name: group["eigenvalues"][:][group["eigenvalues"][:] >= max(noise_of(group), 1e-300)] for name, group in groups.items()}
    everything = numpy.concatenate(list(above.values()))
    if len(everything) == 0:
        return
    edges = numpy.logspace(numpy.log10(everything.min()) - 0.05, numpy.log10(everything.max()) + 0.05, 60)
    for name, values in above.items():
        counts, _ = numpy.histogram(values, edges)
        axes.stairs(numpy.where(counts > 0, counts, numpy.nan), edges, color=styles[name]["color"], linewidth=1.4 if is_whole(name) else 0.9)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("eigenvalue")
    axes.set_ylabel("how many")


def draw_powers(axes, spectra, styles):
    """What the largest eigenvectors explain of the targets, all columns together, against how many they are."""
    for name, group in spectra:
        if styles[name]["color"] == GRAY or "projections" not in group:
            continue
        power = (group["projections"][:] ** 2).sum(axis=1)[::-1]
        if power.sum() > 0:
            axes.plot(numpy.arange(1, len(power) + 1), numpy.cumsum(power) / power.sum(), **styles[name])
    for part in (0.9, 0.99):
        axes.axhline(part, color=GRAY, linewidth=0.5, linestyle=":")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("eigenvectors, the largest first")
    axes.set_ylabel("part of the targets that they explain")


def draw(file):
    spectra = spectra_of(file)
    with_targets = "targets" in file.attrs
    with pyplot.rc_context(TEXT):
        figure, (left, right, *more) = pyplot.subplots(1, 3 if with_targets else 2, figsize=(14 if with_targets else 10, 4.6),
                                                       gridspec_kw={"width_ratios": [1.25, 1, 1][:3 if with_targets else 2]})
        figure.subplots_adjust(left=0.07, right=0.98, bottom=0.11, top=0.84, wspace=0.2)
        source = Path(file["provenance"].attrs["kernel_file"]).name
        first, group = spectra[0]
        a = group.attrs
        condition = f"{a['condition_number']:.2e}" + (" (noise)" if a["condition_number_is_noise"] else "")
        figure.text(0.07, 0.94, f"Eigenvalues of {source}", fontsize=11)
        step = a["largest_stable_step"]
        figure.text(0.07, 0.89, f"{first}: n = {a['n']:,}, condition number {condition}, effective rank {a['effective_rank']:.1f}, by entropy "
                    f"{a['entropy_rank']:.1f}" + ("" if numpy.isnan(step) else f", largest stable step {step:.2e}"), fontsize=8, color="#444444")
        styles = styles_of(spectra)
        draw_eigenvalues(left, spectra, styles)
        draw_densities(right, spectra, styles)
        for axes in more:
            draw_powers(axes, spectra, styles)
            axes.set_title(f"alignment {a['alignment']:.3f}, centred {a['centred_alignment']:.3f}", fontsize=8)
        for axes in (left, right, *more):
            without_frame(axes)
    return figure
