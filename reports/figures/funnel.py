"""From sent to ordered, step by step."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports import drawing
from reports.drawing import BLACK, BLUE
from reports.figures.axes import interval_words, thousands
from reports.figures.pictures import Absent, Picture
from reports.numbers import with_interval
from reports.run import WORDS, Run
from scenarios.result import Kpi, Result

# KPI of the count -> (label, KPI of the rate, what the rate is a share of)
COUNT_PT = 70  # where counts begin beside their labels
LETTER = 0.6  # width of a letter of counts, which are nearly all digits, in sizes of the font
STEPS = {
    "messages_sent": ("Sent", "", ""),
    "messages_delivered": ("Delivered", "delivery_rate", "sent"),
    "messages_read": ("Read", "read_rate", "delivered"),
    "messages_replied": ("Answered", "reply_rate", "delivered"),
    "messages_clicked": ("Clicked", "click_rate", "delivered"),
    "orders": ("Ordered", "click_to_order_rate", "clicked"),
}


def funnel(run: Run) -> Picture | Absent:
    """Counts and step rates with their intervals, from sent to ordered."""
    name, title = "funnel", "From sent to ordered"
    result = next((r for r in run.results if _finite_kpis(r, "messages_sent")), None)
    if result is None or result.kpis["messages_sent"].value <= 0:
        return Absent(name, title, "no messages were counted as sent")
    steps = [(step, result.kpis[step]) for step in _finite_kpis(result, *STEPS)]
    words = [_step_words(result, step, kpi) for step, kpi in steps]
    caption = (
        f"Messages at each step, {WORDS[result.kind]}, with {interval_words(run)} in brackets "
        "and as whiskers. Answered and Clicked are both shares of the messages delivered."
    )
    alt = "Funnel as bars: " + "; ".join(" ".join(part for part in step if part) for step in words) + "."
    return Picture(name, title, caption, alt, lambda width: _draw_funnel(width, steps, words))


def _finite_kpis(result: Result, *names: str) -> list[str]:
    return [name for name in names if name in result.kpis and np.isfinite(result.kpis[name].value)]


def _step_words(result: Result, step: str, kpi: Kpi) -> tuple[str, str, str]:
    label, rate, of = STEPS[step]
    words = f"{with_interval(result.kpis[rate])} of {of}" if _finite_kpis(result, rate) else ""
    return label, with_interval(kpi), words


def _draw_funnel(width: int, steps: list[tuple[str, Kpi]], words: list[tuple[str, str, str]]) -> Figure:
    narrow = drawing.is_narrow(width)
    figure, (axes,) = drawing.panels(width, 60 + len(steps) * (64 if narrow else 52))
    longest = max(len(count) for _, count, _ in words)
    for row, ((_, kpi), text) in enumerate(zip(steps, words, strict=True)):
        axes.barh(row, kpi.value, height=0.34, color=BLUE, edgecolor=BLACK, linewidth=0.6)
        axes.plot([kpi.low, kpi.high], [row, row], color=BLACK, marker="|", markersize=7, linewidth=1.2)
        _write_step(axes, row - 0.22, text, longest, narrow)
    axes.set_ylim(len(steps) - 0.7, -0.95 if narrow else -0.75)
    axes.set_xlim(0, max(np.fmax(kpi.high, kpi.value) for _, kpi in steps) * 1.02)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(3 if narrow else 6))  # a label may have eleven characters
    axes.set_xlabel("messages or orders (count)")
    axes.xaxis.set_major_formatter(thousands())
    return figure


def _write_step(axes: Axes, y: float, text: tuple[str, str, str], longest: int, narrow: bool) -> None:
    """Label, count and rate above a bar: in one line, or with the rate in a second one.

    `longest`: characters of the longest count, which has room; on a narrow figure by smaller letters.
    """
    normal_pt = float(drawing.STYLE["font.size"])
    count_pt = normal_pt
    if narrow:
        room_pt = drawing.NARROW_PX * 72 / drawing.PX_PER_INCH - COUNT_PT - 6
        count_pt = min(normal_pt, room_pt / (longest * LETTER))
    line_pt = 13 if narrow and text[2] else 0
    rate = (0.0, 0.0) if narrow else (max(200.0, COUNT_PT + longest * LETTER * normal_pt + 8), 0.0)
    places = ((0.0, line_pt), (COUNT_PT, line_pt), rate)
    sizes = (normal_pt, count_pt, normal_pt)
    for words, place, size, weight in zip(text, places, sizes, ("bold", "normal", "normal"), strict=True):
        axes.annotate(
            words, (0, y), xytext=place, textcoords="offset points", va="bottom", size=size, weight=weight
        )
