"""The pacer: what has been sent and planned, and what follows from it for the next send.

All times are whole microseconds of Unix time, so that sums and comparisons are exact.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_rules import AccountStart, Rules, check_rules
from server.dispatch.quiet_hours import Calendar

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3_600 * SECOND
DAY = 86_400 * SECOND
NO_ACCOUNT = -1  # of sends whose account is not known
NEVER = -(10**12)  # a send so long ago that no cap sees it
NOT_YET = 1 << 61  # end of a warm-up that has not begun
CLOSED = -1  # from when a closed account is free
GAPS = 1 << 14  # length of the jitter table
LONGEST_BLOCK = 1_024  # most messages of an account that the batch form works out at once
_GOLDEN = 0x9E3779B97F4A7C15  # Fibonacci hashing: neighbouring keys start far apart
_PRUNE = 1 << 14  # sends that are not worth looking through
_PART = 1 << 8  # keys that pruning looks at without being noticed
_FRESH = (NO_ACCOUNT, 1 << 62)  # for a key that is on record no more
_OUTDATED = 64  # outdated turns that are not worth dropping

Send = tuple[int, int]  # account index, due_us
Turn = tuple[int, int]  # free from (us), index: the order in which accounts are chosen
Cap = tuple[int, int]  # at most so many sends in any so many microseconds
NO_CAP = (1, 0)


@dataclass(slots=True)
class Account:
    """One account."""

    owner: object  # key of the pacer that may change it; any other must take a copy first: see `own`
    history: "array[int]"  # due times, ascending, behind at least an hour's cap of NEVER
    position: int  # of its next message in the jitter table
    warm_until: int
    free: int  # from when its own rules allow a send, or CLOSED
    unsettled: int = 0  # so many more messages until spacing alone keeps the minute's cap
    check_from: int = 0  # sends due from here on must look at every rule, not at the hour's alone

    def copy(self, owner: object) -> "Account":
        return Account(
            owner,
            self.history[:],
            self.position,
            self.warm_until,
            self.free,
            self.unsettled,
            self.check_from,
        )


@dataclass(slots=True)
class Sends:
    """Sends by customer or by content: the latest recorded of each key, and those before it."""

    last: dict[int, Send] = field(default_factory=dict)
    earlier: dict[int, list[Send]] = field(default_factory=dict)
    put_by_count: int = 0  # sends in `earlier`; of a copy those that it has put by itself
    prune_at: int = _PRUNE
    suspects: list[int] = field(default_factory=list)  # keys that pruning has still to look at
    looked_at: int = 0  # sends on record when pruning last looked

    def record(self, keys: Sequence[int], sends: Sequence[Send]) -> None:
        if len(set(keys)) == len(keys) and self.last.keys().isdisjoint(keys):
            self.last.update(zip(keys, sends, strict=True))
            return
        for key, send in zip(keys, sends, strict=True):
            if key in self.last:
                self.put_by(key)
            self.last[key] = send

    def put_by(self, key: int) -> None:
        """Counts the latest send of this key among those before the latest."""
        self.earlier.setdefault(key, []).append(self.last[key])
        self.put_by_count += 1

    def count(self, key: int) -> int:
        """How many sends of this key are on record."""
        return 1 + len(self.earlier.get(key, ())) if key in self.last else 0

    def times(self, key: int, after_us: int) -> list[int]:
        """When all known sends of this key after that time are due, ascending."""
        sends = [*self.earlier.get(key, ()), self.last[key]] if key in self.last else []
        return sorted(due_us for _, due_us in sends if due_us > after_us)

    def keep(self, wanted: Callable[[Send], bool]) -> None:
        """Forgets all sends but the wanted."""
        earlier = self.earlier
        self._keep(wanted, [key for key, send in self.last.items() if key in earlier or not wanted(send)])

    def _keep(self, wanted: Callable[[Send], bool], keys: Iterable[int]) -> list[int]:
        """`keep` among these keys, all on record; returns those that have no send left."""
        last, earlier = self.last, self.earlier
        gone = []
        for key in keys:
            before = earlier.pop(key, [])
            kept = [send for send in (*before, last[key]) if wanted(send)]
            self.put_by_count -= len(before) + 1 - max(1, len(kept))
            if not kept:
                del last[key]
                gone.append(key)
                continue
            last[key] = kept.pop()
            if kept:
                earlier[key] = kept
        return gone

    def prune(self, before_us: int) -> list[int]:
        """Forgets sends up to `before_us`, a part at each call, once the table has doubled since last time.

        Returns the keys that have none left. All at once would hold up whoever waits for a decision, by ten
        milliseconds for each 100,000 sends; a part is a multiple of what has come since the last call, so
        that the table is looked through long before it has doubled again.
        """
        size = len(self.last) + self.put_by_count
        grown, self.looked_at = size - self.looked_at, size
        if not self.suspects:
            if size < self.prune_at:
                return []
            self.suspects = list(self.last)
        rest = max(0, len(self.suspects) - max(_PART, 4 * grown))
        last, earlier = self.last, self.earlier
        stale = [
            key for key in self.suspects[rest:] if key in earlier or last.get(key, _FRESH)[1] <= before_us
        ]
        del self.suspects[rest:]
        gone = self._keep(lambda send: send[1] > before_us, stale)
        if not self.suspects:
            self.prune_at = max(_PRUNE, 2 * (len(self.last) + self.put_by_count))
        return gone

    def take_in(self, copy: "Sends") -> None:
        """What a copy (see `of`) has recorded. What it has forgotten stays until the next pruning."""
        self.last.update(copy.last)
        self.earlier.update(copy.earlier)
        self.put_by_count += copy.put_by_count

    def of(self, keys: Sequence[int]) -> "Sends":
        """A copy that may leave out all but these keys, and counts what it puts by itself."""
        if 4 * len(keys) > len(self.last):
            earlier = {key: sends.copy() for key, sends in self.earlier.items()}
            return Sends(self.last.copy(), earlier, prune_at=self.prune_at)
        known = {key: self.last[key] for key in keys if key in self.last}
        return Sends(known, {key: self.earlier[key].copy() for key in known if key in self.earlier})


@dataclass(slots=True)
class Pacer:
    """Mutable state of all accounts, customers and contents under one set of rules."""

    key: object  # of its own accounts
    accounts: list[Account]
    queue: list[Turn]  # heap of the open accounts, among outdated turns: see `drop_outdated`
    contents: Sends
    customers: Sends
    opted_out: set[int]
    calendars: list[Calendar]
    windows: list[tuple[int, int]]  # by zone: the window looked up last
    gaps: "array[int]"  # the jitter table, a ring: us to the next message
    least_gap: int
    ramp: NDArray[np.int64]  # running sums of the gaps, one block beyond the ring
    minute: Cap
    hour: Cap
    day: Cap
    warm_up: Cap
    warm_up_us: int
    content_gap_us: int
    customer_cap: Cap
    depth: int  # entries of history that some cap may look at

    def draft(self, customers: Sequence[int], contents: Sequence[int]) -> "Pacer":
        """A pacer for messages of these, that can go its own way as long as this one stands still.

        An account is copied when it is first given a message; calendars, the windows looked up in them, and
        the jitter table are shared.
        """
        draft = copy(self)
        draft.key = object()
        draft.accounts = self.accounts.copy()
        draft.queue = self.queue.copy()
        draft.contents = self.contents.of(contents)
        draft.customers = self.customers.of(customers)
        draft.opted_out = self.opted_out.copy()
        return draft


def new_pacer(
    rules: Rules,
    accounts: Sequence[AccountStart],
    zones: Sequence[str],
    seed: int,
    customer_sends: Mapping[int, Sequence[float]] | None = None,
    content_sends: Mapping[int, Sequence[tuple[int, float]]] | None = None,
) -> Pacer:
    """A pacer for these accounts and time zones (IANA names).

    `customer_sends` gives Unix seconds of recent sends by customer, `content_sends` pairs of
    account index and Unix seconds by content. The jitter depends on `seed`, the account's key and
    the number of its message alone. Raises ValueError with one line on a bad rule, an unknown
    zone, or sends out of order.
    """
    check_rules(rules)
    _check_accounts(accounts)
    hour, day = _long_caps(rules, max((len(start.recent_s) for start in accounts), default=0))
    warm_up = (min(rules.warm_up_per_day, rules.rate_per_day), DAY) if rules.warm_up_days else NO_CAP
    minute = (rules.rate_per_min, MINUTE)
    gaps = gap_table(rules.rate_per_min, rules.spacing_jitter, seed)
    pacer = Pacer(
        key=object(),
        accounts=[],
        queue=[],
        contents=_sends(content_sends or {}),
        customers=_sends(
            {who: [(NO_ACCOUNT, s) for s in sends] for who, sends in (customer_sends or {}).items()}
        ),
        opted_out=set(),
        calendars=[_calendar(zone, rules.quiet_from, rules.quiet_until) for zone in zones],
        windows=[(0, 0)] * len(zones),
        gaps=gaps,
        least_gap=min(gaps),
        ramp=np.cumsum(np.concatenate(([0], gaps, gaps[: LONGEST_BLOCK + 1]))),
        minute=minute,
        hour=hour,
        day=day,
        warm_up=warm_up,
        warm_up_us=micros(rules.warm_up_days * 86_400),
        content_gap_us=micros(rules.equal_content_gap_s),
        customer_cap=(rules.customer_cap, micros(rules.customer_cap_window_s)),
        depth=max(count for count, _ in (minute, hour, day, warm_up)),
    )
    for index, start in enumerate(accounts):
        account = new_account(pacer, start)
        pacer.accounts.append(account)
        if start.open:
            account.free = next_free(pacer, account) if start.recent_s else 0
            pacer.queue.append((account.free, index))
    heapify(pacer.queue)
    return pacer


@lru_cache(maxsize=1024)
def _calendar(zone: str, quiet_from: str, quiet_until: str) -> Calendar:
    """One for all pacers: a server that plans anew has 600 zones."""
    return Calendar(zone, quiet_from, quiet_until)


def micros(seconds: float) -> int:
    """Whole microseconds."""
    return round(seconds * SECOND)


@lru_cache(maxsize=64)
def gap_table(rate_per_min: int, jitter: float, seed: int) -> "array[int]":
    """Microseconds from one message of an account to its next: the jitter, GAPS of them in a ring.

    A gap is `(60 / rate_per_min) * (1 + jitter * u)` s with u uniform in [-1, 1] (C017), drawn
    from Philox(seed). Where `rate_per_min` gaps in a row, also around the table's end, would come
    to less than a minute, the last of them is raised until they do not: so the spacing alone
    keeps the cap of a minute, and no gap leaves the range. Without jitter all are alike,
    and there may be more in a minute than in the ring. All pacers share the table.
    """
    if not jitter:
        return array("q", [-(-MINUTE // rate_per_min)]) * GAPS
    draws = np.random.Generator(np.random.Philox(seed)).uniform(-1, 1, GAPS)
    gaps: list[int] = np.ceil(MINUTE / rate_per_min * (1 + jitter * draws)).astype(int).tolist()
    before = rate_per_min - 1
    gaps[:before] = [max(gap, -(-MINUTE // rate_per_min)) for gap in gaps[:before]]
    run = sum(gaps[:before])
    for at in (*range(before, GAPS), *range(before)):
        gaps[at] = max(gaps[at], MINUTE - run)
        run += gaps[at] - gaps[at - before]
    return array("q", gaps)


def next_free(pacer: Pacer, account: Account) -> int:
    """The earliest time at which the account's own rules allow its next send.

    While it warms up the warm-up cap counts too; if that holds it beyond the end of its warm-up,
    it is free at that end or when the other caps allow, whichever is later.
    """
    history = account.history
    free = history[-1] + pacer.gaps[account.position - 1]
    for cap in (pacer.minute, pacer.hour, pacer.day):
        free = max(free, _below(history, cap))
    warming = max(free, _below(history, pacer.warm_up))
    return warming if warming < account.warm_until else max(free, account.warm_until)


def checked_free(pacer: Pacer, account: Account, sends: int = 1) -> int:
    """`next_free` after so many new sends, and until when a look at the hour's cap will do."""
    history, due = account.history, account.history[-1]
    if account.warm_until == NOT_YET:
        account.warm_until = history[-sends] + pacer.warm_up_us
    if len(history) > 2 * pacer.depth:
        del history[: -pacer.depth]
    account.unsettled = max(0, account.unsettled - sends)
    if due >= account.warm_until and not account.unsettled:
        count, span = pacer.day if pacer.day != NO_CAP else (pacer.depth, 0)
        room = count - (len(history) - bisect_right(history, due - span))
        account.check_from = due + max(0, room - 1) * pacer.least_gap
    return next_free(pacer, account)


