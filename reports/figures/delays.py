"""How long customers take to read, answer and order."""

import numpy as np
from matplotlib.figure import Figure

from reports import drawing
from reports.drawing import BLUE, VERMILLION
from reports.figures.axes import log_time
from reports.figures.observed import distribution_of, log_grid, quantile, shares_in
from reports.figures.pictures import Absent, Picture
from reports.numbers import duration
from reports.run import Run
from scenarios.result import Distribution


def delays(run: Run) -> Picture | Absent:
    """How long delivery and reading take, as cumulative shares on a log axis."""
    name, title = "delays", "How long until a message is delivered and read"
    keys = (
        ("delivery_delay_s", "delivered after the send", BLUE, "-"),
        ("read_delay_s", "read after delivery", VERMILLION, "--"),
    )
    lines = [
        (d, label, colour, line)
        for key, label, colour, line in keys
        if (d := distribution_of(run.predicted, key))
    ]
    if not lines:
        return Absent(name, title, "the simulation recorded no delays")
    halves = "; ".join(f"half are {label} within {duration(quantile(d, 0.5))}" for d, label, _, _ in lines)
    caption = f"Of the messages that were delivered, or read, {halves}. Dots mark one half and 95 %."
    return Picture(
        name, title, caption, f"Rising curves: {halves}.", lambda width: _draw_delays(width, lines)
    )


def _draw_delays(width: int, lines: list[tuple[Distribution, str, str, str]]) -> Figure:
    figure, (axes,) = drawing.panels(width, 300)
    grid = log_grid([distribution for distribution, *_ in lines])
    low = min(quantile(distribution, 0.001) for distribution, *_ in lines)
    log_time(axes, max(low, grid[0]), grid[-1], width)
    for distribution, label, colour, line in lines:
        share = np.concatenate([[0.0], np.cumsum(shares_in(distribution, grid))])
        axes.plot(grid, share, color=colour, linestyle=line, label=label)
        marks = [quantile(distribution, level) for level in (0.5, 0.95)]
        axes.plot(marks, [50, 95], color=colour, marker="o", linestyle="none")
    axes.set_ylim(0, 103)
    axes.set_ylabel("messages so far (%)")
    axes.set_xlabel("delay (ms to days as marked, log scale)")
    figure.legend(loc="outside upper left", ncols=1 if drawing.is_narrow(width) else 2)
    return figure
