"""The figures of a report. Each function takes a run and returns a picture, or why there is none."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from msgspec import UNSET
from numpy.typing import NDArray

from reports import drawing
from reports.drawing import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from reports.numbers import duration, plain, quantity, with_interval
from reports.run import WORDS, Run
from scenarios.margins import order_margin
from scenarios.result import Distribution, Kpi, Result, Series, Survival

Array = NDArray[np.float64]
BINS_PER_DECADE = 10
SHARES = ((50, "-"), (95, "--"), (99, ":"))
TIME_TICKS = {
    1e-6: "1 µs", 1e-5: "10 µs", 1e-4: "0.1 ms", 1e-3: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 1.0: "1 s",
    10.0: "10 s", 60.0: "1 min", 600.0: "10 min", 3600.0: "1 h", 36_000.0: "10 h", 345_600.0: "4 d",
    3_456_000.0: "40 d",
}  # fmt: skip


class Picture(NamedTuple):
    """A figure to draw at any width (px), with its words; `alt` says what a reader would see."""

    name: str
    title: str
    caption: str
    alt: str
    draw: Callable[[int], Figure]


class Absent(NamedTuple):
    """A figure that these results cannot give."""

    name: str
    title: str
    reason: str


def all_of(run: Run) -> list[Picture | Absent]:
    """Every figure in reading order."""
    return [draw(run) for draw in (funnel, sends, response_time, load, money, delays, order_values, survival)]


# ---------------------------------------------------------------- funnel

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
        f"Messages at each step, {WORDS[result.kind]}, with {_interval_words(run)} in brackets "
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
    axes.xaxis.set_major_formatter(_thousands())
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


# ---------------------------------------------------------------- sends over time


LONG_H = 240  # from which time is shown by the day
RATES = (
    ("capacity_per_h", "capacity", BLACK, "--", 2.2),
    ("sends_per_h", "sends", BLUE, "-", 2.1),
    ("deliveries_per_h", "deliveries", ORANGE, ":", 2.3),
)


def sends(run: Run) -> Picture | Absent:
    """Sends, deliveries and capacity by the hour until sending ends; by the day where that takes long."""
    name, title = "sends", "Sends and capacity over time"
    series = {key: found for key, *_ in RATES if (found := _series(run.predicted, key))}
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


UNIT_H = {"hour": 1, "day": 24}
PER = {"hour": "an hour", "day": "a day"}


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
    axes.yaxis.set_major_formatter(_thousands())
    _hours(axes, width)
    _clock(axes, clock_start, width)
    figure.legend(loc="outside upper left", ncols=2 if drawing.is_narrow(width) else 4)
    return figure


def _hours(axes: Axes, width: int) -> None:
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


def _clock(axes: Axes, start: datetime | None, width: int) -> None:
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


# ---------------------------------------------------------------- response times


def response_time(run: Run) -> Picture | Absent:
    """Distributions of predicted and measured response times, one under the other on one log axis."""
    name, title = "response_time", "Response time of the server"
    shown = [(result, d) for result in run.results if (d := _distribution(result, "response_time_s"))]
    if not shown:
        return Absent(name, title, "neither a simulation nor a load test recorded response times")
    caption = (
        "Time from a customer's message to the server's decision on it. The higher the bar, the more "
        "requests took that long; each step to the right on the axis is ten times slower."
    )
    service = _distribution(run.measured, "service_time_s")
    if service is not None:
        caption += " Dashed outline: the server's own share, without waiting."
    alt = "; ".join(f"{WORDS[result.kind]}: {_marks_words(result)}" for result, _ in shown)
    return Picture(
        name,
        title,
        caption,
        f"Histograms on a logarithmic time axis. {alt}.",
        lambda width: _draw_response_time(width, run, shown, service),
    )


def _marks_words(result: Result) -> str:
    marks = [(share, result.kpis.get(f"response_time_s_p{share}")) for share, _ in SHARES]
    return (
        ", ".join(f"{share} % within {duration(kpi.value)}" for share, kpi in marks if kpi)
        or "no percentiles"
    )


def _draw_response_time(
    width: int, run: Run, shown: list[tuple[Result, Distribution]], service: Distribution | None
) -> Figure:
    bound = next((v.bound for r in run.results for v in r.verdicts if v.kpi == "response_time_s_p95"), None)
    grid = _log_grid([d for _, d in shown] + ([service] if service else []), bound)
    figure, rows = drawing.panels(width, 70 + 165 * len(shown), rows=len(shown))
    for axes, (result, distribution) in zip(rows, shown, strict=True):
        measured = result.kind == "load"
        _histogram(axes, distribution, grid, VERMILLION if measured else BLUE, "///" if measured else "")
        if measured and service is not None:
            axes.stairs(_shares(service, grid), grid, color=BLACK, linestyle="--", linewidth=1.0)
        axes.set_title(f"{WORDS[result.kind]}, {_total(distribution)} requests")
        axes.set_ylabel("requests (%)")
        _log_time(axes, grid[0], grid[-1], width)
        _marks(axes, result)
        if bound is not None:
            axes.axvline(bound, color=BLACK, linewidth=2.2)
            _label(axes, bound, 0.2, f"p95 at most\n{duration(bound)}")
    for axes in rows:
        axes.set_ylim(0, max(float(each.dataLim.y1) for each in rows) * 1.3)
    rows[-1].set_xlabel("response time (ms or s as marked, log scale)")
    return figure


def _total(distribution: Distribution) -> str:
    return plain(round(float(np.nansum(distribution.counts))))


def _marks(axes: Axes, result: Result) -> None:
    """p50, p95 and p99 as lines of three styles, their labels at three heights."""
    for height, (share, line) in zip((0.94, 0.79, 0.64), SHARES, strict=True):
        kpi = result.kpis.get(f"response_time_s_p{share}")
        if kpi is not None and kpi.value > 0:
            axes.axvline(kpi.value, color=BLACK, linestyle=line, linewidth=1.3)
            _label(axes, kpi.value, height, f"p{share}  {duration(kpi.value)}")


def _label(axes: Axes, x: float, height: float, text: str) -> None:
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


def _histogram(axes: Axes, distribution: Distribution, grid: Array, colour: str, hatch: str) -> None:
    axes.stairs(
        _shares(distribution, grid), grid, fill=True, facecolor=f"{colour}66", edgecolor=colour, hatch=hatch
    )
    axes.stairs(_shares(distribution, grid), grid, color=colour, linewidth=1.2)


def _shares(distribution: Distribution, grid: Array) -> Array:
    """Percent of the observations in each cell of a grid, evenly spread inside the distribution's bins."""
    shares: Array = np.diff(np.interp(grid, distribution.edges, _cumulated(distribution))) * 100
    return shares