def own(pacer: Pacer, index: int) -> Account:
    """An account that this pacer may change."""
    account = pacer.accounts[index]
    if account.owner is not pacer.key:
        account = pacer.accounts[index] = account.copy(pacer.key)
    return account


def first_turn(pacer: Pacer) -> Turn:
    """The account that has been free longest, now the first of the queue. IndexError if none is open."""
    drop_outdated(pacer)
    return pacer.queue[0]


def drop_outdated(pacer: Pacer) -> None:
    """Makes the first turn of the queue a true one.

    An account booked out of turn, or closed, leaves its turn behind: one that no longer says when the account
    is free.
    """
    queue, accounts = pacer.queue, pacer.accounts
    while queue and accounts[queue[0][1]].free != queue[0][0]:
        heappop(queue)


def open_turns(pacer: Pacer) -> list[Turn]:
    """Each open account with the time from which it is free, by index."""
    return [(one.free, index) for index, one in enumerate(pacer.accounts) if one.free != CLOSED]


def requeue(pacer: Pacer, index: int, free: int) -> None:
    """Enters from when an account is free that need not be the first of the queue."""
    pacer.accounts[index].free = free
    heappush(pacer.queue, (free, index))
    if len(pacer.queue) > 4 * len(pacer.accounts) + _OUTDATED:
        pacer.queue = open_turns(pacer)
        heapify(pacer.queue)


