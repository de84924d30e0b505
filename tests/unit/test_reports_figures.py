import io
import math
from collections.abc import Iterator
from itertools import combinations

import msgspec
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from reports import drawing, figures
from reports.figures import observed
from reports.figures.pictures import Absent, Picture
from reports.run import Run, run_of
from scenarios.result import Distribution, Kpi, Result, Series, Survival

NAMES = ["funnel", "sends", "response_time", "load", "money", "delays", "order_values", "survival"]


@pytest.fixture(autouse=True)
def in_style() -> Iterator[None]:
    with drawing.style():
        yield


def pictures(run: Run) -> dict[str, Picture]:
    return {each.name: each for each in figures.all_of(run) if isinstance(each, Picture)}


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_both_results_give_every_figure(simulated: Result, measured: Result) -> None:
    assert list(pictures(run_of([simulated, measured]))) == NAMES


@pytest.mark.parametrize("width", [drawing.WIDE_PX, drawing.NARROW_PX])
@pytest.mark.parametrize("name", NAMES)
def test_every_axis_has_a_label_with_a_unit(
    simulated: Result, measured: Result, name: str, width: int
) -> None:
    figure = pictures(run_of([simulated, measured]))[name].draw(width)
    units = ("(h)", "(s)", "(ms", "(USD)", "(%)", "(count)", "an hour", "a second", "conversations", "(days)")
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_yticks().size]
    labels.append(figure.axes[-1].get_xlabel())
    assert all(any(unit in label.replace("\n", " ") for unit in units) for label in labels), labels


@pytest.mark.parametrize("width", [drawing.WIDE_PX, drawing.NARROW_PX])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off(simulated: Result, measured: Result, name: str, width: int) -> None:
    figure = pictures(run_of([simulated, measured]))[name].draw(width)
    drawing.svg(figure)
    ink = figure.get_tightbbox()
    assert ink.x0 >= 0
    assert ink.y0 >= 0
    assert ink.x1 <= width / drawing.PX_PER_INCH
    assert ink.y1 <= figure.get_figheight()


def test_the_funnel_states_counts_and_step_rates_with_intervals(simulated: Result) -> None:
    funnel = pictures(run_of([simulated]))["funnel"]
    for words in ("9,807 (9,795 to 9,819)", "91.38 % (91.29 to 91.47 %) of sent", "66 (62 to 69)"):
        assert words in texts(funnel.draw(drawing.WIDE_PX))
        assert words in funnel.alt


@pytest.mark.parametrize("width", [drawing.WIDE_PX, drawing.NARROW_PX])
@pytest.mark.parametrize("times", [1, 1000, 20_000])
def test_the_funnels_words_do_not_overlap_however_large_the_counts(
    simulated: Result, times: float, width: int
) -> None:
    larger = {
        name: Kpi(times * kpi.value, times * (kpi.value - 0.9 / times**0.5), times * kpi.high, kpi.unit)
        if kpi.unit in ("messages", "orders")
        else kpi
        for name, kpi in simulated.kpis.items()
    }
    figure = pictures(run_of([msgspec.structs.replace(simulated, kpis=larger)]))["funnel"].draw(width)
    drawing.svg(figure)
    axes = figure.axes[0]
    within = axes.xaxis.get_majorticklocs() <= axes.get_xlim()[1]
    ticks = [label for label, shown in zip(axes.get_xticklabels(), within, strict=True) if shown]
    boxes = [text.get_window_extent() for text in [*axes.texts, *ticks] if text.get_text()]
    assert [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)] == []
    assert max(box.x1 for box in boxes) <= width