def _cumulated(distribution: Distribution) -> Array:
    """Share of the observations below each edge, from 0 to 1."""
    counts = np.nan_to_num(np.asarray(distribution.counts, float))
    cumulated: Array = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    return cumulated


def _log_grid(distributions: list[Distribution], bound: float | None = None) -> Array:
    """Edges, ten a decade, over all observations and the bound."""
    low = min(_positive_edge(d) for d in distributions)
    high = max(float(d.edges[_last_filled(d) + 1]) for d in distributions)
    high = max(high, low * 10, (bound or 0) * 1.3)
    first, last = np.floor(np.log10(low) * 5) / 5, np.ceil(np.log10(high) * 5) / 5
    grid: Array = 10 ** np.linspace(first, last, round((last - first) * BINS_PER_DECADE) + 1)
    return grid


def _positive_edge(distribution: Distribution) -> float:
    """The lower edge of the first filled bin, or where that is 0 a tenth of its upper edge."""
    first = int(np.flatnonzero(np.nan_to_num(distribution.counts) > 0)[0])
    lower, upper = distribution.edges[first], distribution.edges[first + 1]
    return float(lower) if lower > 0 else float(upper) / 10


def _last_filled(distribution: Distribution) -> int:
    return int(np.flatnonzero(np.nan_to_num(distribution.counts) > 0)[-1])


