"""The table of a kernel file's own checks."""

import numpy

MOST_CHECKED = 14  # components in the table; of more, the worst


def check_rows(file, total):
    """The table's lines: one a component, then the total and the checks of the whole."""
    checks = file["checks"]
    number = lambda value, form: "-" if numpy.isnan(value) else format(value, form)
    rows = []
    if "component" in checks:
        found = zip(checks["component"].asstr()[:], checks["relative_error"][:], checks["scale"][:], checks["probe_error"][:])
        rows = [[name, number(error, ".1e"), number(scale, ".7f"), number(probe, ".1e")] for name, error, scale, probe in found]
        if len(rows) > MOST_CHECKED:
            worst = numpy.argsort(-checks["relative_error"][:])[:MOST_CHECKED]
            rows = [rows[k] for k in sorted(worst)]
    a = checks.attrs
    rows.append([total, number(a["total_relative_error"], ".1e"), number(a["total_scale"], ".7f"), number(a["probe_error"], ".1e")])
    return rows


def draw_checks(axes, file, total):
    """`total`: what the matrix is called."""
    a = file["checks"].attrs
    axes.axis("off")
    listed = f", the {MOST_CHECKED} worst components" if len(file["checks"].get("component", [])) > MOST_CHECKED else ""
    verdict = {1: "passed", 0: "FAILED", -1: "not run"}[int(a["passed"])]
    axes.set_title(f"checks against the explicit Jacobian: {verdict}, tolerance {a['tolerance']:.0e}{listed}",
                   loc="left",
                   color="#b00020" if a["passed"] == 0 else "black")
    rows = check_rows(file, total)
    table = axes.table(rows, colLabels=["", "relative error", "scale", "probe"], loc="upper left", cellLoc="right",
                       colWidths=[0.34, 0.24, 0.22, 0.20], edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(min(7, 90 / len(rows)))
    for (row, column), cell in table.get_celld().items():
        cell.set_height(0.82 / (len(rows) + 1))
        cell.set_linewidth(0.3)
        cell.get_text().set_weight("bold" if row == 0 else "normal")
        if column == 0:
            cell.get_text().set_horizontalalignment("left")
    others = [("symmetry", "symmetry_error"), ("sum of components", "sum_of_components_error"), ("trace", "trace_error"),
              ("finite differences", "finite_difference_error")]
    line = ",  ".join(f"{name} {a[key]:.1e}" for name, key in others if not numpy.isnan(a.get(key, numpy.nan)))
    axes.text(0, 0.0, line, fontsize=7, transform=axes.transAxes)
