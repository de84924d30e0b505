"""The coming sends of all accounts at once, as arrays: what the batch plan hands out.

A *slot* is the next time an account may send if it uses every slot before. Slots depend on the
accounts alone, so they are made for many messages at once and handed out in time order.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_rules import AccountStart
from server.dispatch.pacing_state import (
    GAPS,
    LONGEST_BLOCK,
    NEVER,
    NO_CAP,
    NOT_YET,
    Pacer,
    new_account,
    next_free,
    open_turns,
    own,
)

_BLOCKS_AT_ONCE = 8
_SLOTS_AT_ONCE = 1 << 14  # so many fit the cache, and outweigh the cost of a call
_FEWEST_AT_ONCE = 1 << 9  # where few are wanted

Times = NDArray[np.int64]  # Unix microseconds


@dataclass(slots=True)
class Fleet:
    """The open accounts of a pacer as columns; times in Unix microseconds."""

    index: Times  # of the account in the pacer
    history: Times  # [up to pacer.depth, accounts], latest last, NEVER before the first
    position: Times
    warm_until: Times
    free: Times
    sent: Times  # how many each has sent since it was taken from the pacer


def fleet_of(pacer: Pacer) -> Fleet:
    """The open accounts of a pacer."""
    turns = open_turns(pacer)
    accounts = [pacer.accounts[index] for _, index in turns]
    return Fleet(
        index=np.array([index for _, index in turns], np.int64),
        history=_bottom_aligned([_recent(account.history, pacer.depth) for account in accounts]),
        position=np.array([account.position for account in accounts], np.int64),
        warm_until=np.array([account.warm_until for account in accounts], np.int64),
        free=np.array([free for free, _ in turns], np.int64),
        sent=np.zeros(len(turns), np.int64),
    )


def write_back(fleet: Fleet, pacer: Pacer) -> None:
    """Brings a pacer's accounts up to date with a fleet that was taken from it."""
    for column, index in enumerate(fleet.index.tolist()):
        account = own(pacer, index)
        account.free = int(fleet.free[column])
        account.history = array("q", [NEVER]) * pacer.hour[0]
        account.history.frombytes(fleet.history[:, column].tobytes())
        account.position = int(fleet.position[column])
        account.warm_until = int(fleet.warm_until[column])
        account.unsettled = max(0, account.unsettled - int(fleet.sent[column]))
        account.check_from = 0
    pacer.queue = sorted(open_turns(pacer))


def remove_account(fleet: Fleet, index: int) -> None:
    """The account with this index in the pacer gets no more slots."""
    kept = fleet.index != index
    for name in ("index", "position", "warm_until", "free", "sent"):
        setattr(fleet, name, getattr(fleet, name)[kept])
    fleet.history = fleet.history[:, kept]


def add_account(fleet: Fleet, pacer: Pacer, start: AccountStart, index: int) -> None:
    """One more account, as it is known at its start, with an index above all others."""
    account = new_account(pacer, start)
    columns = [fleet.history[:, at] for at in range(fleet.history.shape[1])]
    fleet.history = _bottom_aligned([*columns, _recent(account.history, pacer.depth)])
    free = next_free(pacer, account) if start.recent_s else 0
    row = {"index": index, "position": account.position, "warm_until": account.warm_until, "free": free}
    for name, value in {**row, "sent": 0}.items():
        setattr(fleet, name, np.append(getattr(fleet, name), value))


def _recent(history: "array[int]", depth: int) -> Times:
    """Of a history the sends that some cap may look at."""
    return np.array(history[max(bisect_right(history, NEVER), len(history) - depth) :], np.int64)


def _bottom_aligned(columns: list[Times]) -> Times:
    """The columns side by side, ending together, with NEVER above the shorter ones."""
    table = np.full((max(map(len, columns), default=0), len(columns)), NEVER)
    for at, column in enumerate(columns):
        table[len(table) - len(column) :, at] = column
    return table


class Slots:
    """The coming slots of a fleet from a release on, made as far as they are asked for."""

    def __init__(self, pacer: Pacer, fleet: Fleet, release_us: int, wanted: int) -> None:
        """`wanted`, how many will be taken, is a matter of speed alone."""
        accounts = len(fleet.index)
        self._release_us = release_us
        self._depth = pacer.depth
        self._table = _Table(pacer, fleet, release_us, wanted)
        self._bits = (accounts - 1).bit_length()  # a key is a time and, in so many bits, a column
        self._columns = np.arange(accounts)
        # Before the release, accounts are chosen in the order in which they became free.
        self._ahead = (np.maximum(fleet.free, release_us) - fleet.free) << self._bits
        self._later = np.zeros(0, np.int64)  # keys that slots not yet made may precede
        self._due = self._column = self._later
        self._used = np.zeros(accounts, np.int64)

    def ready(self) -> tuple[Times, NDArray[np.int64]]:
        """The next slots in order, one at least: when, and the columns of whose."""
        while not len(self._due):
            self._make_more()
        return self._due, self._column

    def take(self, count: int) -> None:
        """Uses the first so many of those ready."""
        self._used += np.bincount(self._column[:count], minlength=len(self._used))
        self._due, self._column = self._due[count:], self._column[count:]

    def book(self, fleet: Fleet) -> None:
        """Brings the fleet up to date with the slots used."""
        rows, deep = self._table.rows, len(fleet.history)
        ends = (deep + self._used).tolist()
        fleet.history = _bottom_aligned(
            [rows[max(0, end - self._depth) : end, column] for column, end in enumerate(ends)]
        )
        has_sent = self._used > 0
        fleet.free = np.where(has_sent, rows[ends, self._columns], fleet.free)
        fleet.warm_until = np.where(has_sent, self._table.warm_until, fleet.warm_until)
        fleet.position = (fleet.position + self._used) % GAPS
        fleet.sent += self._used

    def _make_more(self) -> None:
        slots = self._table.extend()
        keys = slots << self._bits
        keys += self._columns
        keys[0] -= self._ahead
        self._ahead = np.zeros_like(self._ahead)
        # Beyond the earliest of the last slots made, slots that are not made yet may come first.
        is_next = keys < int(slots[-1].min()) << self._bits
        sure = self._later < int(slots[-1].min()) << self._bits
        ordered = np.sort(np.concatenate((self._later[sure], keys[is_next])))
        self._later = np.concatenate((self._later[~sure], keys[~is_next]))
        self._column = ordered & ((1 << self._bits) - 1)
        ordered >>= self._bits
        self._due = np.maximum(ordered, self._release_us, out=ordered)


