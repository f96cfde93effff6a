"""One figure of how a kernel changes over training: CKA of every two models; change, alignment and accuracy against step; each tensor's
change and CKA, of the last model against the first."""

import numpy
from matplotlib import pyplot
from matplotlib.ticker import MaxNLocator

from .style import TEXT, shortened, without_frame

TOTAL = "black"
MOST_TENSORS = 24  # rows that still have room for a name


def axis_of_steps(axes, steps):
    """A step of 0 has a place on the axis only if that is not logarithmic all the way."""
    positive = steps[steps > 0]
    if len(positive) > 1 and positive.max() / positive.min() > 30:
        axes.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("step")


def draw_cka(axes, group):
    cka, steps = group["cka"][0], group["step"][:]
    places = numpy.arange(len(steps))
    picture = axes.imshow(cka, vmin=min(0.0, float(numpy.nanmin(cka))) if numpy.isfinite(cka).any() else 0, vmax=1, cmap="viridis")
    kept = places[::max(1, len(places) // 6)]
    axes.set_xticks(kept, [f"{steps[k]:g}" for k in kept])
    axes.set_yticks(kept, [f"{steps[k]:g}" for k in kept])
    axes.set_xlabel("step")
    axes.set_ylabel("step")
    axes.set_title("CKA of the kernels at two steps", loc="left")
    if len(places) <= 6:
        for s in places:
            for t in places:
                if numpy.isfinite(cka[s, t]):
                    axes.text(t, s, f"{cka[s, t]:.2f}", ha="center", va="center", fontsize=7, color="white" if cka[s, t] < 0.6 else "black")
    axes.figure.colorbar(picture, ax=axes, fraction=0.046, pad=0.04)


def lines(axes, group, values, names, colors):
    steps, order = group["step"][:], numpy.argsort(group["step"][:], kind="stable")
    for k in range(1, len(names)):
        axes.plot(steps[order], values[k][order], color=colors[k], linewidth=0.8)
    axes.plot(steps[order], values[0][order], ".-", color=TOTAL, linewidth=1.8, markersize=5)
    axis_of_steps(axes, steps)
    without_frame(axes)


def draw_change(axes, group, names, colors):
    change = group["change_from_first"][:]
    lines(axes, group, change, names, colors)
    if numpy.nanmax(change) > 5 * numpy.nanmax(change[0]) > 0:  # one tensor would hide the others
        axes.set_yscale("symlog", linthresh=max(float(numpy.nanmin(numpy.where(change > 0, change, numpy.inf))), 1e-3))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("$|K_t - K_1| / |K_1|$")
    axes.set_title("change from the first model (black: the kernel)", loc="left")


def draw_alignment(axes, group, names, colors):
    lines(axes, group, group["centred_alignment"][:], names, colors)
    axes.set_ylim(min(0, axes.get_ylim()[0]), 1)
    axes.set_ylabel("centred kernel-target alignment")
    title = "alignment with the targets"
    if "accuracy" in group:
        steps, order = group["step"][:], numpy.argsort(group["step"][:], kind="stable")
        axes.plot(steps[order], group["accuracy"][:][order], "--", color="tab:red", linewidth=1.2)
        title += " (red, dashed: accuracy)"
    axes.set_title(title, loc="left")


def draw_tensors(axes, group, names, colors):
    """Each kernel, last against first: how far it moved, and its CKA beside the bar."""
    change, cka = group["change_from_first"][:, -1], group["cka"][:, 0, -1]
    places = numpy.arange(len(names))
    axes.barh(places, numpy.nan_to_num(change), color=[TOTAL, *colors[1:]], height=0.7)
    size = min(7, 150 / len(names))
    axes.set_yticks(places, [shortened(name, 70, size) for name in names] if len(names) <= MOST_TENSORS else [""] * len(names), fontsize=size)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(float(numpy.nanmax(change)), 1e-9))
    if len(names) <= MOST_TENSORS:
        for place, (moved, same) in enumerate(zip(change, cka)):
            text = f" CKA {same:.2f}" if numpy.isfinite(same) else " constant"
            axes.text(numpy.nan_to_num(moved), place, text, va="center", fontsize=size)
    axes.set_xlabel("$|K_t - K_1| / |K_1|$, last model")
    axes.set_title("each tensor, last model against first", loc="left")
    without_frame(axes)


def draw(file):
    group = file["drift"]
    names = [name.decode() if isinstance(name, bytes) else name for name in group["name"][:]]
    names[0] = "kernel"
    colors = [TOTAL, *pyplot.get_cmap("plasma")(numpy.linspace(0.05, 0.85, max(len(names) - 1, 1)))]
    panels = [lambda axes: draw_cka(axes, group), lambda axes: draw_change(axes, group, names, colors)]
    if "centred_alignment" in group:
        panels.append(lambda axes: draw_alignment(axes, group, names, colors))
    panels.append(lambda axes: draw_tensors(axes, group, names, colors))
    with pyplot.rc_context(TEXT):
        figure, axes = pyplot.subplots(2, 2, figsize=(9.2, 7.0))
        figure.subplots_adjust(left=0.09, right=0.97, bottom=0.075, top=0.88, wspace=0.3, hspace=0.36)
        figure.text(0.03, 0.955, f"Kernel of {len(group['step'])} models over training", fontsize=11)
        what = "none of which was stored" if file.attrs["format"] == "tangram" else "which are stored"
        figure.text(0.03, 0.93, f"{file.attrs['n_samples']:,} samples, {file.attrs.get('reduction_text', file.attrs['reduction'])}, "
                    f"{file.attrs['precision']}; {len(names)} kernels a model, {what}", fontsize=8, color="#444444")
        for draw_panel, place in zip(panels, axes.flat):
            draw_panel(place)
        for unused in axes.flat[len(panels):]:
            unused.set_axis_off()
        return figure
