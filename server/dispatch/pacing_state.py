"""The pacer: what has been sent and planned, and what follows from it for the next send.

All times are whole microseconds of Unix time, so that sums and comparisons are exact. A send is
kept as one integer, `due_us << ACCOUNT_BITS | account`: cheap to compare, to store and to order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify
from math import ceil
from typing import cast

import numpy as np

from server.dispatch.pacing_rules import AccountStart, Rules, check_rules
from server.dispatch.quiet_hours import Calendar

SECOND = 1_000_000
DAY = 86_400 * SECOND
ACCOUNT_BITS = 11
ACCOUNT = (1 << ACCOUNT_BITS) - 1
NO_ACCOUNT = ACCOUNT  # of sends whose account is not known
NEVER = -(10**12)  # a send so long ago that no cap sees it
NOT_YET = 1 << 61  # end of a warm-up that has not begun
GAPS = 1 << 14  # length of the jitter table
_GOLDEN = 0x9E3779B97F4A7C15  # Fibonacci hashing: neighbouring keys start far apart


@dataclass(slots=True)
class Account:
    """One account. `history` is as deep as the largest cap from the start, filled with NEVER."""

    history: list[int]  # due times, ascending
    blank: int  # how many leading entries of history are NEVER
    position: int  # in the jitter table, of the gap that follows the next send
    warm_until: int
    free: int  # earliest next send
    open: bool

    def recent(self, depth: int) -> list[int]:
        """The sends among the last `depth` entries of the history."""
        return self.history[max(self.blank, len(self.history) - depth) :]

    def copy(self) -> "Account":
        return Account(
            self.history.copy(), self.blank, self.position, self.warm_until, self.free, self.open
        )


@dataclass(slots=True)
class Sends:
    """Sends by customer or by content: the latest recorded of each key, and those before it."""

    last: dict[int, int] = field(default_factory=dict)
    earlier: dict[int, list[int]] = field(default_factory=dict)
    size_to_prune: int = 1 << 14

    def record(self, keys: Iterable[int], sends: Iterable[int]) -> None:
        last, earlier = self.last, self.earlier
        for key, send in zip(keys, sends, strict=True):
            if key in last:
                earlier.setdefault(key, []).append(last[key])
            last[key] = send

    def put_by(self, key: int) -> None:
        """Moves the latest send of this key, if any, to those before it."""
        if key in self.last:
            self.earlier.setdefault(key, []).append(self.last[key])

    def of(self, key: int) -> list[int]:
        """All sends known of this key, in the order of their times."""
        if key not in self.last:
            return []
        return sorted([*self.earlier.get(key, ()), self.last[key]])

    def forget(self, account: int, after_us: int) -> None:
        """Drops what this account had planned after `after_us`."""
        self._keep(lambda send: send & ACCOUNT != account or send >> ACCOUNT_BITS <= after_us)

    def prune(self, before_us: int) -> None:
        """Drops sends up to `before_us`, once the table has doubled since the last time."""
        if len(self.last) >= self.size_to_prune:
            self._keep(lambda send: send >> ACCOUNT_BITS > before_us)
            self.size_to_prune = max(1 << 14, 2 * len(self.last))

    def copy(self) -> "Sends":
        earlier = {key: sends.copy() for key, sends in self.earlier.items()}
        return Sends(self.last.copy(), earlier, self.size_to_prune)

    def _keep(self, wanted: Callable[[int], bool]) -> None:
        stale = [key for key, send in self.last.items() if not wanted(send)]
        for key in {*stale, *self.earlier}:
            kept = [send for send in (*self.earlier.get(key, ()), self.last[key]) if wanted(send)]
            if kept:
                self.last[key] = kept.pop()
            else:
                del self.last[key]
            if kept:
                self.earlier[key] = kept
            else:
                self.earlier.pop(key, None)


Caps = tuple[int, int, int, int, int, int]  # -count, span_us of the minute, hour and day caps


@dataclass(slots=True)
class Pacer:
    """Mutable state of all accounts, customers and contents under one set of rules."""

    accounts: list[Account]
    queue: list[int]  # heap of the open accounts: free << ACCOUNT_BITS | index
    contents: Sends
    customers: Sends
    opted_out: set[int]
    calendars: list[Calendar]
    windows: list[tuple[int, int]]  # by zone: the window looked up last
    gaps: list[int]  # microseconds from one send to the next, by jitter position
    caps: Caps
    warm_up_cap: int  # in any DAY
    warm_up_us: int
    content_gap_us: int
    customer_cap: tuple[int, int]  # count, span_us
    depth: int  # entries of history that some cap may look at

    def copy(self) -> "Pacer":
        """A pacer that can go its own way; the calendars and the jitter table are shared."""
        return replace(
            self,
            accounts=[account.copy() for account in self.accounts],
            queue=self.queue.copy(),
            contents=self.contents.copy(),
            customers=self.customers.copy(),
            opted_out=self.opted_out.copy(),
            windows=self.windows.copy(),
        )


def new_pacer(
    rules: Rules,
    accounts: Sequence[AccountStart],
    zones: Sequence[str],
    seed: int,
    customer_sends: Mapping[int, Sequence[float]] | None = None,
    content_sends: Mapping[int, Sequence[tuple[float, int]]] | None = None,
) -> Pacer:
    """A pacer for these accounts and time zones (IANA names).

    `customer_sends` gives Unix seconds of recent sends by customer, `content_sends` pairs of
    Unix seconds and account index by content hash. The jitter depends on `seed`, the account's
    key and the number of its message alone. Raises ValueError with one line on a bad rule,
    an unknown zone, sends out of order, or more than 2,047 accounts.
    """
    check_rules(rules)
    _check_accounts(accounts)
    gaps = _gap_table(rules, seed)
    caps = _caps(rules, min(gaps), max((len(a.recent_s) for a in accounts), default=0))
    warm_up_cap = min(rules.warm_up_per_day, rules.rate_per_day)
    pacer = Pacer(
        accounts=[],
        queue=[],
        contents=_sends(content_sends or {}),
        customers=_sends(
            {who: [(s, NO_ACCOUNT) for s in sends] for who, sends in (customer_sends or {}).items()}
        ),
        opted_out=set(),
        calendars=[Calendar(zone, rules.quiet_from, rules.quiet_until) for zone in zones],
        windows=[(0, 0)] * len(zones),
        gaps=gaps,
        caps=caps,
        warm_up_cap=warm_up_cap,
        warm_up_us=micros(rules.warm_up_days * 86_400),
        content_gap_us=micros(rules.equal_content_gap_s),
        customer_cap=(rules.customer_cap, micros(rules.customer_cap_window_s)),
        depth=max(warm_up_cap, *(-count for count in caps[::2])),
    )
    pacer.accounts = [_account(pacer, start) for start in accounts]
    requeue(pacer)
    return pacer


def micros(seconds: float) -> int:
    return round(seconds * SECOND)


def next_free(pacer: Pacer, account: Account) -> int:
    """The earliest time at which the account's own rules allow its next send.

    While it warms up the warm-up cap counts too; if that holds it beyond the end of its warm-up,
    it is free at that end or when the other caps allow, whichever is later.
    """
    history = account.history
    free = history[-1] + pacer.gaps[(account.position - 1) % GAPS]
    minute, minute_us, hour, hour_us, day, day_us = pacer.caps
    free = max(free, history[minute] + minute_us, history[hour] + hour_us, history[day] + day_us)
    warming = max(free, history[-pacer.warm_up_cap] + DAY)
    return warming if warming < account.warm_until else max(free, account.warm_until)


def requeue(pacer: Pacer) -> None:
    """Makes the queue of open accounts anew."""
    pacer.queue = [
        account.free << ACCOUNT_BITS | index
        for index, account in enumerate(pacer.accounts)
        if account.open
    ]
    heapify(pacer.queue)


def append_sends(pacer: Pacer, account: Account, due_us: list[int]) -> None:
    """Gives an account further sends, ascending; the queue is the caller's to make anew."""
    if not due_us:
        return
    if account.warm_until == NOT_YET:
        account.warm_until = due_us[0] + pacer.warm_up_us
    account.history += due_us
    account.position += len(due_us)
    account.free = next_free(pacer, account)
    trim(pacer, account)


