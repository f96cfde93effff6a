#!/usr/bin/env python3
"""The figure of docs/performance.md, drawn from the tables of that page: the same kernels by PyTorch and by Tangram, and the tile loop
as a part of the machine's peak.

    jobs/figures/performance.py docs/performance.md docs/figures/performance.svg
"""

import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402, after the backend is chosen

TEXT = {"font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7.5, "axes.linewidth": 0.6,
        "svg.fonttype": "path", "svg.hashsalt": "tangram"}
OTHER, OURS = "#b8b8b8", "#3b6ea5"
PRECISIONS = {"float32": OURS, "float64": "#8fb3d9"}


def table_of(page, heading):
    """[[cell]] of the first table below this heading, without its head."""
    table = re.search(rf"^## {heading}\n.*?((?:^\|[^\n]*\n)+)", page, re.MULTILINE | re.DOTALL)[1]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def number(cell):
    return float(re.match(r"[\d.]+", cell)[0])


def draw_beside_pytorch(axes, rows, columns, unit, title):
    """Two bars a network: PyTorch's and ours."""
    for place, row in enumerate(rows):
        for shift, column, color in ((-0.2, columns[0], OTHER), (0.2, columns[1], OURS)):
            value = number(row[column])
            axes.barh(place + shift, value, height=0.36, color=color)
            axes.text(value, place + shift, f" {value:g} {unit}", va="center", fontsize=7)
    axes.set_xlim(0, 1.25 * max(number(row[columns[0]]) for row in rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_title(title, loc="left")
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def draw_peak(axes, rows):
    """Two bars for each setting of the tile loop, one a precision: percent of the rate of large matrix products."""
    found = [(re.match(r"assembly of the gemm peak; N = (\d+), ([\d-]+), (\w+); (.*)", row[0]), number(row[1])) for row in rows]
    values = {(f"{match[2]}, {match[4]}", match[3]): value for match, value in found if match}
    settings = list(dict.fromkeys(setting for setting, _ in values))
    for (setting, precision), value in values.items():
        place = settings.index(setting) + (-0.2 if precision == "float32" else 0.2)
        axes.barh(place, value, height=0.36, color=PRECISIONS[precision])
        axes.text(value + 1, place, f"{value:.0f} %", va="center", fontsize=6.5)
    axes.set_yticks(range(len(settings)), settings, fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(settings) - 0.4, -0.6)
    axes.set_xlim(0, 110)
    axes.set_xticks([0, 50, 100], ["0", "50", "100 %"])
    axes.set_title("tile loop, of the rate of large matrix products", loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_legend(figure, entries):
    """`entries`: (x, color, text), in one line below."""
    for x, color, text in entries:
        figure.patches.append(pyplot.Rectangle((x, 0.045), 0.011, 0.033, color=color, transform=figure.transFigure))
        figure.text(x + 0.016, 0.046, text, fontsize=7)


def main():
    page, output = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
    networks = table_of(page, "Beside PyTorch")
    with pyplot.rc_context(TEXT):
        figure = pyplot.figure(figsize=(10, 3))
        time, memory, peak = (figure.add_axes(box) for box in ([0.13, 0.18, 0.15, 0.68], [0.30, 0.18, 0.15, 0.68], [0.68, 0.18, 0.31, 0.68]))
        draw_beside_pytorch(time, networks, (1, 2), "s", "time, N = 1000")
        draw_beside_pytorch(memory, networks, (3, 4), "GB", "memory")
        time.set_yticks(range(len(networks)), [row[0].replace(", ", "\n") for row in networks], fontsize=7)
        time.tick_params(axis="y", length=0)
        draw_peak(peak, table_of(page, "Of the peak"))
        draw_legend(figure, [(0.13, OTHER, "PyTorch, nothing checked or written"), (0.34, OURS, "Tangram, checked, in a file"),
                             (0.68, PRECISIONS["float32"], "float32"), (0.76, PRECISIONS["float64"], "float64")])
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output, dpi=200, metadata={"Date": None} if output.suffix == ".svg" else None)
    print(output)


if __name__ == "__main__":
    main()