def prune(pacer: Pacer, now_us: int) -> None:
    """Forgets sends by content and by customer that can bind no more at `now_us` or later."""
    pacer.contents.prune(now_us - pacer.content_gap_us)
    for customer in pacer.opted_out.intersection(pacer.customers.prune(now_us - pacer.customer_cap[1])):
        remember_opt_out(pacer, customer)


def remember_opt_out(pacer: Pacer, customer: int) -> None:
    """Has the customer on record, so that `admit` looks again."""
    pacer.customers.last.setdefault(customer, (NO_ACCOUNT, 0))


def append_sends(pacer: Pacer, index: int, due_us: list[int]) -> None:
    """Books further sends of an account, ascending."""
    account = own(pacer, index)
    account.history.extend(due_us)
    account.position = (account.position + len(due_us)) % GAPS
    if due_us[-1] < account.check_from:  # the rules that can bind here, as in `admit`
        count, span = pacer.hour
        free = max(due_us[-1] + pacer.gaps[account.position - 1], account.history[-count] + span)
    else:
        free = checked_free(pacer, account, len(due_us))
    requeue(pacer, index, free)


def _below(history: "array[int]", cap: Cap) -> int:
    count, span = cap
    return history[-count] + span if count <= len(history) else 0


def new_account(pacer: Pacer, start: AccountStart) -> Account:
    """An account under a pacer's rules, as it is known when it joins."""
    position = (start.sent + (start.key * _GOLDEN % 2**64 >> 50)) % GAPS
    history = array("q", [*repeat(NEVER, pacer.hour[0]), *map(micros, start.recent_s)])
    warm_until = NOT_YET
    if start.first_send_s is not None:
        warm_until = micros(start.first_send_s) + pacer.warm_up_us
    elif start.recent_s:
        warm_until = micros(start.recent_s[0]) + pacer.warm_up_us
    # Earlier sends may have been spaced otherwise, so the first few need the cap of a minute.
    unsettled = pacer.minute[0] if start.recent_s else 0
    return Account(pacer.key, history, position, warm_until, CLOSED, unsettled)


def _long_caps(rules: Rules, recent: int) -> tuple[Cap, Cap]:
    """The caps of an hour and a day, if the shorter ones do not imply them.

    `recent` sends, which may have been made under other rules, come on top.
    """
    in_hour = min(rules.rate_per_hour, 60 * rules.rate_per_min)
    hour = (rules.rate_per_hour, HOUR)
    day = (rules.rate_per_day, DAY)
    return (
        hour if rules.rate_per_hour < 60 * rules.rate_per_min + recent else NO_CAP,
        day if rules.rate_per_day < 24 * in_hour + recent else NO_CAP,
    )


def _sends(by_key: Mapping[int, Sequence[tuple[int, float]]]) -> Sends:
    sends = Sends()
    for key, pairs in by_key.items():
        known = sorted(((account, micros(at_s)) for account, at_s in pairs), key=lambda s: s[1])
        sends.record([key] * len(known), known)
    return sends


def _check_accounts(accounts: Sequence[AccountStart]) -> None:
    for index, account in enumerate(accounts):
        times = [*account.recent_s]
        if times != sorted(times) or (times and times[0] < 0):
            raise ValueError(f"accounts[{index}].recent_s: give ascending Unix times of 0 or more")
