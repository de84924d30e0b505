"""The figure of a comparison: differences with intervals, in per cent of the base."""

from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from reports import drawing
from reports.comparison import (
    NEGLIGIBLE,
    SAME,
    UNDEFINED,
    base_text,
    differing,
    in_sentence,
    reading_notes,
    word,
)
from reports.drawing import BLACK, BLUE, GREEN, GREY, PURPLE, SKY, VERMILLION
from reports.numbers import number
from reports.tables import label
from scenarios import documents
from scenarios.comparison import Comparison, Difference

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, SKY, BLACK)
SHAPES = ("o", "D", "^", "s", "v", "P", "X")
UNTOLD = GREY
VERDICTS = (
    "Filled, in colour: the interval excludes 0. Hollow, grey: unclear, it includes 0. "
    "No mark: the same, or nearly."
)
LINEAR_UP_TO, LINEAR_CORE = 150, 20  # per cent: further than the first, only the second is linear
LONGEST = 2.5  # intervals are drawn whole up to so many times the largest estimate
LEGEND_COLUMNS = 5  # at most
HANDLE_PX, LETTER_PX = 72, 7.2  # of an entry beside its name, and a letter of it
LONGEST_NAME = 80  # letters of a variant's name that are shown
NOTE_CHARACTERS = 118
ROW_PX, VARIANT_PX, FRAME_PX, LEGEND_PX, NOTE_PX = 10, 14, 90, 20, 13
NAME = "compare"


class Mark(NamedTuple):
    """A difference in per cent of the base's mean."""

    variant: int
    value: float
    low: float
    high: float
    told: bool


def write_figure(comparison: Comparison, folder: Path) -> list[Path]:
    """Write `compare.svg` and `compare.png` into a folder; the same comparison gives the same bytes."""
    with drawing.style():
        figure = draw(comparison)
        pictures = {"svg": drawing.svg(figure), "png": drawing.png(figure)}
    return [documents.write(content, folder, f"{NAME}.{kind}") for kind, content in pictures.items()]


def marks_of(comparison: Comparison) -> dict[str, list[Mark]]:
    """By KPI, those that differ in some replication by more than next to nothing; not where the base is 0."""
    found = {
        name: [
            _mark(number, each.differences[name], comparison.base[name].value)
            for number, each in enumerate(comparison.variants.values())
            if word(each.differences.get(name), comparison.base[name]) not in (SAME, NEGLIGIBLE, UNDEFINED)
        ]
        for name in differing(comparison)
        if comparison.base[name].value != 0
    }
    return {name: marks for name, marks in found.items() if marks}


def _mark(number: int, difference: Difference, base: float) -> Mark:
    value, low, high = (100 * x / abs(base) for x in (difference.value, difference.low, difference.high))
    return Mark(number, value, low, high, difference.distinguishable)


def draw(comparison: Comparison) -> Figure:
    """One panel: a row for each KPI, in it a mark for each variant; filled where it can be told from 0."""
    marks, variants = marks_of(comparison), len(comparison.variants)
    limits = _limits([mark for found in marks.values() for mark in found])
    notes = _notes(comparison, _is_wide(limits))
    row_px = ROW_PX + VARIANT_PX * max(variants, 2)
    frame_px = FRAME_PX + LEGEND_PX * ceil(variants / _columns(comparison))
    height_px = frame_px + row_px * max(len(marks), 1) + NOTE_PX * len(notes)
    figure, (axes,) = drawing.panels(drawing.WIDE_PX, height_px)
    for row, found in enumerate(marks.values()):
        for mark in found:
            _draw_mark(axes, mark, row + (mark.variant - (variants - 1) / 2) * VARIANT_PX / row_px, limits)
    _frame(axes, comparison, list(marks), limits)
    _legend(figure, comparison)
    figure.supxlabel("\n".join(notes), x=0.01, ha="left", fontsize=8, color=GREY)
    return figure


