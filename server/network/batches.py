"""The messaging limit and the marketing cap for a batch at once: the array form of `Limits.decide`.

For one portfolio, whose messages are delivered when they are sent, and whose users' allowances stay the same
during a batch. Under these conditions it gives, message by message, what `decide` gives; throughput, pair
rate, opt-out and spam limit are for the caller, who paces, keeps consent and holds numbers.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from server.network.errors import MARKETING_CAPPED, SPAM_RATE
from server.network.marketing_cap import CapParameters
from server.network.rules import DAY_S, TIER_WINDOW_S

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in order of time: arrays of equal length."""

    user: Ints  # index into the columns
    time_s: Floats
    marketing: Bools
    service: Bools  # in an open service window: neither limit counts it


@dataclass(slots=True)
class Columns:
    """What is remembered of each user: 17 bytes, and 8 for each message of the largest allowance."""

    delivered_s: Floats  # last delivery outside a service window
    booked_s: Floats  # (users, most): last marketing messages, ascending
    held_until_s: Floats  # after a refusal by the cap
    tries: NDArray[np.int8]  # since then

    @classmethod
    def new(cls, users: int, most: int) -> "Columns":
        """Of users that have got nothing yet; no allowance will be above `most`."""
        return cls(
            np.full(users, -inf),
            np.full((users, most), -inf),
            np.full(users, -inf),
            np.zeros(users, np.int8),
        )

    def of(self, users: Ints) -> "Columns":
        """A copy of some users' columns."""
        return Columns(
            self.delivered_s[users], self.booked_s[users], self.held_until_s[users], self.tries[users]
        )


def allowances(parameters: CapParameters, read_rate: Floats) -> NDArray[np.int8]:
    """`marketing_cap.allowance` of each user by the own reading rate."""
    p = parameters
    cap = np.floor(p.least + (p.most - p.least) * read_rate - p.others_per_day + 0.5)
    return np.maximum(cap, 0).astype(np.int8)


def refuse(
    columns: Columns,
    batch: Batch,
    limit: float,
    allowance: NDArray[np.integer],
    parameters: CapParameters | None = None,
    tier_code: int = SPAM_RATE,
) -> NDArray[np.int32]:
    """The error code of each message, 0 for an accepted one; books what is accepted in the columns.

    `limit`: unique users a day. `allowance`: marketing messages a day of each user
    (`allowances`).

    ValueError for columns of different length, times that run backwards, or an allowance above the columns'.
    """
    _check(columns, batch, allowance)
    codes = np.zeros(len(batch.user), np.int32)
    first = 0
    while first < len(batch.user):
        # No slot taken in a part runs out within it.
        last = int(np.searchsorted(batch.time_s - TIER_WINDOW_S, batch.time_s[first]))
        part = slice(first, last)
        codes[part] = _refuse_part(
            columns,
            Batch(batch.user[part], batch.time_s[part], batch.marketing[part], batch.service[part]),
            limit,
            allowance,
            parameters or CapParameters(),
            tier_code,
        )
        first = last
    return codes


def give_back(columns: Columns, user: Ints, sent_s: Floats, before_s: Floats) -> None:
    """The messages accepted at these times, one a user, are lost: they hold nothing any more.

    `before_s`: the user's last delivery before, outside a service window; -inf for none.
    """
    latest = columns.delivered_s[user] == sent_s
    columns.delivered_s[user[latest]] = before_s[latest]
    booked_s = columns.booked_s[user]
    booked_s[booked_s == sent_s[:, None]] = -inf
    columns.booked_s[user] = np.sort(booked_s, axis=1)


def _check(columns: Columns, batch: Batch, allowance: NDArray[np.integer]) -> None:
    sizes = {len(batch.user), len(batch.time_s), len(batch.marketing), len(batch.service)}
    if len(sizes) != 1:
        raise ValueError("batch: the columns differ in length; give one value a message in each")
    if (np.diff(batch.time_s) < 0).any():
        raise ValueError("batch.time_s: runs backwards; sort the batch by time")
    if len(allowance) and allowance.max() > columns.booked_s.shape[1]:
        raise ValueError(f"allowance: above {columns.booked_s.shape[1]}, the `most` of the columns")


def _refuse_part(
    columns: Columns,
    batch: Batch,
    limit: float,
    allowance: NDArray[np.integer],
    parameters: CapParameters,
    tier_code: int,
) -> NDArray[np.int32]:
    """The two limits depend on each other: what one refuses, the other does not book.

    Each is worked out given the other's answer until the answers agree. An answer that is right up to some
    message makes the next one right up to a later message, so this ends, and at what one by one would give.
    """
    wanted = np.flatnonzero(~batch.service)
    user, time_s = batch.user[wanted], batch.time_s[wanted]
    marketing = np.flatnonzero(batch.marketing[wanted])
    turns = _turns(user[marketing], len(columns.tries))
    known = user[marketing][turns[0]]
    row = _rows(user[marketing], known, len(columns.tries))
    over = np.zeros(len(wanted), np.bool_)
    while True:
        state = columns.of(known)
        capped = _capped(
            state,
            row,
            time_s[marketing],
            over[marketing],
            allowance[known],
            parameters,
            turns,
        )
        open_ = np.ones(len(wanted), np.bool_)
        open_[marketing] = ~capped
        now_over = np.zeros(len(wanted), np.bool_)
        now_over[open_] = _over_limit(columns.delivered_s, user[open_], time_s[open_], limit)
        if (now_over == over).all():
            break
        over = now_over
    codes = np.zeros(len(batch.user), np.int32)
    codes[wanted] = np.where(over, tier_code, np.where(open_, 0, MARKETING_CAPPED))
    accepted = open_ & ~over
    columns.delivered_s[user[accepted]] = time_s[accepted]  # of equal users the last, in order of time
    columns.booked_s[known] = state.booked_s
    columns.held_until_s[known] = state.held_until_s
    columns.tries[known] = state.tries
    return codes


