"""What a figure's function returns."""

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure


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
