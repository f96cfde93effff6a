"""One figure of J^T J: how parameters go together, what each tensor contributes to the trace, and the checks."""

import numpy
from matplotlib import pyplot

from .checks import draw_checks
from .style import TEXT, draw_shares, model_of, run_of, title

DIAGONAL_BLOCK = 64


class ParameterGram:
    """What the figure needs of an open file: the tensors, the diagonal, and which parameters are shown, as many of each
    tensor as its part of all of them, but at least one."""

    def __init__(self, file, most):
        self.file = file
        self.matrix = file["parameter_gram"]
        blocks = file["parameter_blocks"]
        self.names = blocks["tensor"].asstr()[:].tolist()
        self.first, self.size = blocks["first"][:], blocks["size"][:]
        count = len(self.matrix)
        self.diagonal = numpy.concatenate([self.matrix[k:k + DIAGONAL_BLOCK, k:k + DIAGONAL_BLOCK].diagonal().astype("f8")
                                           for k in range(0, count, DIAGONAL_BLOCK)])
        shown = [numpy.unique(numpy.linspace(first, first + size - 1, max(1, min(size, round(most * size / count)))).round().astype(int))
                 for first, size in zip(self.first, self.size)]
        self.borders = numpy.cumsum([len(part) for part in shown])
        self.rows = numpy.concatenate(shown)

    def correlations(self):
        """G_pq / sqrt(G_pp G_qq) of the parameters that are shown; 0 where a parameter has no effect on any sample."""
        part = numpy.array([self.matrix[row, :][self.rows] for row in self.rows], "f8")
        norms = numpy.sqrt(self.diagonal[self.rows])
        scale = numpy.outer(norms, norms)
        return numpy.divide(part, scale, out=numpy.zeros_like(part), where=scale > 0)


def draw_correlations(figure, axes, gram):
    picture = axes.imshow(gram.correlations(), vmin=-1, vmax=1, cmap="RdBu_r", interpolation="nearest")
    for border in gram.borders[:-1]:
        axes.axhline(border - 0.5, color="black", linewidth=0.4)
        axes.axvline(border - 0.5, color="black", linewidth=0.4)
    middles = (numpy.r_[0, gram.borders[:-1]] + gram.borders - 1) / 2
    wide = numpy.diff(numpy.r_[0, gram.borders]) > 0.03 * len(gram.rows)
    names = [name for name, shown in zip(gram.names, wide) if shown]
    axes.set_yticks(middles[wide], names, rotation=90, va="center", fontsize=6)
    axes.set_xticks(middles[wide], names, fontsize=6)
    axes.tick_params(length=0)
    axes.set_xlabel(f"parameters by tensor ({len(gram.rows)} of {len(gram.matrix):,} shown)")
    axes.set_title(r"$G_{pq} / \sqrt{G_{pp} G_{qq}}$ of $G = J^T J$", loc="left")
    figure.colorbar(picture, ax=axes, fraction=0.046, pad=0.02).outline.set_linewidth(0.4)


def draw(file, most_parameters):
    gram = ParameterGram(file, most_parameters)
    total = gram.diagonal.sum()
    shares = [100 * gram.diagonal[first:first + size].sum() / total if total else 0 for first, size in zip(gram.first, gram.size)]
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(10, 5.2))
        title(figure, f"Gram matrix in the space of parameters of {model_of(file)}", run_of(file.attrs))
        draw_correlations(figure, figure.add_axes([0.05, 0.09, 0.42, 0.76]), gram)
        draw_shares(figure.add_axes([0.62, 0.53, 0.34, 0.33]), gram.names, shares, [name.endswith("bias") for name in gram.names],
                    "the trace")
        draw_checks(figure.add_axes([0.56, 0.04, 0.41, 0.37]), file, "all")
    return figure