def _turns(user: Ints, users: int) -> list[Ints]:
    """Positions of each user's first message, of each one's second, and so on; always at least one turn."""
    slot = np.empty(users, np.int64)  # read only where it was written
    waiting = np.arange(len(user))
    turns: list[Ints] = []
    while len(waiting) or not turns:
        who = user[waiting]
        slot[who[::-1]] = waiting[::-1]  # the last to write is the first to send
        first = slot[who] == waiting
        turns.append(waiting[first])
        waiting = waiting[~first]
    return turns


def _rows(user: Ints, known: Ints, users: int) -> Ints:
    """Where each user stands among the known."""
    slot = np.empty(users, np.int64)
    slot[known] = np.arange(len(known))
    return slot[user]


def _capped(
    state: Columns,
    user: Ints,
    time_s: Floats,
    over: Bools,
    allowance: NDArray[np.integer],
    p: CapParameters,
    turns: list[Ints],
) -> Bools:
    """Which marketing messages the cap refuses; brings the state of their users up to date.

    A user's messages depend on each other only: the first ones of all users are done at once, then the second
    ones. `over`: passes the cap, but the limit refuses it, so it is not booked.
    """
    capped = np.zeros(len(user), np.bool_)
    for at in turns:
        row, now = user[at], time_s[at]
        waits = now < state.held_until_s[row]
        full = (state.booked_s[row] > (now - DAY_S)[:, None]).sum(axis=1) >= allowance[row]
        capped[at] = waits | full
        _hold(state, row, now, waits, full & ~waits, p)
        books = ~(waits | full | over[at])
        booked = row[books]
        state.booked_s[booked, :-1] = state.booked_s[booked, 1:]
        state.booked_s[booked, -1] = now[books]
    return capped


def _hold(state: Columns, row: Ints, now: Floats, waits: Bools, newly: Bools, p: CapParameters) -> None:
    """A refusal starts the wait; a try within it counts as hammering."""
    state.held_until_s[row[newly]] = now[newly] + p.wait_s
    state.tries[row[newly]] = 0
    # Counted as far as it matters, so that it never overflows.
    tries = np.minimum(state.tries[row[waits]] + 1, p.hammer_tries + 1)
    hammered = tries == p.hammer_tries
    at = row[waits][hammered]
    state.tries[row[waits]] = tries
    state.held_until_s[at] = np.maximum(state.held_until_s[at], now[waits][hammered] + p.hammer_block_s)


def _over_limit(delivered_s: Floats, user: Ints, time_s: Floats, limit: float) -> Bools:
    """Which messages find no slot; all within one window, so only slots from before it run out."""
    over = np.zeros(len(user), np.bool_)
    if limit == inf or not len(user):
        return over
    before_s = time_s - TIER_WINDOW_S
    turns = _turns(user, len(delivered_s))
    firsts = turns[0]
    keeps = delivered_s[user[firsts]] > before_s[firsts]  # writes again before its slot runs out
    free = _free_slots(delivered_s, user[firsts[keeps]], before_s, limit)
    tries = np.zeros(len(user), np.bool_)
    tries[firsts[~keeps]] = True
    refused = _refused(free, tries)
    if not len(refused):
        return over
    following = _following(user, turns, len(delivered_s))
    while True:
        again = following[refused]
        again = again[again >= 0]
        if tries[again].all():
            break
        tries[again] = True  # who is refused tries with the next message; more tries help nobody
        refused = _refused(free, tries)
    over[refused] = True
    return over


def _refused(free: Ints, tries: Bools) -> Ints:
    """The positions of tries that find no slot."""
    at = np.flatnonzero(tries)
    return at[~_taken(free[at])]


def _following(user: Ints, turns: list[Ints], users: int) -> Ints:
    """The position of the same user's next message; -1: none."""
    following = np.full(len(user), -1)
    slot = np.empty(users, np.int64)
    for turn, after in pairwise(turns):
        slot[user[turn]] = turn
        following[slot[user[after]]] = after
    return following


def _free_slots(delivered_s: Floats, keepers: Ints, before_s: Floats, limit: float) -> Ints:
    """Slots for users without one, when each message is sent: never fewer later than earlier."""
    held = delivered_s > before_s[0]
    held[keepers] = False
    ends = np.sort(delivered_s[held])
    still_held = len(ends) - np.searchsorted(ends, before_s, side="right")
    return np.maximum(int(limit) - len(keepers) - still_held, 0)


def _taken(free: Ints) -> Bools:
    """Who takes a slot, when each in turn takes one if fewer are taken than there are.

    The count after i obeys c_i = min(c_(i-1) + 1, free_i), free never falling; hence
    c_i = min(i, min over j <= i of (free_j + i - j)).
    """
    i = np.arange(1, len(free) + 1)
    count = i + np.minimum(np.minimum.accumulate(free - i), 0)
    return np.diff(count, prepend=0) > 0
