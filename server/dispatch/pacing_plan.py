"""Pacing a whole batch at once, exactly as one message at a time would.

A message that shares its content with no other and cannot meet the frequency cap is *plain*: for
it, only accounts and windows matter. Long runs of plain messages are matched to the accounts'
coming slots as arrays; all others go through `admit`, on the same state and in the same order.
"""

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_admit import (
    NO_ACCOUNT_OPEN,
    REFUSED,
    Counter,
    message_rows,
    plan_of,
    plan_one_by_one,
    releases_us,
    write_decisions,
)
from server.dispatch.pacing_rules import Messages, Plan, check_messages
from server.dispatch.pacing_slots import Fleet, Slots, fleet_of, write_back
from server.dispatch.pacing_state import Pacer, Sends, micros

LEAST_RUN = 512  # from so many plain messages in a row on, arrays are the faster way

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def plan(pacer: Pacer, messages: Messages, start_s: float, least_run: int = LEAST_RUN) -> Plan:
    """Which account sends each message of a batch, and when; does not change the pacer.

    Equal to the microsecond to `plan_one_by_one`, which defines the order and the rules. No
    message is due before `start_s` (Unix seconds) or its own release. `least_run` is a matter of
    speed alone. Raises ValueError if no account is open, or on a malformed batch.
    """
    check_messages(messages, len(pacer.calendars))
    if len(messages) < least_run:
        return plan_one_by_one(pacer, messages, start_s)
    willing = np.flatnonzero(messages.consent & ~_among(messages.customer, pacer.opted_out))
    groups = groups_of(releases_us(messages, start_s), willing, len(willing) // least_run)
    plain = _plain(pacer, messages, micros(start_s))
    if not groups or 2 * np.count_nonzero(plain) < len(messages):
        return plan_one_by_one(pacer, messages, start_s)
    waiting = Waiting()
    for release, group in groups:
        waiting.add(release, group)
    batch = Batch(pacer, messages, waiting)
    while waiting:
        release, positions = waiting.next()
        for run, whole in _runs(positions, plain, least_run):
            if whole:
                batch.fill(release, run)
            else:
                batch.offer(release, run)
    return batch.plan()


class Waiting:
    """Positions in the batch, by the time at which they are to be offered."""

    def __init__(self) -> None:
        self._positions: defaultdict[int, list[Ints]] = defaultdict(list)
        self._times: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._times)

    def add(self, release_us: int, positions: Ints) -> None:
        if release_us not in self._positions:
            heappush(self._times, release_us)
        self._positions[release_us].append(positions)

    def hold(self, until_us: int, position: int) -> None:
        self.add(until_us, np.array([position]))

    def next(self) -> tuple[int, Ints]:
        """The earliest time and all that waits for it, in the batch's order."""
        release_us = heappop(self._times)
        parts = self._positions.pop(release_us)
        return release_us, parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


class Batch:
    """One batch being planned, on the state as columns or as a pacer, as the last run needed."""

    def __init__(
        self, pacer: Pacer, messages: Messages, waiting: Waiting, fleet: Fleet | None = None
    ) -> None:
        self._pacer = pacer
        self._messages = messages
        self._waiting = waiting
        self._zones = np.flatnonzero(np.bincount(messages.zone)).tolist()
        self._fleet = fleet
        self._slots: Slots | None = None  # of the fleet, which does not know of those used
        self._counter: Counter | None = None
        self._account = np.full(len(messages), REFUSED, np.int32)
        self._due_us = np.zeros(len(messages), np.int64)

    def plan(self) -> Plan:
        if self._counter:
            write_decisions(self._counter.decisions, self._account, self._due_us)
        return plan_of(self._account, self._due_us)

    def book(self) -> None:
        """Brings the fleet up to date with the slots used."""
        if self._slots is not None and self._fleet is not None:
            self._slots.book(self._fleet)
            self._slots = None

    def offer(self, release_us: int, run: Ints) -> None:
        """Offers messages one by one."""
        counter = self._one_by_one()
        rows = message_rows(self._messages, run)
        for position, message in zip(run.tolist(), rows, strict=True):
            counter.offer(position, message, release_us)

    def fill(self, release_us: int, run: Ints) -> None:
        """Gives plain messages the next slots, or holds those whose window is shut.

        From one opening or closing of a window to the next, the same zones are open.
        """
        slots = self._slots_from(release_us)
        while len(run):
            due, _ = slots.ready()
            at_us = int(due[0])
            windows = {zone: self._pacer.calendars[zone].window(at_us) for zone in self._zones}
            is_open = [opens <= at_us for opens, _ in windows.values()]
            change_us = min(c if o <= at_us else o for o, c in windows.values())
            count = int(np.searchsorted(due, change_us))
            if all(is_open):
                self._place(slots, run[:count])
                run = run[count:]
            elif any(is_open):
                run = run[self._place_some(slots, run, count, windows, at_us) :]
            else:
                self._hold(run, windows)
                return

    def _one_by_one(self) -> Counter:
        """The state as a pacer, behind a counter."""
        if self._counter is None:
            keys = self._messages.customer.tolist(), self._messages.content.tolist()
            self._counter = Counter(self._pacer.draft(*keys), self._waiting.hold)
        if self._fleet is not None:
            self.book()
            write_back(self._fleet, self._counter.pacer)
        self._fleet = None
        return self._counter

    def _slots_from(self, release_us: int) -> Slots:
        """The state as columns, and their slots: those of the last run, if none was let pass."""
        if self._slots is not None and self._slots.ready()[0][0] >= release_us:
            return self._slots
        if self._fleet is None:
            self._fleet = fleet_of(self._counter.pacer if self._counter else self._pacer)
        if not len(self._fleet.index):
            raise ValueError(NO_ACCOUNT_OPEN)
        self.book()
        self._slots = Slots(self._pacer, self._fleet, release_us, len(self._messages))
        return self._slots

    def _place(self, slots: Slots, positions: Ints) -> None:
        """Gives messages the next slots."""
        due, column = slots.ready()
        assert self._fleet is not None
        self._account[positions] = self._fleet.index[column[: len(positions)]]
        self._due_us[positions] = due[: len(positions)]
        slots.take(len(positions))

    def _place_some(
        self,
        slots: Slots,
        run: Ints,
        count: int,
        windows: dict[int, tuple[int, int]],
        at_us: int,
    ) -> int:
        """Gives up to `count` messages of open zones a slot, and holds the others before them.

        Returns how many messages that was, of either kind.
        """
        is_open = np.zeros(len(self._pacer.calendars), np.bool_)
        is_open[[zone for zone, (opens, _) in windows.items() if opens <= at_us]] = True
        part = run[: max(4 * count, 1_024)]
        may_go = is_open.take(self._messages.zone.take(part))
        going = np.flatnonzero(may_go)[:count]
        done = int(going[-1]) + 1 if len(going) == count else len(part)
        self._place(slots, part[going])
        self._hold(part[np.flatnonzero(~may_go[:done])], windows)
        return done

    def _hold(self, positions: Ints, windows: dict[int, tuple[int, int]]) -> None:
        """Puts messages back until the window of each one's zone opens."""
        zone = self._messages.zone[positions]
        for at, (opens, _) in windows.items():
            held = positions[np.flatnonzero(zone == at)]
            if len(held):
                self._waiting.add(opens, held)


