"""`server.dispatch.booking` compiled, for millions of messages: the same accounts, the same microseconds.

The coming sends of all accounts are made for a stretch of time, sorted, and handed to the messages one after
the other; those that no message takes are taken back. An account's sends stand in a ring longer than the
deepest of its caps, so that taking back is counting back.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from server.dispatch.booking import Booked, Ready
from server.dispatch.pacing_admit import NO_ACCOUNT_OPEN
from server.dispatch.pacing_plan import Waiting
from server.dispatch.pacing_rules import AccountStart, Rules
from server.dispatch.pacing_state import (
    GAPS,
    NEVER,
    NOT_YET,
    SECOND,
    Account,
    Pacer,
    micros,
    new_account,
    new_pacer,
)

INDEX_BITS = 11  # of a key, below a time in microseconds, which needs 51 until the year 2041
MOST_ACCOUNTS = 1 << INDEX_BITS
AT_ONCE = 1 << 13  # sends made in one stretch where many are wanted
DAYS_AHEAD = 64  # of windows worked out at once
DAY_US = 86_400 * SECOND
NEVER_FREE = 2**62
SINCE, OPENS, CLOSES, OPENING = range(4)  # columns of Windows.present

Ints = NDArray[np.int64]


class Accounts(NamedTuple):
    """Columns by account; times in Unix microseconds."""

    ring: Ints  # (accounts, a power of two): the latest sends, and beyond them those made and not used
    sent: Ints  # how many sends the ring has seen
    position: Ints  # of the next message in the jitter table
    warm_until: Ints
    free: Ints
    is_open: NDArray[np.bool_]


class Caps(NamedTuple):
    """Most sends, and in how many microseconds."""

    counts: Ints  # of a minute, an hour, a day, and while warming up
    spans: Ints
    warm_up_us: int
    gaps: Ints


class Windows(NamedTuple):
    """When customers may be written to, (zones, windows), in Unix microseconds."""

    opens: Ints
    closes: Ints
    opening: NDArray[np.int32]  # the number of its time of opening: equal ones have the same
    present: Ints  # (zones, 4): of the window looked at last from when it is the next, its three columns here
    known: Ints  # (2,): from when to when these are all


class Given(NamedTuple):
    """Messages with their account and time, in order of time; filled from the front."""

    row: Ints
    account: NDArray[np.int32]
    due_s: NDArray[np.float64]  # Unix seconds


class Held(NamedTuple):
    """Messages that nobody may get yet, and the opening until which; filled from the front."""

    row: Ints
    opening: NDArray[np.int32]


class Booking:
    """The accounts of one strategy, as far as they are booked."""

    def __init__(
        self, rules: Rules, accounts: Sequence[AccountStart], zones: Sequence[str], seed: int
    ) -> None:
        """As `pacing.new_pacer`, which raises ValueError with one line on a bad rule or an unknown zone.

        Of at most MOST_ACCOUNTS accounts, those to come with them, without recent sends.
        """
        self._pacer = new_pacer(rules, accounts, zones, seed)
        self._caps = _caps(self._pacer)
        self._accounts = _accounts(self._pacer.accounts, self._pacer.depth)
        self._openings: dict[int, int] = {}  # times of opening, in Unix microseconds, and their numbers
        self._windows = _windows(self._pacer, 0, self._openings)

    def book(self, zone: NDArray[np.int32], start_s: float) -> Booked:
        """An account and a time for each message, in the order in which they are wanted.

        zone: index into the zones; nothing is due before `start_s` (Unix seconds). Raises ValueError if no
        account is open.
        """
        if not self._accounts.is_open.any():
            raise ValueError(NO_ACCOUNT_OPEN)
        size = len(zone)
        waiting = Waiting()
        waiting.add(micros(start_s), np.arange(size))
        given = Given(np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size))
        done = 0
        while waiting:
            release_us, rows = waiting.next()
            held = Held(np.empty(len(rows), np.int64), np.empty(len(rows), np.int32))
            done, kept = self._fill(rows, zone, release_us, given, done, held)
            times_us = tuple(self._openings)
            order, edges = _by_opening(held, kept, len(times_us))
            for number in np.flatnonzero(np.diff(edges)).tolist():
                waiting.add(times_us[number], order[edges[number] : edges[number + 1]])
        return Booked(given.row, given.account, given.due_s)

    def _fill(
        self, rows: Ints, zone: NDArray[np.int32], release_us: int, given: Given, done: int, held: Held
    ) -> tuple[int, int]:
        """Gives messages the next sends, or notes until when they are held.

        Returns how many have got one, with the `done` before, and how many are held.
        """
        accounts, row, kept = self._accounts, 0, 0
        while True:
            row, done, kept = _fill(
                rows,
                row,
                zone,
                release_us,
                accounts,
                self._caps,
                self._pacer.least_gap,
                self._windows,
                given,
                done,
                held,
                kept,
            )
            if row == len(rows):
                return done, kept
            at_us = max(release_us, int(accounts.free[accounts.is_open].min()))
            self._windows = _windows(self._pacer, at_us, self._openings)

    def close(self, account: int) -> None:
        """A banned or paused account gets nothing more; its index stays taken."""
        self._accounts.is_open[account] = False

    def add(self, start: AccountStart, account: int) -> None:
        """One more account, with the next index."""
        assert account == len(self._accounts.sent) < MOST_ACCOUNTS
        joining = _accounts([new_account(self._pacer, start)], self._pacer.depth)
        self._accounts = Accounts._make(map(np.concatenate, zip(self._accounts, joining, strict=True)))


def _caps(pacer: Pacer) -> Caps:
    caps = np.array([pacer.minute, pacer.hour, pacer.day, pacer.warm_up], np.int64)
    gaps = np.array(pacer.gaps, np.int64)
    return Caps(caps[:, 0].copy(), caps[:, 1].copy(), pacer.warm_up_us, gaps)


def _accounts(accounts: Sequence[Account], depth: int) -> Accounts:
    """Accounts that have not sent lately."""
    size = len(accounts)
    return Accounts(
        np.full((size, 1 << (depth + AT_ONCE).bit_length()), NEVER),
        np.zeros(size, np.int64),
        np.array([account.position for account in accounts], np.int64),
        np.array([account.warm_until for account in accounts], np.int64),
        np.zeros(size, np.int64),
        np.ones(size, np.bool_),
    )


def _windows(pacer: Pacer, at_us: int, openings: dict[int, int]) -> Windows:
    """All windows of some weeks from a day before `at_us`; numbers their openings that are new."""
    begin, end = at_us - DAY_US, at_us + DAYS_AHEAD * DAY_US
    of_zones = []
    for calendar in pacer.calendars:
        pairs = [calendar.window(begin)]
        while pairs[-1][1] < end:
            pairs.append(calendar.window(pairs[-1][1]))
        of_zones.append(pairs)
    most = max(map(len, of_zones), default=0)
    table = np.array([pairs + pairs[-1:] * (most - len(pairs)) for pairs in of_zones], np.int64)
    table = table.reshape(len(of_zones), most, 2)
    opens, closes = table[:, :, 0].copy(), table[:, :, 1].copy()
    numbers = [openings.setdefault(at, len(openings)) for at in opens.ravel().tolist()]
    return Windows(
        opens,
        closes,
        np.array(numbers, np.int32).reshape(opens.shape),
        np.zeros((len(of_zones), 4), np.int64),
        np.array([begin, end], np.int64),
    )


@njit(cache=True, error_model="numpy")
def _fill(
    rows: Ints,
    row: int,
    zone: NDArray[np.int32],
    release_us: int,
    accounts: Accounts,
    caps: Caps,
    least_gap_us: int,
    windows: Windows,
    given: Given,
    done: int,
    held: Held,
    kept: int,
) -> tuple[int, int, int]:
    """As `Booking._fill`, from `row`, `done` and `kept` on; returns how far it came in all three.

    It stops short of the end of the rows where later windows are needed.
    """
    from_us, is_known = release_us, True
    while is_known and row < len(rows):
        wanted, accounts_open, earliest_us = min(AT_ONCE, 2 * (len(rows) - row)), 0, NEVER_FREE
        for who in range(len(accounts.sent)):
            if accounts.is_open[who]:
                accounts_open += 1
                earliest_us = min(earliest_us, accounts.free[who])
        from_us = max(from_us, earliest_us)
        # In which all may send so many, if nothing but the spacing keeps them back.
        until_us = from_us - (-wanted // accounts_open) * (caps.spans[0] // caps.counts[0])
        before = accounts.sent.copy()
        keys = _in_order(
            _make(accounts, caps, release_us, from_us, until_us, least_gap_us), from_us, until_us
        )
        row, used, done, kept = _hand_out(
            rows, row, zone, release_us, keys, windows, accounts.sent, given, done, held, kept
        )
        _take_back(accounts, caps, before)
        is_known = row == len(rows) or used == len(keys)
        from_us = until_us
    return row, done, kept


@njit(cache=True, error_model="numpy")
def _make(
    accounts: Accounts, caps: Caps, release_us: int, from_us: int, until_us: int, least_gap_us: int
) -> Ints:
    """Keys of all coming sends before `until_us`, the first from `from_us` on, if every slot is used.

    Before the release accounts are chosen in the order in which they became free, so an account's first key
    holds that time.
    """
    ring, sent, position, warm_until, all_free, is_open = accounts
    counts, spans, warm_up_us, gaps = caps
    mask = ring.shape[1] - 1
    keys = np.empty(len(sent) * ((until_us - from_us) // least_gap_us + 2), np.int64)
    size = 0
    for who in range(len(sent)):
        free, place, at, warm = all_free[who], sent[who], position[who], warm_until[who]
        due = max(free, release_us)
        while is_open[who] and due < until_us:
            keys[size] = free << INDEX_BITS | who
            size += 1
            ring[who, place & mask] = due
            place += 1
            # From when the account's rules allow the next: `pacing_state.next_free`.
            free = due + gaps[at]
            at = (at + 1) & (GAPS - 1)
            if warm == NOT_YET:
                warm = due + warm_up_us
            for cap in range(3):
                free = max(free, ring[who, (place - counts[cap]) & mask] + spans[cap])
            if free < warm:
                warming = max(free, ring[who, (place - counts[3]) & mask] + spans[3])
                free = min(warming, max(free, warm))
            due = free
        if place > sent[who]:
            ring[who, place & mask] = free
    return keys[:size]


@njit(cache=True, error_model="numpy")
def _in_order(keys: Ints, from_us: int, until_us: int) -> Ints:
    """Ascending: by as many stretches of time as there are keys, then each to its place among its neighbours.

    Accounts send at a steady pace, so few keys share a stretch; those from before `from_us`, one an account,
    are all in the first, and none is from `until_us` or later. A general sort takes five times as long.
    """
    low, span = from_us << INDEX_BITS, (until_us - from_us) << INDEX_BITS
    shift = 0
    while span >> shift > len(keys):
        shift += 1
    edges = np.zeros((span >> shift) + 2, np.int64)
    for at in range(len(keys)):
        edges[(max(keys[at] - low, 0) >> shift) + 1] += 1
    for stretch in range(1, len(edges)):
        edges[stretch] += edges[stretch - 1]
    ordered = np.empty_like(keys)
    for at in range(len(keys)):
        stretch = max(keys[at] - low, 0) >> shift
        ordered[edges[stretch]] = keys[at]
        edges[stretch] += 1
    for at in range(1, len(ordered)):
        key, place = ordered[at], at
        while place > 0 and ordered[place - 1] > key:
            ordered[place] = ordered[place - 1]
            place -= 1
        ordered[place] = key
    return ordered


@njit(cache=True, error_model="numpy")
def _look(windows: Windows, zone: Any, due_us: int) -> None:
    """Makes the window that is open at a known time, or is the next, the present one of the zone."""
    closes = windows.closes[zone]
    window = np.searchsorted(closes, due_us, side="right")
    present = windows.present[zone]
    present[SINCE] = closes[window - 1] if window > 0 else windows.known[0]
    present[OPENS], present[CLOSES] = windows.opens[zone, window], min(closes[window], windows.known[1])
    present[OPENING] = windows.opening[zone, window]


@njit(cache=True, error_model="numpy")
def _hand_out(
    rows: Ints,
    row: int,
    zone: NDArray[np.int32],
    release_us: int,
    keys: Ints,
    windows: Windows,
    sent: Ints,
    given: Given,
    done: int,
    held: Held,
    kept: int,
) -> tuple[int, int, int, int]:
    """Gives the messages at `rows`, from `row` on, the sends of `keys`.

    Those that get one go to `given` from place `done` on, the others to `held` from `kept` on. Returns how
    far it came in rows, keys and both; it stops short of the ends where later windows are needed.
    """
    used = 0
    placed, account, due_s = given
    held_row, held_opening = held
    present = windows.present
    while row < len(rows) and used < len(keys):
        due = max(keys[used] >> INDEX_BITS, release_us)
        which = rows[row]
        where = np.uintp(zone[np.uintp(which)])
        if not present[where, SINCE] <= due < present[where, CLOSES]:
            if not windows.known[0] <= due < windows.known[1]:
                break
            _look(windows, where, due)
        if due < present[where, OPENS]:
            held_row[kept], held_opening[kept] = which, present[where, OPENING]
            kept += 1
        else:
            who = keys[used] & (MOST_ACCOUNTS - 1)
            placed[done], account[done], due_s[done] = which, who, due / SECOND
            sent[np.uintp(who)] += 1
            done += 1
            used += 1
        row += 1
    return row, used, done, kept


@njit(cache=True, error_model="numpy")
def _take_back(accounts: Accounts, caps: Caps, before: Ints) -> None:
    """What was made and not used has not been; `before`: sends of each account before the stretch."""
    ring, sent, position, warm_until, free, _ = accounts
    mask = ring.shape[1] - 1
    for who in range(len(sent)):
        used = sent[who] - before[who]
        if used:
            position[who] = (position[who] + used) & (GAPS - 1)
            free[who] = ring[who, sent[who] & mask]
            if warm_until[who] == NOT_YET:
                warm_until[who] = ring[who, before[who] & mask] + caps.warm_up_us


@njit(cache=True, error_model="numpy")
def _by_opening(held: Held, kept: int, openings: int) -> tuple[Ints, Ints]:
    """The rows of the first `kept` by the opening until which they are held, and the edges of the groups."""
    rows, opening = held
    edges = np.zeros(openings + 1, np.int64)
    for at in range(kept):
        edges[opening[at] + 1] += 1
    for number in range(openings):
        edges[number + 1] += edges[number]
    place, order = edges.copy(), np.empty(kept, np.int64)
    for at in range(kept):
        number = opening[at]
        order[place[number]] = rows[at]
        place[number] += 1
    return order, edges


@njit(cache=True, error_model="numpy")
def ready(
    sends_s: NDArray[np.float64],
    leaves_s: NDArray[np.float64],
    customer: NDArray[np.int32],
    now_s: float,
    cap_window_s: float,
) -> Ready:
    """As in `server.dispatch.booking`.

    Each is written to both parts and counted in one, if any: who is held is no better guess than a coin.
    """
    rows, held = np.empty(len(customer), np.int64), np.empty(len(customer), np.int64)
    until_s = np.empty(len(customer))
    free, kept = 0, 0
    for at in range(len(customer)):
        who = np.uintp(customer[at])
        below_s = sends_s[who, 0]
        for place in range(1, sends_s.shape[1]):
            below_s = min(below_s, sends_s[who, place])
        below_s += cap_window_s
        rows[free], held[kept], until_s[kept] = at, at, below_s
        stays, is_held = leaves_s[who] > now_s, below_s > now_s
        free += stays and not is_held
        kept += stays and is_held
    return Ready(rows[:free], held[:kept].copy(), until_s[:kept].copy())


@njit(cache=True, error_model="numpy")
def record(sends_s: NDArray[np.float64], customer: NDArray[np.int32], due_s: NDArray[np.float64]) -> None:
    """As in `server.dispatch.booking`."""
    for at in range(len(customer)):
        who, oldest = np.uintp(customer[at]), 0
        for place in range(1, sends_s.shape[1]):
            if sends_s[who, place] < sends_s[who, oldest]:
                oldest = place
        sends_s[who, oldest] = due_s[at]
