"""What is spent and earned over time."""

import numpy as np
from matplotlib.figure import Figure

from reports import drawing
from reports.drawing import BLACK, BLUE, GREEN, SKY, VERMILLION
from reports.figures.axes import hour_axis, thousands
from reports.figures.observed import Array, series_of
from reports.figures.pictures import Absent, Picture
from reports.numbers import duration, plain, quantity
from reports.run import Run
from scenarios.margins import order_margin


def money(run: Run) -> Picture | Absent:
    """Revenue and cost as they add up, and the balance."""
    name, title = "money", "Money over time"
    revenue, cost = series_of(run.predicted, "revenue_usd_cum"), series_of(run.predicted, "cost_usd_cum")
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
        axes.yaxis.set_major_formatter(thousands())
    hour_axis(bottom, width)
    figure.align_ylabels([top, bottom])
    figure.legend(loc="outside upper left", ncols=3)
    return figure
