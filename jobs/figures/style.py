"""What all figures have in common: small type, thin lines, and how a title names a run."""

import json
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, get_font

TEXT = {"font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
        "axes.linewidth": 0.6, "figure.dpi": 200, "savefig.dpi": 200, "mathtext.default": "regular"}
WEIGHTS, BIASES = "#3b6ea5", "#d98c3f"
MOST_NAME = 90  # points that a name beside a bar may take


def model_file_of(file):
    """The file of the model that a kernel file was made of; "" where it does not say."""
    inputs = [json.loads(entry)["name"] for entry in file["provenance"].attrs["inputs"]]
    return inputs[0] if inputs else ""


def model_of(file):
    """Its name."""
    return Path(model_file_of(file)).stem or "network"


def run_of(file):
    """Sizes, reduction, parameterization and precision, in words. A graph says itself what it computes, and has no parameterization."""
    attrs = file.attrs
    reduction = f"output {attrs['logit']}" if attrs["logit"] >= 0 else f"{attrs['reduction']} over {attrs['n_outputs']} outputs"
    if attrs["reduction"] == "full":
        reduction = f"all pairs of {attrs['n_outputs']} outputs, output 0 shown"
    if "reduction_text" in attrs:
        reduction = attrs["reduction_text"] + (", first row of each sample shown" if attrs["reduction"] == "full" else "")
    samples = f"{attrs['n_samples']:,} samples"
    if "n_test_samples" in attrs:
        samples = f"{attrs['n_test_samples']:,} test samples against {attrs['n_samples']:,} training samples"
    is_graph = model_file_of(file).endswith(".onnx")
    parameterization = "" if is_graph else f"{attrs['parameterization']} parameterization, "
    return f"{samples}, {attrs['n_parameters']:,} parameters, {reduction}, {parameterization}{attrs['precision']}"


def title(figure, headline, line):
    inch = 1 / figure.get_figheight()
    figure.text(0.04, 1 - 0.26 * inch, headline, fontsize=11, parse_math=False)
    figure.text(0.04, 1 - 0.44 * inch, line, fontsize=8, color="#444444")


def width_of(text, size):
    """In points, at a font size."""
    font = get_font(findfont(FontProperties()))
    font.set_size(size, 72)
    font.set_text(text)
    return font.get_width_height()[0] / 64


def shortened(name, width, size):
    """The name, without its middle where it is wider than so many points; more of its end, which tells it from others. As plain text:
    no formulas, nothing that does not print."""
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    kept = min(len(name) - 1, 200)  # no figure has room for more, and each width takes its time
    short = name if len(name) <= 200 else f"{name[:kept // 3]}\N{HORIZONTAL ELLIPSIS}{name[kept // 3 - kept:]}"
    while kept > 1 and width_of(short, size) > width:
        short = f"{name[:kept // 3]}\N{HORIZONTAL ELLIPSIS}{name[kept // 3 - kept:]}"
        kept -= 1
    return short.replace("$", r"\$")


def percent(share):
    return f"{share:.1f} %" if share >= 0.1 or share == 0 else f"{share:.2f} %" if share >= 0.01 else "< 0.01 %"


def without_frame(axes):
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_matrix(axes, values, scale):
    axes.set_xticks([])
    axes.set_yticks([])
    is_square = values.shape[0] == values.shape[1]
    if not is_square:
        axes.set_box_aspect(1)
    return axes.imshow(values, interpolation="nearest" if min(values.shape) < 200 else "antialiased",
                       aspect="equal" if is_square else "auto", **scale)


def draw_shares(axes, groups, shares, is_bias, of_what):
    """Bars: what each group of parameter tensors contributes to a trace, in percent; its biases after its weights.
    `shares`, `is_bias`: by the name of a tensor."""
    places = range(len(groups))
    weights = [sum(shares[name] for name in group.tensors if not is_bias[name]) for group in groups]
    biases = [sum(shares[name] for name in group.tensors if is_bias[name]) for group in groups]
    axes.barh(places, weights, color=WEIGHTS, height=0.7)
    axes.barh(places, biases, left=weights, color=BIASES, height=0.7)
    size = min(7, 110 / len(groups))
    left = 72 * axes.figure.get_figwidth() * axes.get_position().x0
    axes.set_yticks(places, [shortened(group.name, min(left, MOST_NAME) - 12, size) for group in groups], fontsize=size)
    axes.invert_yaxis()
    whole = [weight + bias for weight, bias in zip(weights, biases)]
    axes.set_xlim(0, 1.18 * max([*whole, 1e-9]))
    for place, share in zip(places, whole):
        axes.text(share, place, f" {percent(share)}", va="center", fontsize=size)
    axes.set_xlabel(f"% of {of_what}")
    what = "parameter tensor" if len(groups) == len(shares) else "layer"
    axes.set_title(f"share of each {what} (weights blue, biases orange)", loc="left")
    without_frame(axes)