def trim(pacer: Pacer, account: Account) -> None:
    """Drops history that no cap looks at."""
    excess = len(account.history) - pacer.depth
    if excess > pacer.depth:
        del account.history[:excess]
        account.blank = max(0, account.blank - excess)


def prune(pacer: Pacer, now_us: int) -> None:
    """Drops sends by content and by customer that can bind no more at `now_us` or later."""
    pacer.contents.prune(now_us - pacer.content_gap_us)
    pacer.customers.prune(now_us - pacer.customer_cap[1])


def _account(pacer: Pacer, start: AccountStart) -> Account:
    account = Account(
        history=[NEVER] * pacer.depth,
        blank=pacer.depth,
        position=start.sent + (start.key * _GOLDEN % 2**64 >> 50),
        warm_until=NOT_YET,
        free=0,
        open=start.open,
    )
    if start.first_send_s is not None:
        account.warm_until = micros(start.first_send_s) + pacer.warm_up_us
    elif start.recent_s:
        account.warm_until = micros(start.recent_s[0]) + pacer.warm_up_us
    if start.recent_s:
        account.history += map(micros, start.recent_s)
        account.free = next_free(pacer, account)
    return account


def _gap_table(rules: Rules, seed: int) -> list[int]:
    """Gaps in microseconds, rounded up so that the mean rate is never above the cap."""
    draws = np.random.Generator(np.random.Philox(seed)).uniform(-1, 1, GAPS)
    mean_us = 60 * SECOND / rules.rate_per_min
    gaps: list[int] = np.ceil(mean_us * (1 + rules.spacing_jitter * draws)).astype(int).tolist()
    return gaps


def _caps(rules: Rules, least_gap: int, recent: int) -> Caps:
    """The account caps, without those that no sequence of sends can reach.

    No window holds more sends than the spacing, or the caps of shorter windows, let through,
    beside the `recent` ones, which may have been made under other rules.
    """
    caps: list[int] = []
    most, shorter = 1, least_gap
    for count, seconds in (
        (rules.rate_per_min, 60),
        (rules.rate_per_hour, 3_600),
        (rules.rate_per_day, 86_400),
    ):
        span = seconds * SECOND
        reach = min(ceil(span / least_gap), most * ceil(span / shorter))
        caps += (-count, span) if count < reach + recent else (-1, 0)
        most, shorter = min(count, reach), span
    return cast(Caps, tuple(caps))


def _sends(by_key: Mapping[int, Sequence[tuple[float, int]]]) -> Sends:
    sends = Sends()
    for key, times in by_key.items():
        packed = sorted(micros(at_s) << ACCOUNT_BITS | account for at_s, account in times)
        sends.record([key] * len(packed), packed)
    return sends


def _check_accounts(accounts: Sequence[AccountStart]) -> None:
    if len(accounts) >= NO_ACCOUNT:
        raise ValueError(f"{len(accounts)} accounts: a pacer holds at most {NO_ACCOUNT - 1}")
    for index, account in enumerate(accounts):
        times = [*account.recent_s]
        if times != sorted(times) or (times and times[0] < 0):
            raise ValueError(f"accounts[{index}].recent_s: give ascending Unix times of 0 or more")
