"""The load test over time."""

import numpy as np
from matplotlib.figure import Figure

from reports import drawing
from reports.drawing import BLACK, BLUE, GREEN, PURPLE, VERMILLION
from reports.figures.axes import thousands
from reports.figures.observed import Array, series_of
from reports.figures.pictures import Absent, Picture
from reports.numbers import plain
from reports.run import Run


def load(run: Run) -> Picture | Absent:
    """Conversations, requests and response time, second by second."""
    name, title = "load", "The load test, second by second"
    keys = (
        ("conversations_open", "open\nconversations", PURPLE, 1.0),
        ("requests_per_s", "requests\na second", BLUE, 1.0),
        ("response_time_s_p95", "p95 response\ntime (ms)", VERMILLION, 1000.0),
        ("messages_queued", "messages\nqueued", GREEN, 1.0),
        ("client_cpu", "load generator\n(% of a core)", BLACK, 100.0),
    )
    rows = [(s, label, colour, k) for key, label, colour, k in keys if (s := series_of(run.measured, key))]
    if not rows:
        return Absent(name, title, "there is no load test in this run")
    peaks = "; ".join(
        f"{label.replace(chr(10), ' ')} at most {plain(np.nanmax(s[1]) * k)}" for s, label, _, k in rows
    )
    caption = "Measured on the live server. The 95th percentile is that of each second by itself."
    return Picture(name, title, caption, f"Lines over time: {peaks}.", lambda width: _draw_load(width, rows))


def _draw_load(width: int, rows: list[tuple[tuple[Array, Array], str, str, float]]) -> Figure:
    figure, panels = drawing.panels(width, 60 + 105 * len(rows), rows=len(rows))
    for axes, ((t_s, value), label, colour, factor) in zip(panels, rows, strict=True):
        edges = np.append(t_s, t_s[-1] + 1.0)  # bins of a second
        axes.stairs(value * factor, edges, baseline=None, color=colour, linewidth=1.5)
        axes.set_ylim(0, max(float(np.max(value)) * factor, 1e-9) * 1.08)
        axes.set_ylabel(label)
        axes.yaxis.set_major_formatter(thousands())
    panels[-1].set_xlabel("time from the start of the load test (s)")
    panels[-1].set_xlim(0)
    figure.align_ylabels(panels)
    return figure
