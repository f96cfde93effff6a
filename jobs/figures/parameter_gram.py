"""One figure of J^T J: how parameters go together, what each tensor contributes to the trace, and the checks."""

import numpy
from matplotlib import pyplot

from tangram_file import is_named_bias

from .checks import draw_checks, say_what_is_not_proven
from .groups import grouped
from .style import TEXT, draw_shares, model_of, run_of, shortened, title, width_of

NAME_SIZE = 6
MOST_NAME = 70  # points that a name along an axis may take


class ParameterGram:
    """What the figure needs of an open file: the tensors, the diagonal, and which parameters are shown, group after group, as
    many of each tensor as its part of all of them, but at least one."""

    def __init__(self, file, most):
        self.matrix = file.parameter_gram
        self.blocks = {name: (rows.start, rows.stop - rows.start) for name, rows in file.parameter_blocks.items()}
        self.groups = grouped(list(self.blocks))
        count = len(self.matrix)
        self.diagonal = self.matrix.diagonal()
        shown = {name: numpy.unique(numpy.linspace(first, first + size - 1, max(1, min(size, round(most * size / count)))).round().astype(int))
                 for name, (first, size) in self.blocks.items()}
        self.borders = numpy.cumsum([sum(len(shown[name]) for name in group.tensors) for group in self.groups])
        self.rows = numpy.concatenate([shown[name] for group in self.groups for name in group.tensors])

    def shares(self):
        """Of the trace, in percent."""
        total = self.diagonal.sum()
        return {name: 100 * self.diagonal[first:first + size].sum() / total if total else 0 for name, (first, size) in self.blocks.items()}

    def correlations(self):
        """G_pq / sqrt(G_pp G_qq) of the parameters that are shown; 0 where a parameter has no effect on any sample."""
        part = self.matrix[self.rows, self.rows].astype("f8")
        norms = numpy.sqrt(self.diagonal[self.rows])
        scale = numpy.outer(norms, norms)
        return numpy.divide(part, scale, out=numpy.zeros_like(part), where=scale > 0)


def places_of_names(gram, points):
    """[(place, name)] of the groups whose names have room along an axis of so many points, the widest groups first."""
    edges = numpy.r_[0, gram.borders]
    found = []
    for k in numpy.argsort(-numpy.diff(edges), kind="stable"):
        name = shortened(gram.groups[k].name, MOST_NAME, NAME_SIZE)
        middle, half = (edges[k] + edges[k + 1] - 1) / 2, width_of(name, NAME_SIZE) / 2 * edges[-1] / points
        is_free = all(abs(middle - other) > half + half_of_other for other, half_of_other, _ in found)
        if edges[k + 1] - edges[k] > 0.03 * edges[-1] and is_free:
            found.append((middle, 1.1 * half, name))
    return [(middle, name) for middle, _, name in found]


def draw_correlations(figure, axes, gram):
    picture = axes.imshow(gram.correlations(), vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
    for border in gram.borders[:-1]:
        axes.axhline(border - 0.5, color="black", linewidth=0.4)
        axes.axvline(border - 0.5, color="black", linewidth=0.4)
    places, names = zip(*places_of_names(gram, 72 * figure.get_figheight() * axes.get_position().height))
    axes.set_yticks(places, names, rotation=90, va="center", fontsize=NAME_SIZE)
    axes.set_xticks(places, names, fontsize=NAME_SIZE)
    axes.tick_params(length=0)
    axes.set_xlabel(f"parameters by {'tensor' if len(gram.groups) == len(gram.blocks) else 'layer'} ({len(gram.rows)} of {len(gram.matrix):,} shown)")
    axes.set_title(r"$G_{pq} / \sqrt{G_{pp} G_{qq}}$ of $G = J^T J$", loc="left")
    figure.colorbar(picture, ax=axes, fraction=0.046, pad=0.02).outline.set_linewidth(0.4)


def draw(file, most_parameters):
    gram = ParameterGram(file, most_parameters)
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(10, 5.2))
        title(figure, f"Gram matrix in the space of parameters of {model_of(file.hdf5)}", run_of(file.hdf5))
        draw_correlations(figure, figure.add_axes([0.05, 0.09, 0.42, 0.76]), gram)
        draw_shares(figure.add_axes([0.62, 0.53, 0.34, 0.33]), gram.groups, gram.shares(), {name: is_named_bias(name) for name in gram.blocks},
                    "the trace")
        draw_checks(figure.add_axes([0.56, 0.04, 0.41, 0.37]), file.hdf5, "all")
        say_what_is_not_proven(figure, file.hdf5)
    return figure
