"""The coming sends of all accounts at once, as arrays: what the batch plan hands out.

A *slot* is the next time an account may send if it uses every slot before. Slots depend on the
accounts alone, so they are made for many messages at once and handed out in time order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_state import (
    GAPS,
    LONGEST_BLOCK,
    NEVER,
    NO_CAP,
    NOT_YET,
    Pacer,
)

Times = NDArray[np.int64]  # Unix microseconds


@dataclass(slots=True)
class Fleet:
    """The open accounts of a pacer as columns; times in Unix microseconds."""

    index: Times  # of the account in the pacer
    history: Times  # [pacer.depth, accounts], latest last
    position: Times
    warm_until: Times
    free: Times
    sent: Times  # how many each has sent since it was taken from the pacer


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots in the order in which they are handed out, and what it takes to account for them."""

    due: Times
    column: Times  # of the account in the fleet
    account: Times  # its index in the pacer
    table: Times  # [pacer.depth + rows, accounts]: history, then the slots made
    warm_until: Times  # as it is for accounts that use a slot


def fleet_of(pacer: Pacer) -> Fleet:
    """The open accounts of a pacer."""
    turns = sorted(pacer.queue, key=lambda turn: turn[1])
    history = np.full((pacer.depth, len(turns)), NEVER)
    for column, (_, _, account) in enumerate(turns):
        recent = account.history[-pacer.depth :]
        history[pacer.depth - len(recent) :, column] = recent
    return Fleet(
        index=np.array([index for _, index, _ in turns], np.int64),
        history=history,
        position=np.array([account.position for _, _, account in turns], np.int64),
        warm_until=np.array([account.warm_until for _, _, account in turns], np.int64),
        free=np.array([free for free, _, _ in turns], np.int64),
        sent=np.zeros(len(turns), np.int64),
    )


def write_back(fleet: Fleet, pacer: Pacer) -> None:
    """Brings a pacer's accounts up to date with a fleet that was taken from it."""
    for column, index in enumerate(fleet.index.tolist()):
        account = pacer.accounts[index]
        account.history = fleet.history[:, column].tolist()
        account.position = int(fleet.position[column])
        account.warm_until = int(fleet.warm_until[column])
        account.unsettled = max(0, account.unsettled - int(fleet.sent[column]))
        account.check_from = 0
    pacer.queue = sorted(
        (free, index, pacer.accounts[index])
        for free, index in zip(fleet.free.tolist(), fleet.index.tolist(), strict=True)
    )


