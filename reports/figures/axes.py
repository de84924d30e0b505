"""Axes that several figures share: hours and days, the clock, logarithmic time, labels beside lines."""

from datetime import datetime, timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from reports import drawing
from reports.figures.observed import Array, shares_in
from reports.numbers import plain, quantity
from reports.run import Run
from scenarios.result import Distribution

TIME_TICKS = {
    1e-6: "1 µs", 1e-5: "10 µs", 1e-4: "0.1 ms", 1e-3: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 1.0: "1 s",
    10.0: "10 s", 60.0: "1 min", 600.0: "10 min", 3600.0: "1 h", 36_000.0: "10 h", 345_600.0: "4 d",
    3_456_000.0: "40 d",
}  # fmt: skip
LONG_H = 240  # from which time is shown by the day


def hour_axis(axes: Axes, width: int) -> None:
    span_h = axes.get_xlim()[1]
    axes.xaxis.set_major_locator(MultipleLocator(_step_h(span_h, width)))
    axes.set_xlabel("time from the start (h)")
    if span_h > LONG_H:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda hours, _: f"{hours / 24:g}"))
        axes.set_xlabel("time from the start (days)")


def _step_h(span_h: float, width: int) -> float:
    """A tick step in hours that leaves room for the labels."""
    most = 6 if drawing.is_narrow(width) else 12
    hours = 0.25, 0.5, 1, 2, 3, 6, 12
    days = 1, 2, 3, 5, 7, 14, 28, 56, 91, 182, 364, 728
    steps = (*hours, *(24 * each for each in days))
    return next((step for step in steps if span_h / step <= most), steps[-1])


def clock_axis(axes: Axes, start: datetime | None, width: int) -> None:
    """A second axis on top with the clock of the scenario's start, where the start is known."""
    if start is None:
        return
    top = axes.secondary_xaxis("top")
    span_h = axes.get_xlim()[1]
    step = max(1.0, _step_h(span_h * 1.6, width))
    into_day = start.hour + start.minute / 60
    ticks = np.arange(np.ceil(into_day / step) * step - into_day, span_h, step)
    form = "%a\n%H:%M" if step < 24 else "%a\n%d %b"
    top.set_xticks(ticks, [f"{start + timedelta(hours=float(tick)):{form}}" for tick in ticks])
    top.set_xlabel(f"{'clock' if step < 24 else 'midnight'} ({start.tzname() or 'local'})")


def label_beside(axes: Axes, x: float, height: float, text: str) -> None:
    """Text beside a vertical line, on the side where there is room."""
    low, high = np.log(axes.get_xlim())
    left = (np.log(x) - low) / (high - low) > 0.65
    axes.annotate(
        text,
        (x, height),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        zorder=5,
    )


def histogram(axes: Axes, distribution: Distribution, grid: Array, colour: str, hatch: str) -> None:
    axes.stairs(
        shares_in(distribution, grid), grid, fill=True, facecolor=f"{colour}66", edgecolor=colour, hatch=hatch
    )
    axes.stairs(shares_in(distribution, grid), grid, color=colour, linewidth=1.2)


def log_time(axes: Axes, low: float, high: float, width: int) -> None:
    """A logarithmic time axis whose marks are those that people use; every second one where room is short."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [tick for tick in TIME_TICKS if low <= tick <= high]
    if drawing.is_narrow(width) and len(ticks) > 5:
        ticks = ticks[::2]
    axes.set_xticks(ticks, [TIME_TICKS[tick] for tick in ticks])
    axes.minorticks_off()


def thousands() -> FuncFormatter:
    return FuncFormatter(lambda value, _: plain(float(f"{value:.6g}")))


def interval_words(run: Run) -> str:
    level = run.number("experiment.confidence")
    return "their intervals" if level is None else f"{quantity(level, 'fraction')} intervals"
