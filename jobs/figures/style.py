"""What all figures have in common: small type, thin lines, and how a title names a run."""

import json
from pathlib import Path

TEXT = {"font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
        "axes.linewidth": 0.6, "figure.dpi": 200, "savefig.dpi": 200, "mathtext.default": "regular"}
WEIGHTS, BIASES = "#3b6ea5", "#d98c3f"


def model_of(file):
    """The name of the model that a kernel file was made of."""
    inputs = [json.loads(entry)["name"] for entry in file["provenance"].attrs["inputs"]]
    return Path(inputs[0]).stem if inputs else "network"


def run_of(attrs):
    """Sizes, reduction, parameterization and precision, in words."""
    reduction = f"output {attrs['logit']}" if attrs["logit"] >= 0 else f"{attrs['reduction']} over {attrs['n_outputs']} outputs"
    if attrs["reduction"] == "full":
        reduction = f"all pairs of {attrs['n_outputs']} outputs, output 0 shown"
    return (f"{attrs['n_samples']:,} samples, {attrs['n_parameters']:,} parameters, {reduction}, {attrs['parameterization']} "
            f"parameterization, {attrs['precision']}")


def title(figure, headline, line):
    inch = 1 / figure.get_figheight()
    figure.text(0.04, 1 - 0.26 * inch, headline, fontsize=11)
    figure.text(0.04, 1 - 0.44 * inch, line, fontsize=8, color="#444444")


def without_frame(axes):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_shares(axes, names, shares, biases, of_what):
    """Bars: what each parameter tensor contributes to a trace, in percent."""
    places = range(len(shares))
    axes.barh(places, shares, color=[BIASES if is_bias else WEIGHTS for is_bias in biases], height=0.7)
    size = min(7, 90 / len(shares))
    axes.set_yticks(places, names, fontsize=size)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18 * max([*shares, 1e-9]))
    for place, share in zip(places, shares):
        axes.text(share, place, f" {share:.1f} %" if share >= 0.1 or share == 0 else f" {share:.0e} %", va="center", fontsize=size)
    axes.set_xlabel(f"% of {of_what}")
    axes.set_title("share of each parameter tensor (weights blue, biases orange)", loc="left")
    without_frame(axes)
