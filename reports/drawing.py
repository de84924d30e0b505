"""How figures look and how they become bytes: Figure objects only, the same bytes for the same figure."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDE_PX = 720
NARROW_PX = 340
PX_PER_INCH = 96
PNG_DPI = 2 * PX_PER_INCH

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/ : told apart under every common colour blindness.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY = "#666666"

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
    "svg.hashsalt": "wavetank",
    "svg.fonttype": "path",
}


def panels(
    width_px: int, height_px: int, rows: int = 1, heights: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of so many pixels with panels one under the other on a common horizontal axis."""
    figure = Figure(figsize=(width_px / PX_PER_INCH, height_px / PX_PER_INCH), layout="constrained")
    grid = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=heights)
    return figure, list(grid[:, 0])


def is_narrow(width_px: int) -> bool:
    return width_px < WIDE_PX


def svg(figure: Figure) -> bytes:
    """Without date or random ids, so that the same figure gives the same bytes.

    The canvas prints directly, since `savefig` would draw everything twice; and the layout stays for a
    later PNG, since finding it takes as long as drawing.
    """
    stream = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None})  # type: ignore[no-untyped-call]
    figure.set_layout_engine("none")
    return stream.getvalue()


def png(figure: Figure) -> bytes:
    """At twice the pixels of the page."""
    stream = io.BytesIO()
    figure.dpi = PNG_DPI
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return stream.getvalue()


def style() -> Any:
    """Context in which figures are drawn and written; matplotlib's settings are as before outside of it."""
    return matplotlib.rc_context(STYLE)  # type: ignore[arg-type]
