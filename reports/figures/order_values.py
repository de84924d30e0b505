"""What orders are worth."""

import numpy as np
from matplotlib.figure import Figure

from reports import drawing
from reports.drawing import BLACK, BLUE
from reports.figures.axes import histogram
from reports.figures.observed import distribution_of, quantile
from reports.figures.pictures import Absent, Picture
from reports.numbers import plain
from reports.run import Run
from scenarios.result import Distribution


def order_values(run: Run) -> Picture | Absent:
    """Histogram of what customers spend."""
    name, title = "order_values", "Value of the orders"
    distribution = distribution_of(run.predicted, "order_value_usd")
    if distribution is None:
        return Absent(name, title, "no orders were simulated")
    middle = [plain(round(quantile(distribution, level))) for level in (0.25, 0.5, 0.75)]
    caption = f"Half of the orders are worth {middle[0]} to {middle[2]} USD; the median is {middle[1]} USD."
    return Picture(
        name, title, caption, f"Histogram. {caption}", lambda width: _draw_order_values(width, distribution)
    )


def _draw_order_values(width: int, distribution: Distribution) -> Figure:
    figure, (axes,) = drawing.panels(width, 260)
    grid = np.linspace(0, quantile(distribution, 0.999) * 1.02, 31)
    histogram(axes, distribution, grid, BLUE, "")
    axes.axvline(quantile(distribution, 0.5), color=BLACK, linestyle="--")
    axes.annotate(
        "median",
        (quantile(distribution, 0.5), 0.93),
        xycoords=axes.get_xaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
    )
    axes.set_xlim(0, grid[-1])
    axes.set_ylim(0, axes.dataLim.y1 * 1.18)
    axes.set_xlabel("value of one order (USD)")
    axes.set_ylabel("orders (%)")
    return figure