def next_slots(pacer: Pacer, fleet: Fleet, release_us: int, need: int, stop_us: int) -> Slots:
    """At least `need` slots from `release_us` on, or else all that are due before `stop_us`."""
    made = _Table(pacer, fleet, release_us)
    # Warming accounts soon wait for days, so the others must yield most of the slots.
    settled = int(np.count_nonzero(fleet.warm_until <= release_us))
    enough = need // max(settled, -(-len(fleet.index) // 2)) + 1
    while True:
        made.extend(enough - made.rows)
        slots = made.table[pacer.depth : pacer.depth + made.rows]
        # Beyond the earliest of the last slots made, slots that are not made yet may come first.
        horizon = min(int(slots[-1].min()), stop_us)
        ready = int(np.count_nonzero(slots < horizon))
        if ready >= need or horizon == stop_us:
            break
        enough = made.rows + min(made.rows, 1 + made.rows * (need - ready) // max(ready, 1))
    due, column = _in_order(slots, fleet.free, horizon)
    return Slots(np.maximum(due, release_us), column, fleet.index[column], made.table, made.warm_until)


def use(pacer: Pacer, fleet: Fleet, slots: Slots, count: int) -> None:
    """Books the first `count` slots."""
    used = np.bincount(slots.column[:count], minlength=len(fleet.index))
    for column, rows in enumerate(used.tolist()):
        fleet.history[:, column] = slots.table[rows : rows + pacer.depth, column]
        if rows:
            fleet.free[column] = slots.table[pacer.depth + rows, column]
    fleet.position = (fleet.position + used) % GAPS
    fleet.warm_until = np.where(used > 0, slots.warm_until, fleet.warm_until)
    fleet.sent += used


def _in_order(slots: Times, free: Times, horizon: int) -> tuple[Times, Times]:
    """Slots before the horizon by (free from, account): free from when, and whose."""
    bits = int(slots.shape[1] - 1).bit_length()
    keys = slots << bits
    keys += np.arange(slots.shape[1])
    keys[0] += (free - slots[0]) << bits  # the first may be free long before the release
    ordered = np.sort(keys[keys < horizon << bits])
    return ordered >> bits, ordered & ((1 << bits) - 1)


class _Table:
    """History and slots in one table, a row for each next message of every account."""

    def __init__(self, pacer: Pacer, fleet: Fleet, release_us: int) -> None:
        self._pacer = pacer
        self._position = fleet.position
        self._first = np.maximum(fleet.free, release_us)
        self.warm_until = np.where(
            fleet.warm_until == NOT_YET, self._first + pacer.warm_up_us, fleet.warm_until
        )
        self.table = fleet.history
        self.rows = 0

    def extend(self, rows: int) -> None:
        """Makes at least so many further rows."""
        end = self.rows + rows
        if len(self.table) < self._pacer.depth + end:
            grown = np.empty((self._pacer.depth + end + self.rows, self.table.shape[1]), np.int64)
            grown[: self._pacer.depth + self.rows] = self.table[: self._pacer.depth + self.rows]
            self.table = grown
        while self.rows < end:
            self._make_block(end - self.rows)

    def _make_block(self, wanted: int) -> None:
        """Makes rows for which every cap looks at rows made before.

        With the caps' bounds x and the sums of gaps G a block is due at
        `G + maximum.accumulate(x - G)`, row by row.
        """
        first = self._first
        if self.rows:
            first = self.table[self._pacer.depth + self.rows - 1] + self._gap_before()
        warming = np.flatnonzero(self.warm_until > first)
        length = min(wanted, self._longest_block(len(warming) > 0))
        bounds = self._bounds(first, length)
        ramp = self._ramp(length)
        at = self._pacer.depth + self.rows
        due = _spaced(bounds, ramp, out=self.table[at : at + length])
        if len(warming):
            due[:, warming] = self._warm(bounds[:, warming], ramp[:, warming], warming)
        self.rows += length

    def _longest_block(self, warming: bool) -> int:
        caps = [cap for cap in (self._pacer.hour, self._pacer.day) if cap != NO_CAP]
        caps += [self._pacer.warm_up] * warming
        return min([LONGEST_BLOCK, *(count for count, _ in caps)])

    def _gap_before(self) -> Times:
        at = (self._position + self.rows - 1) % GAPS
        return self._pacer.ramp[at + 1] - self._pacer.ramp[at]

    def _ramp(self, length: int) -> Times:
        """How far each row comes after a common start by the gaps alone."""
        at = (self._position + self.rows) % GAPS + np.arange(length)[:, None]
        return self._pacer.ramp.take(at)

    def _rows_before(self, count: int, length: int) -> Times:
        """The sends that lie `count` before each of the next `length` rows."""
        at = self._pacer.depth + self.rows - count
        return self.table[at : at + length]

    def _bounds(self, first: Times, length: int) -> Times:
        """From when the caps allow each of the next rows, warm-up aside."""
        bounds = np.full((length, len(first)), NEVER)
        bounds[0] = first
        # The spacing of slots keeps the cap of a minute; the history may be spaced otherwise.
        mixed = max(0, self._pacer.minute[0] - self.rows)
        for (count, span), rows in (
            (self._pacer.hour, length),
            (self._pacer.day, length),
            (self._pacer.minute, min(length, mixed)),
        ):
            before = self._rows_before(count, rows)
            if span and rows and before[-1].max() + span > first.min():  # else it cannot bind
                np.maximum(bounds[:rows], before + span, out=bounds[:rows])
        return bounds

    def _warm(self, bounds: Times, ramp: Times, columns: NDArray[np.intp]) -> Times:
        """When the rows of warming accounts are due: `next_free` for arrays."""
        count, span = self._pacer.warm_up
        held = self._rows_before(count, len(bounds))[:, columns] + span
        if not self.rows:
            held[0] = NEVER  # the account's own free time says it all
        until = self.warm_until[columns]
        capped = np.maximum(bounds, held)
        late = _spaced(capped, ramp) >= until
        return _spaced(np.where(late, np.maximum(bounds, until), capped), ramp)


def _spaced(bounds: Times, ramp: Times, out: Times | None = None) -> Times:
    """The earliest rows that keep to the bounds and are spaced as the ramp says."""
    due: Times = np.subtract(bounds, ramp, out=out)
    np.maximum.accumulate(due, axis=0, out=due)
    due += ramp
    return due
