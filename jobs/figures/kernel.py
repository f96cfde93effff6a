"""One figure of a kernel: the matrix, its components on one scale, what each tensor contributes, and the checks."""

import numpy
from matplotlib import pyplot
from matplotlib.colors import FuncNorm, Normalize

from .checks import draw_checks
from .style import TEXT, draw_shares, model_of, run_of, title

LAYERS_A_LINE = 6
DIAGONAL_BLOCK = 64


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
    draw_shares(axes, kernel.components, shares, [kernel.place(name)[1] for name in kernel.components], "the kernel's trace")


def draw(file, most_samples):
    kernel = Kernel(file, most_samples)
    parts = {name: kernel.part(f"components/{name}") for name in kernel.components}
    total = kernel.part("ntk")
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(10, 7.2))
        title(figure, f"Empirical neural tangent kernel of {model_of(kernel.file)}", run_of(kernel.attrs))
        draw_kernel(figure, figure.add_axes([0.04, 0.43, 0.34, 0.47]), kernel, total, linear_scale(total))
        if parts:
            draw_components(figure, (0.47, 0.925, 0.44, 0.88), kernel, parts)
            draw_traces(figure.add_axes([0.11, 0.07, 0.32, 0.27]), kernel)
        draw_checks(figure.add_axes([0.52, 0.05, 0.44, 0.29]), kernel.file, "kernel")
    return figure
