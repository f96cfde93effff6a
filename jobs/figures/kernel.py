"""One figure of a kernel: the matrix, its components on one scale, what each tensor contributes, and the checks."""

import numpy
from matplotlib import pyplot
from matplotlib.colors import Normalize

from tangram_file import is_bias

from .checks import draw_checks, say_what_is_not_proven
from .components import draw_components
from .groups import grouped
from .style import TEXT, draw_matrix, draw_shares, model_of, run_of, title

MOST_CLASSES = 20


class SampleAxis:
    """The samples of one axis in the order in which they are shown: by label, where there are labels."""

    def __init__(self, labels, count, most):
        self.count, self.labels = int(count), labels
        order = numpy.arange(self.count) if labels is None else numpy.argsort(labels, kind="stable")
        self.samples = order[numpy.unique(numpy.linspace(0, self.count - 1, min(self.count, most)).round().astype(int))]

    @property
    def has_classes(self):
        return self.labels is not None and len(set(self.labels)) <= MOST_CLASSES

    def class_borders(self):
        """Where the label changes among the samples that are shown, where each class has its middle, and its label."""
        labels = self.labels[self.samples]
        starts = numpy.flatnonzero(numpy.r_[True, labels[1:] != labels[:-1]])
        ends = numpy.r_[starts[1:], len(labels)]
        return starts[1:] - 0.5, (starts + ends - 1) / 2, labels[starts]


class Kernel:
    """What the figure needs of a KernelFile: `rows` and `columns` of the kernel are shown. Components go by their datasets' names."""

    def __init__(self, file, most_samples):
        self.file, self.is_square = file.hdf5, file.is_square
        self.opened = file
        self.column_axis = SampleAxis(file.labels, file.attrs["n_samples"], most_samples)
        self.row_axis = self.column_axis if self.is_square else SampleAxis(file.test_labels, file.attrs["n_test_samples"], most_samples)
        self.rows = self.row_axis.samples * file.rows_of_sample  # of the first output, in a kernel of all pairs of outputs
        self.columns = self.column_axis.samples * file.rows_of_sample
        self.matrices = {matrix.name: matrix for matrix in file.components.values()}
        self.components = list(self.matrices)
        self.groups = grouped(self.components)

    def is_bias(self, name):
        return is_bias(self.matrices[name])

    def part(self, name):
        """A component, or the kernel, "ntk", on the rows and columns that are shown: no other rows are read."""
        matrix = self.opened.kernel if name == "ntk" else self.matrices[name]
        return matrix[self.rows, self.columns]

    def trace(self, name):
        """The exact trace of the kernel, "ntk", or of a component; of test samples that of their kernels with themselves."""
        return self.opened.diagonal(name if name == "ntk" else self.matrices[name].tensor).sum()


def linear_scale(values):
    """Colors of one matrix: from zero up, or about zero where entries have both signs. The few largest entries, often on
    the diagonal, share the last color."""
    low, high = values.min(), numpy.percentile(numpy.abs(values), 99.5)
    high = high if high > 0 else 1.0
    if low < -1e-3 * high:
        return {"norm": Normalize(-high, high), "cmap": "RdBu_r"}
    return {"norm": Normalize(0, high), "cmap": "viridis"}


def shown(axis, what):
    return f"{what}{' by label' if axis.has_classes else ''} ({len(axis.samples)} of {axis.count:,} shown)"


def mark_classes(axis, line, set_ticks):
    """White lines between classes, their labels at the side."""
    if not axis.has_classes:
        return
    borders, middles, names = axis.class_borders()
    for border in borders:
        line(border, color="white", linewidth=0.3)
    set_ticks(middles, [f"{name:g}" for name in names])


def draw_kernel(figure, axes, kernel, values, scale):
    picture = draw_matrix(axes, values, scale)
    mark_classes(kernel.row_axis, axes.axhline, axes.set_yticks)
    mark_classes(kernel.column_axis, axes.axvline, axes.set_xticks)
    axes.tick_params(length=0)
    axes.set_xlabel(shown(kernel.column_axis, "samples" if kernel.is_square else "training samples"))
    if not kernel.is_square:
        axes.set_ylabel(shown(kernel.row_axis, "test samples"))
    axes.set_title("kernel $K = J J^T$" if kernel.is_square else "kernel $K = J_{test} J_{train}^T$", loc="left")
    bar = figure.colorbar(picture, ax=axes, fraction=0.046, pad=0.02, extend="max" if scale["norm"].vmin == 0 else "both")
    bar.outline.set_linewidth(0.4)


def draw_traces(axes, kernel):
    total = kernel.trace("ntk")
    shares = {name: 100 * kernel.trace(name) / total if total else 0 for name in kernel.components}
    draw_shares(axes, kernel.groups, shares, {name: kernel.is_bias(name) for name in kernel.components},
                "the kernel's trace" if kernel.is_square else "the trace of the test samples' own kernel")


def draw(file, most_samples):
    kernel = Kernel(file, most_samples)
    total = kernel.part("ntk")
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(10, 7.2))
        title(figure, f"Empirical neural tangent kernel of {model_of(kernel.file)}", run_of(kernel.file))
        draw_kernel(figure, figure.add_axes([0.04, 0.43, 0.34, 0.47]), kernel, total, linear_scale(total))
        if kernel.groups:
            draw_components(figure, kernel)
            draw_traces(figure.add_axes([0.11, 0.085, 0.32, 0.255]), kernel)
        draw_checks(figure.add_axes([0.52, 0.05, 0.44, 0.29]), kernel.file, "kernel")
        say_what_is_not_proven(figure, kernel.file)
    return figure
