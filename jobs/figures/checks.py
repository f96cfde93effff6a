"""The table of a kernel file's own checks, and what they do not prove."""

import numpy

from .style import shortened

MOST_CHECKED = 14  # components in the table; of more, the worst
NAME_COLUMN = 0.34  # of the table's width


def check_rows(file, total):
    """The table's lines: one a component, then the total and the checks of the whole."""
    checks = file["checks"]
    number = lambda value, form: "-" if numpy.isnan(value) else format(value, form)
    rows = []
    if "component" in checks:
        found = zip(checks["component"].asstr()[:], checks["relative_error"][:], checks["scale"][:], checks["probe_error"][:])
        rows = [[name, number(error, ".1e"), number(scale, ".7f"), number(probe, ".1e")] for name, error, scale, probe in found]
        if len(rows) > MOST_CHECKED:
            relative = checks["relative_error"][:]
            worst = numpy.fmax(numpy.where(numpy.isnan(relative), numpy.inf, relative), checks["probe_error"][:])
            rows = [rows[k] for k in sorted(numpy.argsort(-worst, kind="stable")[:MOST_CHECKED])]
    a = checks.attrs
    rows.append([total, number(a["total_relative_error"], ".1e"), number(a["total_scale"], ".7f"), number(a["probe_error"], ".1e")])
    return rows


def say_what_is_not_proven(figure, file):
    """A line below the picture where nobody's outputs were compared with the network's."""
    if file["checks"].attrs.get("outputs_compared") == 0:
        figure.text(0.04, 0.06 / figure.get_figheight(), "Whether this network is yours was not checked: its outputs were compared with no "
                    "others (tangram kernel --expect-outputs FILE[:DATASET]).", fontsize=7, color="#b00020")


def draw_checks(axes, file, total):
    """`total`: what the matrix is called."""
    a = file["checks"].attrs
    axes.axis("off")
    count = len(file["checks"].get("component", []))
    listed = f"the {MOST_CHECKED} worst of {count}" if count > MOST_CHECKED else ""
    verdict = {1: "passed", 0: "FAILED", -1: "not run"}[int(a["passed"])]
    axes.set_title(f"checks against the explicit Jacobian: {verdict}, tolerance {a['tolerance']:.0e}", loc="left",
                   color="#b00020" if a["passed"] == 0 else "black")
    rows = check_rows(file, total)
    size = min(7, 90 / len(rows))
    width = NAME_COLUMN * 72 * axes.figure.get_figwidth() * axes.get_position().width
    rows = [[shortened(name, 0.85 * width, size), *numbers] for name, *numbers in rows]
    table = axes.table(rows, colLabels=[listed, "relative error", "scale", "probe"], loc="upper left", cellLoc="right",
                       colWidths=[NAME_COLUMN, 0.24, 0.22, 0.20], edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(size)
    for (row, column), cell in table.get_celld().items():
        cell.set_height(0.82 / (len(rows) + 1))
        cell.set_linewidth(0.3)
        cell.get_text().set_weight("bold" if row == 0 else "normal")
        if column == 0:
            cell.get_text().set_horizontalalignment("left")
    others = [("symmetry", "symmetry_error"), ("diagonal", "diagonal_error"), ("sum of components", "sum_of_components_error"), ("trace", "trace_error"),
              ("finite differences", "finite_difference_error")]
    line = ",  ".join(f"{name} {a[key]:.1e}" for name, key in others if not numpy.isnan(a.get(key, numpy.nan)))
    axes.text(0, 0.0, line, fontsize=7, transform=axes.transAxes)