def _log_time(axes: Axes, low: float, high: float, width: int) -> None:
    """A logarithmic time axis whose marks are those that people use; every second one where room is short."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [tick for tick in TIME_TICKS if low <= tick <= high]
    if drawing.is_narrow(width) and len(ticks) > 5:
        ticks = ticks[::2]
    axes.set_xticks(ticks, [TIME_TICKS[tick] for tick in ticks])
    axes.minorticks_off()


# ---------------------------------------------------------------- the load test over time


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
    rows = [(s, label, colour, k) for key, label, colour, k in keys if (s := _series(run.measured, key))]
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
        axes.yaxis.set_major_formatter(_thousands())
    panels[-1].set_xlabel("time from the start of the load test (s)")
    panels[-1].set_xlim(0)
    figure.align_ylabels(panels)
    return figure


# ---------------------------------------------------------------- money


def money(run: Run) -> Picture | Absent:
    """Revenue and cost as they add up, and the balance."""
    name, title = "money", "Money over time"
    revenue, cost = _series(run.predicted, "revenue_usd_cum"), _series(run.predicted, "cost_usd_cum")
    if revenue is None or cost is None:
        return Absent(name, title, "the simulation recorded no revenue and cost over time")
    stated, discount = run.number("costs.gross_margin"), run.number("campaign.discount")
    margin = None if stated is None else stated if discount is None else order_margin(stated, discount)
    profit = revenue[1] * (1.0 if margin is None else margin)
    balance = profit - np.interp(revenue[0], *cost)
    gain = "revenue" if margin is None else f"gross profit ({quantity(margin, 'fraction')} of revenue)"
    caption = (
        f"Sums since the start, predicted, mean of the runs. The balance is {gain} less cost. "
        f"{_payback(revenue[0], balance)}"
    )
    alt = (
        f"At the end: revenue {plain(round(revenue[1][-1]))} USD, cost {plain(round(cost[1][-1]))} USD, "
        f"balance {plain(round(balance[-1]))} USD."
    )
    shown_profit = None if margin is None else profit
    return Picture(
        name, title, caption, alt, lambda width: _draw_money(width, revenue, cost, shown_profit, balance)
    )


def _payback(t_s: Array, balance: Array) -> str:
    below = np.flatnonzero(balance < 0)
    if below.size == 0:
        return "It is never below zero."
    if below[-1] == balance.size - 1:
        return "It is below zero at the end."
    return f"It is above zero for good from {duration(float(t_s[below[-1] + 1]))} after the start."


def _draw_money(
    width: int, revenue: tuple[Array, Array], cost: tuple[Array, Array], profit: Array | None, balance: Array
) -> Figure:
    figure, (top, bottom) = drawing.panels(width, 420, rows=2, heights=(3, 2))
    hours = revenue[0] / 3600
    top.plot(hours, revenue[1], color=BLUE, label="revenue")
    if profit is not None:
        top.plot(hours, profit, color=GREEN, linestyle="--", label="gross profit")
    top.plot(cost[0] / 3600, cost[1], color=VERMILLION, linestyle=":", linewidth=2.2, label="cost")
    top.set_ylabel("sum (USD)")
    lowest = min(float(revenue[1].min()), 0.0 if profit is None else float(profit.min()))
    top.set_ylim(min(0.0, float(top.get_ylim()[0])) if lowest < 0 else 0)
    bottom.plot(hours, balance, color=BLACK)
    bottom.fill_between(hours, balance, where=balance >= 0, interpolate=True, color=SKY, alpha=0.5, lw=0)
    below = bottom.fill_between(hours, balance, where=balance < 0, interpolate=True, lw=0)
    below.set(facecolor=f"{VERMILLION}55", edgecolor=VERMILLION, hatch="///")
    bottom.axhline(0, color=BLACK, linewidth=0.8)
    bottom.set_ylabel("balance (USD)")
    bottom.set_xlim(0, max(float(hours[-1]), 1.0))
    for axes in (top, bottom):
        axes.yaxis.set_major_formatter(_thousands())
    _hours(bottom, width)
    figure.align_ylabels([top, bottom])
    figure.legend(loc="outside upper left", ncols=3)
    return figure


# ---------------------------------------------------------------- delays and order values


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
        if (d := _distribution(run.predicted, key))
    ]
    if not lines:
        return Absent(name, title, "the simulation recorded no delays")
    halves = "; ".join(f"half are {label} within {duration(_quantile(d, 0.5))}" for d, label, _, _ in lines)
    caption = f"Of the messages that were delivered, or read, {halves}. Dots mark one half and 95 %."
    return Picture(
        name, title, caption, f"Rising curves: {halves}.", lambda width: _draw_delays(width, lines)
    )


def _draw_delays(width: int, lines: list[tuple[Distribution, str, str, str]]) -> Figure:
    figure, (axes,) = drawing.panels(width, 300)
    grid = _log_grid([distribution for distribution, *_ in lines])
    low = min(_quantile(distribution, 0.001) for distribution, *_ in lines)
    _log_time(axes, max(low, grid[0]), grid[-1], width)
    for distribution, label, colour, line in lines:
        share = np.concatenate([[0.0], np.cumsum(_shares(distribution, grid))])
        axes.plot(grid, share, color=colour, linestyle=line, label=label)
        marks = [_quantile(distribution, level) for level in (0.5, 0.95)]
        axes.plot(marks, [50, 95], color=colour, marker="o", linestyle="none")
    axes.set_ylim(0, 103)
    axes.set_ylabel("messages so far (%)")
    axes.set_xlabel("delay (ms to days as marked, log scale)")
    figure.legend(loc="outside upper left", ncols=1 if drawing.is_narrow(width) else 2)
    return figure


def _quantile(distribution: Distribution, level: float) -> float:
    return float(np.interp(level, _cumulated(distribution), distribution.edges))


def order_values(run: Run) -> Picture | Absent:
    """Histogram of what customers spend."""
    name, title = "order_values", "Value of the orders"
    distribution = _distribution(run.predicted, "order_value_usd")
    if distribution is None:
        return Absent(name, title, "no orders were simulated")
    middle = [plain(round(_quantile(distribution, level))) for level in (0.25, 0.5, 0.75)]
    caption = f"Half of the orders are worth {middle[0]} to {middle[2]} USD; the median is {middle[1]} USD."
    return Picture(
        name, title, caption, f"Histogram. {caption}", lambda width: _draw_order_values(width, distribution)
    )


def _draw_order_values(width: int, distribution: Distribution) -> Figure:
    figure, (axes,) = drawing.panels(width, 260)
    grid = np.linspace(0, _quantile(distribution, 0.999) * 1.02, 31)
    _histogram(axes, distribution, grid, BLUE, "")
    axes.axvline(_quantile(distribution, 0.5), color=BLACK, linestyle="--")
    axes.annotate(
        "median",
        (_quantile(distribution, 0.5), 0.93),
        xycoords=axes.get_xaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
    )
    axes.set_xlim(0, grid[-1])
    axes.set_ylim(0, axes.dataLim.y1 * 1.18)
    axes.set_xlabel("value of one order (USD)")
    axes.set_ylabel("orders (%)")
    return figure


# ---------------------------------------------------------------- survival of accounts


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
        f"all runs and numbers, replacements too, with {_interval_words(run)} as the band. "
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


# ---------------------------------------------------------------- shared


def _series(result: Result | None, key: str) -> tuple[Array, Array] | None:
    """Times and values without the gaps of NaN; None if nothing is left."""
    series: Series | None = result.series.get(key) if result is not None else None
    if series is None:
        return None
    size = min(len(series.t_s), len(series.value))
    t_s, value = np.asarray(series.t_s[:size], float), np.asarray(series.value[:size], float)
    finite = np.isfinite(t_s) & np.isfinite(value)
    return (t_s[finite], value[finite]) if finite.any() else None


def _distribution(result: Result | None, key: str) -> Distribution | None:
    """A distribution with at least one observation, else None."""
    distribution = result.distributions.get(key) if result is not None else None
    if distribution is None or len(distribution.edges) != len(distribution.counts) + 1:
        return None
    return distribution if np.nansum(distribution.counts) > 0 else None


def _thousands() -> FuncFormatter:
    return FuncFormatter(lambda value, _: plain(float(f"{value:.6g}")))


def _interval_words(run: Run) -> str:
    level = run.number("experiment.confidence")
    return "their intervals" if level is None else f"{quantity(level, 'fraction')} intervals"
