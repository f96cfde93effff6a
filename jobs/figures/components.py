"""The components of a kernel on one scale, a panel for each group of tensors: layer by layer, weights above biases, where that can be
told of every tensor, else one after the other."""

import numpy
from matplotlib.colors import FuncNorm, PowerNorm

from .groups import layer_of
from .style import draw_matrix, shortened

LAYERS_A_LINE = 6
LEFT, RIGHT, BOTTOM, TOP = 0.47, 0.925, 0.44, 0.88
TWO_LINES = 19  # points, of a heading


def common_scale(matrices):
    """Colors of all components, from zero up or, where entries have both signs, about zero. They grow with the square root of an
    entry: tensors contribute so differently that on a linear scale most of them would be blank."""
    high = max(numpy.abs(values).max() for values in matrices)
    high = high if high > 0 else 1.0
    if min(values.min() for values in matrices) >= -1e-3 * high:
        return {"norm": PowerNorm(0.5, 0, high, clip=True), "cmap": "viridis"}
    norm = FuncNorm((lambda v: numpy.sign(v) * numpy.sqrt(numpy.abs(v)), lambda r: r * numpy.abs(r)), -high, high)
    return {"norm": norm, "cmap": "RdBu_r"}


def round_below(value):
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** numpy.floor(numpy.log10(value))
    return power * max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-12))


def cells_by_layer(kernel):
    """{tensor: (line, column)}: columns are layers, weights stand above biases. None where tensors are summed, or two of them would
    share a cell."""
    names = kernel.components
    if len(kernel.groups) < len(names):
        return None
    attrs = {name: kernel.matrices[name].attrs for name in names}
    layers = [attrs[name]["layer"] if "fan_in" in attrs[name] else layer_of(name) for name in names]
    order = list(dict.fromkeys(layers))
    cells = {}
    for name, layer in zip(names, layers):
        line, column = divmod(order.index(layer), LAYERS_A_LINE)
        cells[name] = 2 * line + kernel.is_bias(name), column
    return cells if len(set(cells.values())) == len(names) else None


def cells_in_turn(names):
    """The same, line by line."""
    columns = int(numpy.ceil(numpy.sqrt(len(names))))
    return {name: divmod(k, columns) for k, name in enumerate(names)}


def draw_panels(figure, kernel, parts, scale, top):
    """`parts`: the matrices of the groups. Returns what a bar of colors is made of."""
    by_layer = cells_by_layer(kernel)
    cells = by_layer or cells_in_turn([group.name for group in kernel.groups])
    lines, columns = (1 + max(cell[k] for cell in cells.values()) for k in (0, 1))
    lines += lines % 2 if by_layer else 0
    is_summed = len(kernel.groups) < len(kernel.components)
    height = 72 * figure.get_figheight() * (top - BOTTOM)
    space = TWO_LINES * lines / (height - TWO_LINES * (lines - 1)) if is_summed else 0.22
    grid = figure.add_gridspec(lines, columns, left=LEFT, right=RIGHT, bottom=BOTTOM, top=top, wspace=0.08, hspace=space)
    width = 72 * figure.get_figwidth() * (RIGHT - LEFT) / columns - 4
    for group, values in zip(kernel.groups, parts):
        axes = figure.add_subplot(grid[cells[group.name]], anchor="C" if by_layer else "SW")
        picture = draw_matrix(axes, values, scale)
        size = 7 if len(group.name) < 14 else 5.5
        heading = shortened(group.name, width, size)
        if is_summed:
            size, count = 5.5, len(group.tensors)
            heading = f"{shortened(group.name, width, size)}\n{count} tensor{'s' if count > 1 else ''}"
        axes.set_title(heading, loc="left", fontsize=size, pad=2)
    return picture


def draw_components(figure, kernel):
    parts = [sum(kernel.part(name) for name in group.tensors) for group in kernel.groups]
    scale = common_scale(parts)
    is_summed = len(kernel.groups) < len(kernel.components)
    top = TOP - (0.02 if is_summed else 0)
    picture = draw_panels(figure, kernel, parts, scale, top)
    bar = figure.colorbar(picture, cax=figure.add_axes([RIGHT + 0.008, BOTTOM, 0.010, top - BOTTOM]))
    large, small = round_below(scale["norm"].vmax), round_below(scale["norm"].vmax / 10)
    ticks = [0, small, large] if scale["norm"].vmin == 0 else [-large, -small, 0, small, large]
    bar.set_ticks(ticks, labels=[f"{v:g}" for v in ticks])
    bar.outline.set_linewidth(0.4)
    summed = ", tensors of a layer summed" if is_summed else ""
    figure.text(LEFT, TOP + 0.022, f"components{summed}, on one (square root) scale", fontsize=8)
