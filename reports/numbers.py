"""Numbers for people: percent, thousands separators, durations, only the digits that an interval bears."""

import math
from typing import NamedTuple

from scenarios.result import Kpi

NO_VALUE = "no value"

# from so many seconds on, in these two units
DURATIONS = ((2 * 86400, "d", 86400, "h", 3600), (3600, "h", 3600, "min", 60), (120, "min", 60, "s", 1))


class Scale(NamedTuple):
    """How a unit is shown: multiply by `factor` and write `unit`."""

    factor: float
    unit: str


def scale(unit: str, magnitude: float) -> Scale:
    """Percent for fractions, and for seconds the unit that suits the magnitude."""
    if unit.startswith("fraction"):
        return Scale(100.0, unit.replace("fraction", "%", 1))
    if unit != "s":
        return Scale(1.0, unit)
    return _time_scale(abs(magnitude))


def _time_scale(seconds: float) -> Scale:
    if 0 < seconds < 1:
        return Scale(1000.0, "ms")
    if seconds >= 2 * 86400:
        return Scale(1 / 86400, "days")
    if seconds >= 2 * 3600:
        return Scale(1 / 3600, "h")
    return Scale(1 / 60, "min") if seconds >= 120 else Scale(1.0, "s")


def decimals(value: float, half_width: float, digits: int = 3) -> int:
    """Decimals that the half-width of the interval bears, or so many significant digits of an exact value.

    The half-width keeps one or two digits, two while they read at most 35 (the rounding of the Particle Data
    Group, Review of Particle Physics, Introduction 5.3). 0 for exact whole numbers; never more than 6.
    """
    if half_width > 0 and math.isfinite(half_width):
        return min(6, max(0, math.floor(math.log10(35.5 / half_width))))
    if not math.isfinite(value) or value == round(value):
        return 0
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def number(value: float, places: int) -> str:
    """`12,345.6`, or "no value" for NaN and infinities."""
    if not math.isfinite(value):
        return NO_VALUE
    text = f"{value:,.{places}f}"
    return text.replace("-", "−" if text.strip("-0.,") else "")


def plain(value: float, digits: int = 3) -> str:
    """A number by itself: whole, or with so many significant digits and no zeros at its end."""
    text = number(value, decimals(value, 0.0, digits))
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """One figure with its unit: `94.8 %`, `4.2 ms`, `13 h 20 min`, `1,234 USD`."""
    if not math.isfinite(value):
        return NO_VALUE
    if unit == "s":
        return duration(value, digits)
    shown = scale(unit, value)
    return f"{plain(value * shown.factor, digits)} {shown.unit}".rstrip()


def told_apart(value: float, bound: float, unit: str) -> tuple[str, str]:
    """Both as quantities, with enough digits that they read differently if they are."""
    for digits in (3, 4, 5, 6):
        texts = quantity(value, unit, digits), quantity(bound, unit, digits)
        if texts[0] != texts[1]:
            break
    return texts


def duration(seconds: float, digits: int = 3) -> str:
    """`4.2 ms`, `12.5 s`, `3 min 20 s`, `13 h 20 min`, `2 d 3 h`."""
    if not math.isfinite(seconds):
        return NO_VALUE
    for least_s, large, large_s, small, small_s in DURATIONS:
        rounded = round(seconds / small_s) * small_s
        if rounded >= least_s:
            whole, rest = divmod(rounded, large_s)
            return f"{whole:,} {large}" + (f" {rest // small_s} {small}" if rest else "")
    shown = _time_scale(abs(seconds))
    return f"{plain(seconds * shown.factor, digits)} {shown.unit}"


def has_interval(kpi: Kpi) -> bool:
    return math.isfinite(kpi.low) and math.isfinite(kpi.high) and kpi.low < kpi.high


def estimate(kpi: Kpi, shown: Scale) -> tuple[str, str]:
    """(value, "low to high") in one scale with the same decimals; an interval without width is empty."""
    half_width = (kpi.high - kpi.low) / 2 * shown.factor if has_interval(kpi) else 0.0
    places = decimals(kpi.value * shown.factor, half_width)
    value = number(kpi.value * shown.factor, places)
    if not has_interval(kpi):
        return value, ""
    return value, f"{number(kpi.low * shown.factor, places)} to {number(kpi.high * shown.factor, places)}"


def with_interval(kpi: Kpi) -> str:
    """`8,961 (8,949 to 8,974)`, `8.4 % (8.3 to 8.6 %)`; units other than percent are left to the sentence."""
    shown = scale(kpi.unit, kpi.value)
    value, interval = estimate(kpi, shown)
    unit = " %" if shown.unit.startswith("%") and value != NO_VALUE else ""
    return f"{value}{unit} ({interval}{unit})" if interval else f"{value}{unit}"
