"""What comes of messages later on, kept until its time: columns by 15-minute bin."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.sending.network import BIN_S, DAY_S
from simulator.sending.waves import Rows, Times, grouped

BINS_A_DAY = int(DAY_S // BIN_S)


class Timed(Protocol):
    """Columns of equal length."""

    @property
    def at_s(self) -> Times: ...

    def rows(self, rows: Rows) -> Self: ...

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after the other; no rows if there are none."""


Part = TypeVar("Part", bound=Timed)


class Happenings(NamedTuple):
    """`account`: whose message it was, or who is written to."""

    at_s: Times
    customer: NDArray[np.int32]
    account: NDArray[np.int32]

    def rows(self, rows: Rows) -> "Happenings":
        return Happenings._make(column.take(rows) for column in self)

    @classmethod
    def joined(cls, parts: "Sequence[Happenings]") -> "Happenings":
        return cls._make(_joined(parts) or (np.empty(0), np.empty(0, np.int32), np.empty(0, np.int32)))


class Complaints(NamedTuple):
    """Blocks and reports."""

    at_s: Times
    account: NDArray[np.int32]
    delivered_s: Times  # when the message that it is about was
    is_report: NDArray[np.bool_]

    def rows(self, rows: Rows) -> "Complaints":
        return Complaints._make(column.take(rows) for column in self)

    @classmethod
    def joined(cls, parts: "Sequence[Complaints]") -> "Complaints":
        nothing = np.empty(0), np.empty(0, np.int32), np.empty(0), np.empty(0, np.bool_)
        return cls._make(_joined(parts) or nothing)


def _joined(parts: Sequence[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def in_order(part: Part) -> Part:
    """Ascending in time."""
    return part.rows(np.argsort(part.at_s, kind="stable"))


class Calendar(Generic[Part]):
    """Rows by the bin of their time; what lies at or beyond the horizon is forgotten.

    They are put into bins when the day of these begins: most happens soon, and the rest is spread over
    thousands of bins.
    """

    def __init__(self, horizon_s: float, kind: type[Part]) -> None:
        self._horizon_s, self._kind = horizon_s, kind
        self._bins: defaultdict[int, list[Part]] = defaultdict(list)
        self._days: defaultdict[int, list[Part]] = defaultdict(list)
        self._today = 0

    def add(self, part: Part) -> None:
        """In any order, none of a bin that was taken."""
        within = part.at_s < self._horizon_s
        if not np.all(within):
            part = part.rows(np.flatnonzero(within))
        for day, of_day in _split(part, DAY_S):
            if day > self._today:
                self._days[day].append(of_day)
            else:
                self._put(of_day)

    def take(self, number: int) -> Part:
        """All of a bin, taken out. Bins are asked for one after the other."""
        if number // BINS_A_DAY > self._today:
            self._today = number // BINS_A_DAY
            for part in self._days.pop(self._today, []):
                self._put(part)
        parts = self._bins.pop(number, [])
        if len(parts) == 1:
            return parts[0]
        return self._kind.joined(parts)

    def _put(self, part: Part) -> None:
        for number, of_bin in _split(part, BIN_S):
            self._bins[number].append(of_bin)


def _split(part: Part, step_s: float) -> Iterator[tuple[int, Part]]:
    """By the step of their time, with its number."""
    step = part.at_s.astype(np.int64) // np.int64(step_s)
    for number, rows in grouped(step):
        yield number, part if isinstance(rows, slice) else part.rows(rows)
