"""One figure of a regression: errors and accuracies against the ridge or time, and predictions against what is true."""

from pathlib import Path

import numpy
from matplotlib import pyplot

from .style import TEXT, without_frame

SETS = {"train": ("train", "#1f77b4"), "leave_one_out": ("left out", "#ff7f0e"), "test": ("test", "#2ca02c")}
MOST_CLASSES = 30  # of a confusion matrix; of more, and of numbers, predicted against true


def finite(values):
    return numpy.isfinite(values).any()


def draw_curves(axes, x, group, kind, logarithmic):
    """`kind` (error or accuracy) of all sets against x; a line where there is more than one point, else a dot."""
    for name, (label, color) in SETS.items():
        if f"{name}_{kind}" not in group:
            continue
        y = group[f"{name}_{kind}"][:]
        good = numpy.isfinite(y) & numpy.isfinite(x) & ((y > 0) | (not logarithmic))
        if good.any():
            order = numpy.argsort(x[good])
            axes.plot(x[good][order], y[good][order], color=color, label=label, linewidth=1.2, marker="o" if good.sum() < 12 else None, markersize=3)
    if logarithmic:
        axes.set_yscale("log")
    axes.set_ylabel("error, mean over samples" if kind == "error" else "accuracy")
    without_frame(axes)


def with_scale(axes, x, label):
    positive = x[numpy.isfinite(x) & (x > 0)]
    if len(positive) > 1 and positive.max() > 5 * positive.min():
        axes.set_xscale("log")
    axes.set_xlabel(label)


def chosen_place(file):
    """Which fit is drawn against the truth: the best by leave-one-out, else the last."""
    group = file["regression"] if "regression" in file else file["dynamics"]
    if "ridge" in group and numpy.isfinite(file.attrs["best_by_leave_one_out"]):
        k = int(numpy.abs(group["ridge"][:] - file.attrs["best_by_leave_one_out"]).argmin())
        return group, k, f"lambda = {group['ridge'][k]:.3g}"
    k = len(group["train_error"]) - 1
    return group, k, "lambda" if "ridge" in group else f"tau = {group['times'][k]:.3g}"


def told_classes(file, predictions, classes):
    """The class that each prediction tells, as the program counts it."""
    if predictions.shape[1] > 1:
        return predictions.argmax(axis=1)
    return (predictions[:, 0] > 0).astype(int) if len(classes) == 2 else None


def draw_confusion(axes, told, true, classes):
    count = len(classes)
    matrix = numpy.zeros((count, count))
    known = true >= 0
    numpy.add.at(matrix, (true[known], told[known]), 1)
    shown = matrix / numpy.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shown, cmap="Blues", vmin=0, vmax=1)
    if count <= 12:
        for i in range(count):
            for j in range(count):
                if matrix[i, j]:
                    axes.text(j, i, f"{matrix[i, j]:.0f}", ha="center", va="center", fontsize=6, color="white" if shown[i, j] > 0.6 else "black")
    axes.set_xticks(range(count), classes, fontsize=6, rotation=90 if count > 12 else 0)
    axes.set_yticks(range(count), classes, fontsize=6)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")


def draw_scatter(axes, predictions, targets):
    axes.plot(targets.ravel(), predictions.ravel(), ".", markersize=2, color="#1f77b4", alpha=0.5)
    ends = [min(targets.min(), predictions.min()), max(targets.max(), predictions.max())]
    axes.plot(ends, ends, color="#999999", linewidth=0.8)
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")
    without_frame(axes)


def draw_truth(axes, file):
    """Of the test samples where their targets are there, else of left-out ones, else of the training samples."""
    group, k, at = chosen_place(file)
    if "test_targets" in file:
        predictions, targets, classes, whose = group["test_predictions"][k], file["test_targets"][:], "test_classes", "test"
    else:
        left_out = "leave_one_out_predictions" in group and finite(group["leave_one_out_predictions"][k])
        name = "leave_one_out_predictions" if left_out else "train_predictions"
        predictions, targets, classes, whose = group[name][k], file["targets"][:], "classes", "left out" if left_out else "train"
    axes.set_title(f"{whose} samples, {at}", fontsize=8)
    names = [str(name) for name in numpy.atleast_1d(file.attrs["classes"])] if "classes" in file.attrs else []
    told = told_classes(file, predictions, names) if names and len(names) <= MOST_CLASSES else None
    if told is None:
        return draw_scatter(axes, predictions, targets)
    return draw_confusion(axes, told, file[classes][:], names)


def titles(figure, file):
    a = file.attrs
    source = Path(file["provenance"].attrs["kernel_file"]).name
    figure.text(0.07, 0.95, f"Kernel regression on {source}", fontsize=11)
    best = "" if not numpy.isfinite(a["best_by_leave_one_out"]) else f", best ridge by leave-one-out {a['best_by_leave_one_out']:.3g}"
    network = "" if not numpy.isfinite(a["network_accuracy"]) else f", the network's own accuracy {a['network_accuracy']:.4f}"
    figure.text(0.07, 0.905, f"N = {a['n_samples']:,}, M = {a['n_test_samples']:,}, {a['reduction']}, prior: {a['prior']}{best}{network}", fontsize=8,
                color="#444444")


def draw(file):
    kinds = [(name, label, key) for name, label, key in (("regression", "ridge lambda", "ridge"), ("dynamics", "time tau", "times")) if name in file]
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(11, 3.9 * len(kinds) + 0.6))
        grid = figure.add_gridspec(len(kinds), 3, left=0.07, right=0.98, bottom=0.13 / len(kinds), top=0.86, wspace=0.32, hspace=0.35)
        for row, (name, label, key) in enumerate(kinds):
            group = file[name]
            x = group[key][:]
            for column, kind in enumerate(("error", "accuracy")):
                axes = figure.add_subplot(grid[row, column])
                if kind == "accuracy" and not any(finite(group[f"{s}_accuracy"][:]) for s in SETS if f"{s}_accuracy" in group):
                    axes.set_axis_off()
                    continue
                draw_curves(axes, x, group, kind, kind == "error")
                with_scale(axes, x, label)
                if name == "regression" and numpy.isfinite(file.attrs["best_by_leave_one_out"]):
                    axes.axvline(file.attrs["best_by_leave_one_out"], color="#999999", linewidth=0.6, linestyle=":")
                if column == 0 and axes.get_lines():
                    axes.legend(frameon=False, fontsize=7)
        draw_truth(figure.add_subplot(grid[:, 2]), file)
        titles(figure, file)
    return figure