def test_what_takes_weeks_is_shown_by_the_day(simulated: Result) -> None:
    at_s = [900.0 * bin_ for bin_ in range(20 * 96)]
    rate = [8.0 if 40 <= bin_ % 96 < 48 and bin_ // 96 != 7 else 0.0 for bin_ in range(20 * 96)]
    series = {**simulated.series, "sends_per_h": Series(at_s, rate)}
    picture = pictures(run_of([msgspec.structs.replace(simulated, series=series)]))["sends"]
    assert picture.caption.startswith("Messages in each day")
    assert "Hatched: days without a send." in picture.caption
    assert picture.alt == (
        "Sends reach 16 messages a day; the last are sent in the day from 19 d after the start; "
        "gaps of a day or more: 1."
    )
    axes = picture.draw(drawing.WIDE_PX).axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("messages a day", "time from the start (days)")


def test_gaps_in_sending_are_marked_and_the_clock_is_shown(simulated: Result) -> None:
    figure = pictures(run_of([simulated]))["sends"].draw(drawing.WIDE_PX)
    words = texts(figure)
    assert "no sends" in words
    assert "clock (UTC)" in words
    assert "Wed\n06:00" in words


def test_rates_within_an_hour_are_averaged(simulated: Result) -> None:
    """Ten accounts at 12 a minute use up 160 an hour each in the first minutes of every hour."""
    bursts = Series([900.0 * quarter for quarter in range(8)], [5760.0, 640.0, 0.0, 0.0] * 2)
    series = {"sends_per_h": bursts, "capacity_per_h": bursts}
    sends = pictures(run_of([msgspec.structs.replace(simulated, series=series)]))["sends"]
    lines = sends.draw(drawing.WIDE_PX).axes[0].patches
    assert [line.get_data().values.tolist() for line in lines] == [[1600.0, 1600.0]] * 3
    assert "no sends" not in texts(sends.draw(drawing.WIDE_PX))


def test_response_times_share_one_log_axis_and_mark_percentiles(simulated: Result, measured: Result) -> None:
    figure = pictures(run_of([simulated, measured]))["response_time"].draw(drawing.WIDE_PX)
    predicted, below = figure.axes
    assert predicted.get_xscale() == below.get_xscale() == "log"
    assert predicted.get_xlim() == below.get_xlim()
    assert predicted.get_ylim() == below.get_ylim()
    words = texts(figure)
    for mark in ("p50  4.2 ms", "p95  10.4 ms", "p99  15.1 ms", "p95  13.7 ms", "p99  31.2 ms"):
        assert mark in words


def test_a_rebinned_distribution_keeps_every_observation() -> None:
    distribution = Distribution([0.0, 0.01, 0.1, 5.0], [10.0, 85.0, 5.0], "s")
    grid = observed.log_grid([distribution])
    shares = observed.shares_in(distribution, grid)
    below = 10 * grid[0] / 0.01  # the first bin starts at 0, where a log axis cannot
    assert shares.sum() == pytest.approx(100 - below)
    assert below < 2


def test_a_balance_that_recovers_says_when(simulated: Result) -> None:
    series = simulated.series | {
        "revenue_usd_cum": Series([0.0, 3600.0, 7200.0], [0.0, 0.0, 1000.0]),
        "cost_usd_cum": Series([0.0, 3600.0, 7200.0], [10.0, 20.0, 30.0]),
    }
    money = pictures(run_of([msgspec.structs.replace(simulated, series=series)]))["money"]
    assert "above zero for good from 2 h after the start" in money.caption
    assert drawing.svg(money.draw(drawing.WIDE_PX)).startswith(b"<?xml")


def test_one_result_leaves_out_what_the_other_would_show(simulated: Result, measured: Result) -> None:
    assert set(pictures(run_of([simulated]))) == set(NAMES) - {"load"}
    assert set(pictures(run_of([measured]))) == {"funnel", "response_time", "load"}


def test_survival_steps_down_with_its_band_and_says_how_many_were_watched(simulated: Result) -> None:
    picture = pictures(run_of([simulated]))["survival"]
    figure = picture.draw(drawing.WIDE_PX)
    band, line = (patch.get_data() for patch in figure.axes[0].patches)
    assert line.edges.tolist() == [0.0, 0.4, 1.8, 3.1, 5.2, 7.0]
    assert line.values.tolist() == pytest.approx([100.0, 99.5, 99.0, 98.5, 98.0])
    assert np.all(band.baseline <= line.values)
    assert np.all(line.values <= band.values)
    words = texts(figure)
    for count in ("203", "199", "196"):
        assert count in words
    assert "4 of 203 accounts were banned" in picture.caption
    assert "98.0 % (94.7 to 99.2 %)" in picture.alt


@pytest.mark.parametrize("width", [drawing.WIDE_PX, drawing.NARROW_PX])
def test_survival_of_nobody_is_drawn(simulated: Result, width: int) -> None:
    gone = Survival([0.5, 2.0], [2, 1], [0.5, 0.0], [0.006, 0.0], [0.91, 0.0], 2, 2, 2.0)
    picture = pictures(run_of([msgspec.structs.replace(simulated, survival=gone)]))["survival"]
    assert drawing.svg(picture.draw(width)).startswith(b"<?xml")


def test_without_a_ban_there_is_a_reason_and_no_staircase(simulated: Result) -> None:
    kept = Survival([], [], [], [], [], 1200, 0, 7.0)
    (absent,) = (
        each
        for each in figures.all_of(run_of([msgspec.structs.replace(simulated, survival=kept)]))
        if each.name == "survival"
    )
    assert isinstance(absent, Absent)
    assert absent.reason == "none of 1,200 accounts was banned in 7 d"


EMPTY = Series([], [])
NAN = Series([0.0, 900.0], [math.nan, math.nan])
ONE = Series([0.0], [5.0])
ZERO = Series([0.0, 900.0], [0.0, 0.0])


@pytest.mark.parametrize("series", [EMPTY, NAN, ONE, ZERO])
@pytest.mark.parametrize("counts", [[0.0, 0.0], [0.0, 7.0], [math.nan, 1.0]])
def test_thin_results_give_a_figure_or_a_reason(
    simulated: Result, measured: Result, series: Series, counts: list[float]
) -> None:
    distribution = Distribution([0.0, 0.5, 1.0], counts, "s")
    thin = [
        msgspec.structs.replace(
            result,
            series=dict.fromkeys(result.series, series),
            distributions=dict.fromkeys(result.distributions, distribution),
            kpis={name: Kpi(0.0, 0.0, 0.0, kpi.unit) for name, kpi in result.kpis.items()},
        )
        for result in (simulated, measured)
    ]
    for each in figures.all_of(run_of(thin)):
        if isinstance(each, Absent):
            assert each.reason
        else:
            assert drawing.svg(each.draw(drawing.NARROW_PX)).startswith(b"<?xml")


def test_a_png_has_ink_at_twice_the_pixels(simulated: Result) -> None:
    pixels = imread(io.BytesIO(drawing.png(pictures(run_of([simulated]))["funnel"].draw(drawing.WIDE_PX))))
    assert pixels.shape[1] == 2 * drawing.WIDE_PX
    assert np.mean(pixels[..., :3] < 0.9) > 0.02