class _Table:
    """History and slots in one table, a row for each next message of every account."""

    def __init__(self, pacer: Pacer, fleet: Fleet, release_us: int, wanted: int) -> None:
        self._at_once = min(_SLOTS_AT_ONCE, max(_FEWEST_AT_ONCE, 2 * wanted))
        self._pacer = pacer
        self._position = fleet.position
        self._first = np.maximum(fleet.free, release_us)
        self.warm_until = np.where(
            fleet.warm_until == NOT_YET, self._first + pacer.warm_up_us, fleet.warm_until
        )
        self._table = fleet.history
        self._depth = len(fleet.history)
        self._made = 0

    @property
    def rows(self) -> Times:
        """[rows of history + rows made, accounts]."""
        return self._table[: self._depth + self._made]

    def extend(self) -> Times:
        """Makes some further slots, thousands where many are wanted, and returns their rows."""
        before = self._made
        for _ in range(_BLOCKS_AT_ONCE):
            self._make_block()
            if (self._made - before) * self._table.shape[1] >= self._at_once:
                break
        return self.rows[self._depth + before :]

    def _make_block(self) -> None:
        """Makes rows for which every cap looks at rows made before.

        With the caps' bounds x and the sums of gaps G a block is due at
        `G + maximum.accumulate(x - G)`, row by row.
        """
        first = self._first
        if self._made:
            first = self.rows[-1] + self._gap_before()
        warming = np.flatnonzero(self.warm_until > first)
        bounds = self._bounds(first, self._block_length(len(warming) > 0))
        ramp = self._ramp(len(bounds))
        due = _spaced(bounds, ramp, out=self._room(len(bounds)))
        if len(warming):
            due[:, warming] = self._warm(bounds[:, warming], ramp[:, warming], warming)
        self._made += len(bounds)

    def _room(self, length: int) -> Times:
        """Where the next rows go; the table doubles when it is full."""
        end = self._depth + self._made
        if len(self._table) < end + length:
            grown = np.empty((2 * end + length + LONGEST_BLOCK, self._table.shape[1]), np.int64)
            grown[:end] = self._table[:end]
            self._table = grown
        return self._table[end : end + length]

    def _block_length(self, warming: bool) -> int:
        caps = [cap for cap in (self._pacer.hour, self._pacer.day) if cap != NO_CAP]
        caps += [self._pacer.warm_up] * warming
        most: int = max(1, 2 * self._at_once // self._table.shape[1])
        for count, _ in caps:
            most = min(most, count)
        return min(most, LONGEST_BLOCK)

    def _gap_before(self) -> Times:
        at = (self._position + self._made - 1) % GAPS
        return self._pacer.ramp[at + 1] - self._pacer.ramp[at]

    def _ramp(self, length: int) -> Times:
        """How far each row comes after a common start by the gaps alone."""
        at = (self._position + self._made) % GAPS + np.arange(length)[:, None]
        return self._pacer.ramp.take(at)

    def _rows_before(self, count: int, length: int) -> Times:
        """The sends that lie `count` before each of the next `length` rows, as far as there are."""
        at = self._depth + self._made - count
        return self._table[max(0, at) : max(0, at + length)]

    def _bounds(self, first: Times, length: int) -> Times:
        """From when the caps allow each of the next rows, warm-up aside."""
        bounds = np.full((length, len(first)), NEVER)
        bounds[0] = first
        # The spacing of slots keeps the cap of a minute; the history may be spaced otherwise.
        mixed = max(0, self._pacer.minute[0] - self._made)
        for (count, span), rows in (
            (self._pacer.hour, length),
            (self._pacer.day, length),
            (self._pacer.minute, min(length, mixed)),
        ):
            before = self._rows_before(count, rows)
            if span and len(before) and before[-1].max() + span > first.min():  # else none binds
                capped = bounds[rows - len(before) : rows]
                np.maximum(capped, before + span, out=capped)
        return bounds

    def _warm(self, bounds: Times, ramp: Times, columns: NDArray[np.intp]) -> Times:
        """When the rows of warming accounts are due: `next_free` for arrays."""
        count, span = self._pacer.warm_up
        held = np.full_like(bounds, NEVER)
        before = self._rows_before(count, len(bounds))
        held[len(held) - len(before) :] = before[:, columns] + span
        if not self._made:
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
