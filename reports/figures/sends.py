"""Sends over time."""

from datetime import datetime
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from reports import drawing
from reports.drawing import BLACK, BLUE, ORANGE, SKY
from reports.figures.axes import LONG_H, clock_axis, hour_axis, thousands
from reports.figures.observed import Array, series_of
from reports.figures.pictures import Absent, Picture
from reports.numbers import duration, plain
from reports.run import Run

RATES = (
    ("capacity_per_h", "capacity", BLACK, "--", 2.2),
    ("sends_per_h", "sends", BLUE, "-", 2.1),
    ("deliveries_per_h", "deliveries", ORANGE, ":", 2.3),
)
UNIT_H = {"hour": 1, "day": 24}
PER = {"hour": "an hour", "day": "a day"}


def sends(run: Run) -> Picture | Absent:
    """Sends, deliveries and capacity by the hour until sending ends; by the day where that takes long."""
    name, title = "sends", "Sends and capacity over time"
    series = {key: found for key, *_ in RATES if (found := series_of(run.predicted, key))}
    if "sends_per_h" not in series or not series["sends_per_h"][1].any():
        return Absent(name, title, "the simulation recorded no sends over time")
    at_s, sent = series["sends_per_h"]
    unit = "day" if at_s[np.flatnonzero(sent)[-1]] > LONG_H * 3600 else "hour"
    rates = {key: _by(found, UNIT_H[unit]) for key, found in series.items()}
    hours, rate = rates["sends_per_h"]
    last = float(hours[np.flatnonzero(rate)[-1]])
    quiet_from, quiet_until = run.parameter("pacing.quiet_from"), run.parameter("pacing.quiet_until")
    gaps = _gaps(hours, rate, UNIT_H[unit])
    caption = f"Messages in each {unit}, predicted, mean of the runs. "
    if run.parameter("groups.post_times"):
        caption += "A post to a group is one send and is delivered to each member. "
    if gaps:
        caption += f"Hatched: {unit}s without a send. "
    if quiet_from and quiet_until:
        caption += f"Nobody is written to between {quiet_from} and {quiet_until} in their own zone. "
    hidden = float(hours[-1]) - last
    if unit == "day":
        caption += "A day is 24 h from the start. "
    if hidden > 24:
        caption += f"The last {duration(hidden * 3600)} of the simulated time, without sends, are left out."
    alt = (
        f"Sends reach {plain(round(rate.max()))} messages {PER[unit]}; the last are sent in the {unit} "
        f"from {duration(last * 3600)} after the start; gaps of {PER[unit]} or more: "
        f"{len(gaps)}."
    )
    start = run.moment("experiment.start")
    return Picture(
        name, title, caption, alt, lambda width: _draw_sends(width, rates, unit, last, gaps, start)
    )


def _by(series: tuple[Array, Array], unit_h: int) -> tuple[Array, Array]:
    """Hours from the start at which each hour or day begins, and the mean rate in it, an hour or a day.

    Hourly caps make finer bins saw-toothed.
    """
    begin, which = np.unique(np.floor(series[0] / (3600 * unit_h)), return_inverse=True)
    means: Array = np.bincount(which, weights=series[1]) / np.bincount(which)
    return begin * unit_h, means * unit_h


def _gaps(hours: Array, rate: Array, unit_h: int) -> list[tuple[float, float]]:
    """Spans of hours or days without a send, between the first send and the last, in hours."""
    sending = hours[rate > 0]
    return [(float(a) + unit_h, float(b)) for a, b in pairwise(sending) if b - a > unit_h]


def _draw_sends(
    width: int,
    rates: dict[str, tuple[Array, Array]],
    unit: str,
    last_h: float,
    gaps: list[tuple[float, float]],
    clock_start: datetime | None,
) -> Figure:
    figure, (axes,) = drawing.panels(width, 340 if drawing.is_narrow(width) else 330)
    for key, label, colour, line, z in RATES:
        if key in rates:
            edges = np.append(rates[key][0], rates[key][0][-1] + UNIT_H[unit])
            axes.stairs(
                rates[key][1], edges, color=colour, linestyle=line, linewidth=1.6, label=label, zorder=z
            )
    hours, sent = rates["sends_per_h"]
    axes.stairs(
        sent, np.append(hours, hours[-1] + UNIT_H[unit]), fill=True, color=SKY, alpha=0.45, zorder=0.5
    )
    for start, end in gaps:
        axes.axvspan(start, end, facecolor="#f2f2f2", edgecolor="#bbbbbb", hatch="///", lw=0, zorder=0)
    if gaps:
        axes.patches[-1].set_label("no sends")
    axes.set_xlim(0, (last_h + UNIT_H[unit]) * 1.02)
    axes.set_ylim(0)
    axes.set_ylabel(f"messages {PER[unit]}")
    axes.yaxis.set_major_formatter(thousands())
    hour_axis(axes, width)
    clock_axis(axes, clock_start, width)
    figure.legend(loc="outside upper left", ncols=2 if drawing.is_narrow(width) else 4)
    return figure