def _runs(positions: Ints, plain: Flags, least_run: int) -> Iterator[tuple[Ints, bool]]:
    """Cuts positions into runs: long ones of plain messages alone (True), and what is between."""
    flags = plain[positions]
    starts = np.flatnonzero(np.diff(flags, prepend=~flags[:1]))
    whole = flags[starts] & (np.diff(starts, append=len(flags)) >= least_run)
    cut = np.flatnonzero(whole | np.concatenate(([True], whole[:-1])))
    for run, is_whole in zip(np.split(positions, starts[cut[1:]]), whole[cut], strict=True):
        yield run, bool(is_whole)


def groups_of(releases: Ints, willing: Ints, most: int) -> list[tuple[int, Ints]]:
    """The willing by release; none if there are more than `most` different releases."""
    if most and releases.min() == releases.max():
        return [(int(releases[0]), willing)]
    order = willing[np.argsort(releases[willing], kind="stable")]
    starts = np.flatnonzero(np.diff(releases[order])) + 1
    if len(starts) >= most:
        return []
    return [(int(releases[group[0]]), group) for group in np.split(order, starts)]


def _plain(pacer: Pacer, messages: Messages, start_us: int) -> Flags:
    """Which messages meet no other by content, and are not too many for their customer."""
    customer = messages.customer.astype(np.int64, copy=False)
    cap, _ = pacer.customer_cap
    shared = _crowded(customer, cap) | _crowded_with(customer, pacer.customers, cap)
    if pacer.content_gap_us:
        content = messages.content.astype(np.int64, copy=False)
        shared |= _crowded(content, 1)
        shared |= _recent(content, pacer.contents, start_us - pacer.content_gap_us)
    return ~shared


def _crowded(keys: Ints, most: int) -> Flags:
    """Which keys occur more than `most` times, where `most` is at least 1."""
    crowded = np.zeros(len(keys), np.bool_)
    # Half as wide as the keys, hashes sort in less than half the time, and few are equal by chance.
    hashes = (np.ascontiguousarray(keys).view(np.uint64) * _GOLDEN >> np.uint64(32)).astype(np.uint32)
    twins = _repeated(np.sort(hashes), 1)
    if len(twins):
        suspects = np.flatnonzero(np.isin(hashes, twins))
        suspected = keys[suspects]
        crowded[suspects] = np.isin(suspected, _repeated(np.sort(suspected), most))
    return crowded


def _crowded_with(keys: Ints, sends: Sends, most: int) -> Flags:
    """Which keys have sends on record, and with those are more than `most`."""
    crowded = np.zeros(len(keys), np.bool_)
    wanted = keys.tolist()
    if sends.last.keys().isdisjoint(wanted):
        return crowded
    recorded = np.fromiter(map(sends.count, wanted), np.int64, len(keys))
    known = np.flatnonzero(recorded)
    _, group, size = np.unique(keys[known], return_inverse=True, return_counts=True)
    crowded[known] = recorded[known] + size[group] > most
    return crowded


def _repeated(ordered: NDArray[Any], most: int) -> NDArray[Any]:
    """Of ascending values, those that occur more than `most` times."""
    later = ordered[most:]
    repeated: NDArray[Any] = later[later == ordered[: len(later)]]
    return repeated


def _recent(keys: Ints, sends: Sends, after_us: int) -> Flags:
    """Which keys have sends on record that may still bind."""
    last, earlier, wanted = sends.last, sends.earlier, keys.tolist()
    if last.keys().isdisjoint(wanted):  # as texts that name their customer are
        return np.zeros(len(keys), np.bool_)
    return np.fromiter(
        (key in last and (key in earlier or last[key][1] > after_us) for key in wanted), np.bool_, len(keys)
    )


def _among(keys: Ints, chosen: set[int]) -> Flags:
    if not chosen:
        return np.zeros(len(keys), np.bool_)
    return np.isin(keys, np.fromiter(chosen, np.int64, len(chosen)))
