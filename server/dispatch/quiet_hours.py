"""When a customer may be written to: windows of the customer's local day, as Unix times.

Sending is allowed in `[quiet_until, quiet_from)` of the local wall clock (C030, C031). Where a
clock change makes a boundary ambiguous the rule is the one that is safest for the customer:

- a boundary that occurs twice (clocks go back) closes at the first and opens at the last;
- a boundary that does not occur (clocks go forward over it) is the instant of the change.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

_MICROS = 1_000_000
_CHUNK_DAYS = 16  # how far ahead one calendar look-up computes
_ALWAYS = (-(1 << 61), 1 << 61)


def windows(
    zone: str, quiet_from: str, quiet_until: str, start_s: float, end_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The allowed windows that meet `[start_s, end_s)`: when each opens and when it closes.

    Unix seconds, ascending, not clipped to the range; a window is `[open, close)` and may cross
    midnight. `quiet_from` and `quiet_until` are "HH:MM" local time (defaults elsewhere: 22:00 and
    08:00, C030, C031). "00:00" for both means no quiet hours: one endless window, -inf to inf.

    Raises ValueError for an unknown zone, a malformed time, or both times equal other than
    "00:00", which would be quiet hours that cover the whole day.
    """
    opens_at, closes_at = _boundaries(quiet_from, quiet_until)
    if opens_at == closes_at:
        return np.array([-np.inf]), np.array([np.inf])
    pairs = _between(zone_of(zone), opens_at, closes_at, start_s, end_s)
    columns = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


class Calendar:
    """The windows of one zone, looked up by time in microseconds and computed as far as needed."""

    def __init__(self, zone: str, quiet_from: str, quiet_until: str) -> None:
        """Raises ValueError as `windows` does."""
        zone_of(zone)
        self._zone = zone  # not the zone itself: a server knows 600, and uses few of them
        self._bounds = _boundaries(quiet_from, quiet_until)
        self._always = self._bounds[0] == self._bounds[1]

    def window(self, at_us: int) -> tuple[int, int]:
        """The window `[open, close)` that contains `at_us`, or else the next one after it."""
        if self._always:
            return _ALWAYS
        chunk_us = _CHUNK_DAYS * 86_400 * _MICROS
        closes, pairs = _chunk(self._zone, *self._bounds, at_us // chunk_us)
        return pairs[bisect_right(closes, at_us)]


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone called `name`; ValueError with one line if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"time zone {name!r} is unknown: use an IANA name such as 'Europe/Berlin' or 'UTC'"
        ) from None


def _boundaries(quiet_from: str, quiet_until: str) -> tuple[time, time]:
    opens_at = _clock("quiet_until", quiet_until)
    closes_at = _clock("quiet_from", quiet_from)
    if opens_at == closes_at != time(0):
        raise ValueError(
            f"quiet_from and quiet_until are both {quiet_from!r}, which leaves no time to send: "
            "set them apart, or both to '00:00' for no quiet hours"
        )
    return opens_at, closes_at


def _clock(field: str, text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise ValueError(f"{field} is {text!r}: use a local time 'HH:MM' from 00:00 to 23:59") from None


@lru_cache(maxsize=4096)
def _chunk(
    zone: str, opens_at: time, closes_at: time, number: int
) -> tuple[list[int], list[tuple[int, int]]]:
    """Windows that close after the chunk's start, through the first that opens after its end."""
    start_s = number * _CHUNK_DAYS * 86_400.0
    # A zone may skip a whole date, so the window after the last instant can be three days off.
    end_s = start_s + (_CHUNK_DAYS + 3) * 86_400.0
    pairs = [
        (round(opens * _MICROS), round(closes * _MICROS))
        for opens, closes in _between(zone_of(zone), opens_at, closes_at, start_s, end_s)
    ]
    return [closes for _, closes in pairs], pairs


def _between(
    zone: tzinfo, opens_at: time, closes_at: time, start_s: float, end_s: float
) -> list[tuple[float, float]]:
    day = datetime.fromtimestamp(start_s, UTC).date() - timedelta(days=2)
    last = datetime.fromtimestamp(end_s, UTC).date() + timedelta(days=1)
    pairs = []
    while day <= last:
        opens, closes = _window_of(zone, day, opens_at, closes_at)
        if opens < closes and closes > start_s and opens < end_s:
            pairs.append((opens, closes))
        day += timedelta(days=1)
    return pairs


def _window_of(zone: tzinfo, day: date, opens_at: time, closes_at: time) -> tuple[float, float]:
    close_day = day if opens_at < closes_at else day + timedelta(days=1)
    return (
        _occurrences(zone, datetime.combine(day, opens_at))[1],
        _occurrences(zone, datetime.combine(close_day, closes_at))[0],
    )


def _occurrences(zone: tzinfo, wall: datetime) -> tuple[float, float]:
    """First and last instant at which the zone's clock reads `wall`; the change if it skips it."""
    first = wall.replace(tzinfo=zone, fold=0).timestamp()
    last = wall.replace(tzinfo=zone, fold=1).timestamp()
    if first <= last:
        return first, last
    change = _clock_change(zone, last, first)
    return change, change


def _clock_change(zone: tzinfo, before_s: float, after_s: float) -> float:
    """The whole second in `(before_s, after_s]` from which the zone's offset is the later one."""
    low, high = int(before_s), int(after_s)
    later = datetime.fromtimestamp(high, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == later:
            high = middle
        else:
            low = middle
    return float(high)
