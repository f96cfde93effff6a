"""One figure of a file of spectra: eigenvalues against their rank, and how many there are of each size."""

from pathlib import Path

import numpy
from matplotlib import pyplot

from .style import TEXT, without_frame


def spectra_of(file):
    """[(name, group)] of a file of spectra, in the order of the network, whole kernels first."""
    found = []
    file["spectrum"].visititems(lambda name, item: found.append((name, item)) if "eigenvalues" in item else None)
    return sorted(found, key=lambda entry: (entry[0].count("/"), entry[1].attrs.get("place", 0), entry[0]))


def noise_of(group):
    """Below this eigenvalues are made of rounding; files of older versions have another estimate of it."""
    return group.attrs["storage_noise"] if "storage_noise" in group.attrs else group.attrs["noise_floor"]


def draw_eigenvalues(axes, spectra):
    """Against their rank, largest first: spikes on the left, the bulk where lines are flat, noise below each floor."""
    colors = pyplot.get_cmap("tab10").colors
    for k, (name, group) in enumerate(spectra):
        values = group["eigenvalues"][:][::-1]
        positive = numpy.flatnonzero(values > 0)
        style = dict(color="black", linewidth=1.6) if "/" not in name else dict(color=colors[k % 10], linewidth=1)
        clean = positive[values[positive] >= noise_of(group)]
        axes.plot(clean + 1, values[clean], label=name, marker=".", markersize=2.5, **style)
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
    axes.legend(frameon=False, fontsize=7)


def draw_densities(axes, spectra):
    """How many eigenvalues there are at each size: the bulk and what stands apart from it."""
    colors = pyplot.get_cmap("tab10").colors
    above = {name: group["eigenvalues"][:][group["eigenvalues"][:] >= max(noise_of(group), 1e-300)] for name, group in spectra}
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


def draw(file):
    spectra = spectra_of(file)
    with pyplot.rc_context(TEXT):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.6), gridspec_kw={"width_ratios": [1.25, 1]})
        figure.subplots_adjust(left=0.07, right=0.98, bottom=0.11, top=0.84, wspace=0.2)
        source = Path(file["provenance"].attrs["kernel_file"]).name
        first, group = spectra[0]
        a = group.attrs
        condition = f"{a['condition_number']:.2e}" + (" (noise)" if a["condition_number_is_noise"] else "")
        figure.text(0.07, 0.94, f"Eigenvalues of {source}", fontsize=11)
        step = a["largest_stable_step"]
        figure.text(0.07, 0.89, f"{first}: n = {a['n']:,}, condition number {condition}, effective rank {a['effective_rank']:.1f}, by entropy "
                    f"{a['entropy_rank']:.1f}" + ("" if numpy.isnan(step) else f", largest stable step {step:.2e}"), fontsize=8, color="#444444")
        draw_eigenvalues(left, spectra)
        draw_densities(right, spectra)
        without_frame(left)
        without_frame(right)
    return figure