def _limits(marks: list[Mark]) -> tuple[float, float]:
    """Per cent to show: 0, every estimate, and every interval that is not far longer than the largest."""
    most = LONGEST * max((abs(mark.value) for mark in marks), default=0.0) or 1.0
    low = max(-most, min((mark.low for mark in marks), default=0.0))
    high = min(most, max((mark.high for mark in marks), default=0.0))
    if _is_wide((low, high)):
        return min(1.6 * low, -LINEAR_CORE), 1.6 * high
    room = 0.06 * (max(high, -low) or 1.0)
    return min(low - room, -3 * room), max(high + room, 3 * room)


def _is_wide(limits: tuple[float, float]) -> bool:
    """Whether a linear axis would press the small differences together."""
    return max(limits) > LINEAR_UP_TO


def _draw_mark(axes: Axes, mark: Mark, y: float, limits: tuple[float, float]) -> None:
    colour = COLOURS[mark.variant % len(COLOURS)] if mark.told else UNTOLD
    low, high = max(mark.low, limits[0]), min(mark.high, limits[1])
    axes.plot([low, high], [y, y], color=colour, linewidth=1.8 if mark.told else 1.1, solid_capstyle="butt")
    if low < high:
        for end, true, beyond in ((low, mark.low, "<"), (high, mark.high, ">")):
            cap = "|" if end == true else beyond  # an arrow: it goes on
            axes.plot(end, y, marker=cap, color=colour, markersize=6, clip_on=False)
    axes.plot(
        mark.value,
        y,
        marker=SHAPES[mark.variant % len(SHAPES)],
        color=colour,
        markerfacecolor=colour if mark.told else "white",
        markersize=6.5,
        zorder=3,
        clip_on=False,
    )


def _frame(axes: Axes, comparison: Comparison, names: list[str], limits: tuple[float, float]) -> None:
    axes.axvline(0, color=BLACK, linewidth=1.0, zorder=1)
    if _is_wide(limits):
        axes.set_xscale("symlog", linthresh=LINEAR_CORE)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda percent, _: number(percent, 0)))
    axes.set_xlim(*limits)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    labels = [f"{label(name)}\n{base_text(comparison.base[name])}" for name in names]
    axes.set_yticks(range(len(names)), labels)
    axes.set_yticks([row + 0.5 for row in range(len(names) - 1)], minor=True)
    axes.tick_params(axis="y", which="both", length=0)
    axes.grid(axis="y", which="major", visible=False)
    axes.grid(axis="y", which="minor")
    axes.set_xlabel(f"difference from {comparison.scenario} (% of its mean, which stands below each name)")
    if not names:
        axes.text(0, 0.2, "no KPI differs in any replication", ha="center")


def _legend(figure: Figure, comparison: Comparison) -> None:
    entries = [
        Line2D(
            [], [], color=COLOURS[n % len(COLOURS)], marker=SHAPES[n % len(SHAPES)], label=_shortened(name)
        )
        for n, name in enumerate(comparison.variants)
    ]
    figure.legend(handles=entries, loc="outside upper left", ncols=_columns(comparison))


def _columns(comparison: Comparison) -> int:
    """Of the legend: as many as the longest name leaves room for."""
    longest = max(len(_shortened(name)) for name in comparison.variants)
    return int(min(LEGEND_COLUMNS, max(1, drawing.WIDE_PX // (HANDLE_PX + LETTER_PX * longest))))


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _notes(comparison: Comparison, wide: bool) -> list[str]:
    """Wrapped to the figure's width."""
    notes = [VERDICTS, *reading_notes(comparison)]
    if wide:
        notes.insert(0, f"The axis is linear within ±{LINEAR_CORE} % and logarithmic beyond.")
    empty = [in_sentence(name) for name in differing(comparison) if comparison.base[name].value == 0]
    if empty:
        notes.append(f"Not drawn, since the base has none: {', '.join(empty)}.")
    return [line for note in notes for line in wrap(note, NOTE_CHARACTERS)]
