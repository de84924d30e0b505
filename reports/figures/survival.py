"""How long accounts last."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from msgspec import UNSET

from reports import drawing
from reports.drawing import BLUE, SKY
from reports.figures.axes import interval_words
from reports.figures.pictures import Absent, Picture
from reports.numbers import duration, plain, with_interval
from reports.run import Run
from scenarios.result import Kpi, Survival


def survival(run: Run) -> Picture | Absent:
    """Share of accounts not banned by days since their first use, as steps with their intervals."""
    name, title = "survival", "How long accounts last"
    found = run.predicted.survival if run.predicted else UNSET
    if found is UNSET:
        return Absent(name, title, "the simulation recorded no accounts")
    if not found.banned:
        reason = f"none of {plain(found.accounts)} accounts was banned in {_days(found.watched_days)}"
        return Absent(name, title, reason)
    last = Kpi(found.share[-1], found.low[-1], found.high[-1], "fraction")
    caption = (
        f"Share of the accounts not banned so many days after their first send in the run: Kaplan-Meier over "
        f"all runs and numbers, replacements too, with {interval_words(run)} as the band. "
        f"{plain(found.banned)} of {plain(found.accounts)} accounts were banned."
    )
    alt = f"A falling staircase from 100 % to {with_interval(last)} after {_days(found.days[-1])}."
    return Picture(name, title, caption, alt, lambda width: _draw_survival(width, found))


def _days(days: float) -> str:
    return duration(days * 86_400)


def _draw_survival(width: int, found: Survival) -> Figure:
    figure, (axes,) = drawing.panels(width, 300)
    edges = np.array([0.0, *found.days, max(found.watched_days, found.days[-1])])
    share, low, high = (100 * np.array([1.0, *column]) for column in (found.share, found.low, found.high))
    axes.stairs(high, edges, baseline=low, fill=True, color=SKY, alpha=0.45, label="interval")
    axes.stairs(share, edges, baseline=None, color=BLUE, linewidth=1.8, label="not banned")
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(0 if low.min() < 50 else float(np.floor(low.min() / 10) * 10), 101)
    axes.set_xlabel("time since first use (days)")
    axes.set_ylabel("accounts not banned (%)")
    _at_risk(axes, found, width)
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def _at_risk(axes: Axes, found: Survival, width: int) -> None:
    """How many accounts were watched so long, on a second axis on top: what the band's width comes from."""
    step = found.days[-1] / (3 if drawing.is_narrow(width) else 6)
    ticks, counts = [0.0], [found.accounts]
    for day, count in zip(found.days, found.at_risk, strict=True):
        if day >= ticks[-1] + 0.9 * step:
            ticks.append(day)
            counts.append(count)
    top = axes.secondary_xaxis("top")
    top.set_xticks(ticks, [plain(count) for count in counts])
    top.set_xlabel("accounts watched so long")
