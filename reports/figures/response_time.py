"""Response times, predicted and measured."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import drawing
from reports.drawing import BLACK, BLUE, VERMILLION
from reports.figures.axes import histogram, label_beside, log_time
from reports.figures.observed import distribution_of, log_grid, shares_in
from reports.figures.pictures import Absent, Picture
from reports.numbers import duration, plain
from reports.run import WORDS, Run
from scenarios.result import Distribution, Result

SHARES = ((50, "-"), (95, "--"), (99, ":"))


def response_time(run: Run) -> Picture | Absent:
    """Distributions of predicted and measured response times, one under the other on one log axis."""
    name, title = "response_time", "Response time of the server"
    shown = [(result, d) for result in run.results if (d := distribution_of(result, "response_time_s"))]
    if not shown:
        return Absent(name, title, "neither a simulation nor a load test recorded response times")
    caption = (
        "Time from a customer's message to the server's decision on it. The higher the bar, the more "
        "requests took that long; each step to the right on the axis is ten times slower."
    )
    service = distribution_of(run.measured, "service_time_s")
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
    grid = log_grid([d for _, d in shown] + ([service] if service else []), bound)
    figure, rows = drawing.panels(width, 70 + 165 * len(shown), rows=len(shown))
    for axes, (result, distribution) in zip(rows, shown, strict=True):
        measured = result.kind == "load"
        histogram(axes, distribution, grid, VERMILLION if measured else BLUE, "///" if measured else "")
        if measured and service is not None:
            axes.stairs(shares_in(service, grid), grid, color=BLACK, linestyle="--", linewidth=1.0)
        axes.set_title(f"{WORDS[result.kind]}, {_total(distribution)} requests")
        axes.set_ylabel("requests (%)")
        log_time(axes, grid[0], grid[-1], width)
        _marks(axes, result)
        if bound is not None:
            axes.axvline(bound, color=BLACK, linewidth=2.2)
            label_beside(axes, bound, 0.2, f"p95 at most\n{duration(bound)}")
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
            label_beside(axes, kpi.value, height, f"p{share}  {duration(kpi.value)}")
