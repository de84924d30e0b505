"""Messages on their way out, as columns, in order of time."""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.sending.network import BIN_S

Times = NDArray[np.float64]
Rows = NDArray[np.intp]
Number = TypeVar("Number", bound=np.generic)


def constant(value: int, size: int) -> NDArray[np.int32]:
    """A column (size,) of one number throughout, which takes no room; not to be written to."""
    return np.ndarray(size, np.int32, np.array([value], np.int32), strides=(0,))


def is_constant(column: NDArray[Number]) -> bool:
    """Whether `constant` made it."""
    return column.strides[0] == 0


def taken(column: NDArray[Number], rows: Rows | slice) -> NDArray[Number]:
    """`column[rows]`, by the quicker way for different rows by their numbers."""
    if isinstance(rows, slice):
        return column[rows]
    return column[: len(rows)] if is_constant(column) else column.take(rows)


class Wave(NamedTuple):
    """Messages with their account and time, ascending in time."""

    customer: NDArray[np.int32]
    account: NDArray[np.int32]
    due_s: Times
    exposure: NDArray[np.int32]  # index into Exposures
    turn: NDArray[
        np.int32
    ]  # of a follow-up: the scan that began it, since a customer may get several; else 0

    def rows(self, wanted: Rows | slice) -> "Wave":
        return Wave._make(taken(column, wanted) for column in self)

    def in_order(self) -> "Wave":
        """Ascending in time."""
        if np.all(self.due_s[1:] >= self.due_s[:-1]):
            return self
        return self.rows(np.argsort(self.due_s, kind="stable"))

    def filled(self) -> "Wave":
        """Without constant columns."""
        return Wave._make(column.copy() if is_constant(column) else column for column in self)


def joined(waves: Sequence[Wave]) -> Wave:
    """All messages of some waves in order of time, no column constant; at least one wave."""
    if len(waves) == 1:
        return waves[0].filled()
    return Wave._make(np.concatenate(columns) for columns in zip(*waves, strict=True)).in_order()


def grouped(number: NDArray[np.int64]) -> list[tuple[int, Rows | slice]]:
    """Each of these numbers, ascending, with the rows that have it, in their order."""
    if not len(number):
        return []
    first, last = int(number.min()), int(number.max())
    if first == last:
        return [(first, slice(None))]
    # Numbers of 16 bits and less are put in order by their digits.
    place = (number - first).astype(np.min_scalar_type(last - first))
    order, counts = np.argsort(place, kind="stable"), np.bincount(place)
    ends = zip(counts.tolist(), np.cumsum(counts).tolist(), strict=True)
    return [(first + at, order[end - count : end]) for at, (count, end) in enumerate(ends) if count]


def by_bin(wave: Wave) -> Iterator[Wave]:
    """Its messages of each 15-minute bin, one after the other."""
    for _, rows in grouped((wave.due_s // BIN_S).astype(np.int64)):
        yield wave.rows(rows)


class Queue:
    """All that is planned and not sent: a heap of waves by their next message."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Wave]] = []
        self._added = 0  # tells waves of one moment apart

    def __len__(self) -> int:
        return sum(len(wave.due_s) for wave in self.waves)

    @property
    def waves(self) -> list[Wave]:
        return [wave for _, _, wave in self._heap]

    @property
    def next_s(self) -> float:
        """When the next message leaves; infinity if none does."""
        return self._heap[0][0] if self._heap else np.inf

    def add(self, wave: Wave) -> None:
        if len(wave.due_s):
            heappush(self._heap, (float(wave.due_s[0]), self._added, wave))
            self._added += 1

    def take(self, before_s: float) -> list[Wave]:
        """All that is due before this moment, taken out."""
        due = []
        while self.next_s < before_s:
            _, _, wave = heappop(self._heap)
            count = int(np.searchsorted(wave.due_s, before_s))
            due.append(wave.rows(slice(None, count)))
            self.add(wave.rows(slice(count, None)))
        return due

    def take_account(self, account: int) -> list[Wave]:
        """All of one account, taken out."""
        waves, self._heap = self.waves, []
        found = []
        for wave in waves:
            own = wave.account == account
            found.append(wave.rows(np.flatnonzero(own)))
            self.add(wave.rows(np.flatnonzero(~own)) if own.any() else wave)
        return [wave for wave in found if len(wave.due_s)]


def in_turns(customer: NDArray[np.int32], scratch: NDArray[np.int32]) -> list[Rows | slice]:
    """Rows cut so that no part holds a customer twice; a customer's rows keep their order from part to part.

    `scratch` (customers,) may hold anything before and after.
    """
    if np.all(customer[1:] > customer[:-1]):  # a push to all is in their order
        return [slice(None)]
    place = np.arange(len(customer), dtype=np.int32)
    scratch[customer] = place
    if np.array_equal(scratch.take(customer), place):
        return [slice(None)]
    # Few come again: only their rows are put in order, by customer.
    latest = scratch.take(customer)
    again = np.flatnonzero(latest != place)
    again = np.union1d(again, latest.take(again))
    order = again.take(np.argsort(customer.take(again), kind="stable"))
    count = np.arange(len(order), dtype=np.int32)
    is_first = np.diff(customer.take(order), prepend=-1) != 0
    turn = np.zeros_like(place)
    turn[order] = count - np.maximum.accumulate(np.where(is_first, count, 0))
    return [np.flatnonzero(turn == number) for number in range(int(turn.max()) + 1)]
