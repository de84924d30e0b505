"""Pacing one message at a time, and the plain planner that does so for a batch.

`admit` is one step of list scheduling: the message goes to the account from which it can leave
earliest; among equals to the one that has been free longest, then to the lowest index. The due
time may lie ahead: the account is then booked up to it. A message is *held*, and no account
booked, when its customer's window is shut or frequency cap reached at that time, or when accounts
stand free but its content must wait: nothing else waits behind it. Its caller offers it again at
the time it is held until.
"""

from collections import deque
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush, heapreplace
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_rules import Messages, Plan, check_messages
from server.dispatch.pacing_state import (
    CLOSED,
    GAPS,
    NOT_YET,
    SECOND,
    Pacer,
    Send,
    append_sends,
    checked_free,
    first_turn,
    micros,
    own,
    prune,
)

NO_ACCOUNT_OPEN = "no account is open: add one, or end the pause of one"
REFUSED = -1  # no consent
HELD = -2  # by the customer's own window or frequency cap
HELD_BY_CONTENT = -3  # equal content left another account too recently

Message = tuple[int, int, int, bool]  # customer, zone index, content hash, consent


def admit(pacer: Pacer, message: Message, now_us: int) -> tuple[int, int]:
    """Decides on one message at `now_us` (Unix microseconds), and books its account if admitted.

    Returns `(account index, due_us)`; `(HELD, until_us)` or `(HELD_BY_CONTENT, until_us)` if it is
    to be offered again at `until_us`; `(REFUSED, 0)` without consent. Raises ValueError if no
    account is open.
    """
    customer, zone, content, consent = message
    queue, accounts = pacer.queue, pacer.accounts
    try:
        due, first = queue[0]
        account = accounts[first]
        if account.free != due:
            due, first = first_turn(pacer)
            account = accounts[first]
    except IndexError:
        raise ValueError(NO_ACCOUNT_OPEN) from None
    if due < now_us:
        due = now_us
    by_customer = pacer.customers.last
    by_content = pacer.contents.last
    opens, closes = pacer.windows[zone]
    if opens <= due < closes and consent and customer not in by_customer and content not in by_content:
        decision = first, due
    else:
        decision = _through_gates(pacer, message, now_us)
        if decision[0] != first:
            return _book_out_of_turn(pacer, message, decision)
        due = decision[1]
    if account.owner is not pacer.key:
        account = own(pacer, first)
    history = account.history
    history.append(due)
    gap = pacer.gaps[account.position]
    account.position = (account.position + 1) % GAPS
    if due < account.check_from:  # the rules that can bind here, written out for speed
        free = due + gap
        count, span = pacer.hour
        allowed = history[-count] + span
        if allowed > free:
            free = allowed
    else:
        free = checked_free(pacer, account)
        prune(pacer, now_us)
    account.free = free
    heapreplace(queue, (free, first))
    by_customer[customer] = by_content[content] = decision
    return decision


class Counter:
    """Offers messages one by one, notes the decisions, and keeps the lines of equal content.

    Messages held by their content stand in one line a content. The first alone is offered again;
    when it is through, the next of the line is offered at once. So many equal messages cost no
    more than different ones.
    """

    def __init__(self, pacer: Pacer, hold: Callable[[int, int], None]) -> None:
        """`hold(until_us, position)` is told which messages to offer again, and when."""
        self.pacer = pacer
        self.decisions: dict[int, tuple[int, int]] = {}
        self._hold = hold
        self._lines: dict[int, deque[tuple[int, Message]]] = {}

    def offer(self, position: int, message: Message, now_us: int) -> None:
        content = message[2]
        while True:
            decision = admit(self.pacer, message, now_us)
            if decision[0] == HELD_BY_CONTENT:
                self._line_up(position, message, decision[1])
                return
            if decision[0] == HELD:
                self._hold(decision[1], position)
            else:
                self.decisions[position] = decision
            line = self._lines.get(content)
            if line is None or line[0][0] != position:
                return
            line.popleft()
            if not line:
                del self._lines[content]
                return
            position, message = line[0]

    def _line_up(self, position: int, message: Message, until_us: int) -> None:
        line = self._lines.setdefault(message[2], deque())
        if not line:
            line.append((position, message))
        if line[0][0] == position:
            self._hold(until_us, position)
        else:
            line.append((position, message))


class Draft(NamedTuple):
    """Messages decided on one by one, and the pacer that admitted them: see `pacing.adopt`."""

    pacer: Pacer
    decisions: list[tuple[int, int]]  # of each message: (account index, due_us), or (REFUSED, 0)


def draft_plan(pacer: Pacer, rows: Sequence[Message], releases: Sequence[int]) -> Draft:
    """What becomes of each message, by `admit` alone. Does not change the pacer.

    Messages are offered in order of (release, position); a held one waits again from the time it
    is held until, those of equal content in a line. releases: Unix microseconds. Raises ValueError
    if no account is open.
    """
    queue = list(zip(releases, range(len(rows)), strict=True))
    heapify(queue)
    draft = pacer.draft([row[0] for row in rows], [row[2] for row in rows])
    counter = Counter(draft, lambda until_us, i: heappush(queue, (until_us, i)))
    while queue:
        now_us, position = heappop(queue)
        counter.offer(position, rows[position], now_us)
    return Draft(draft, [counter.decisions[position] for position in range(len(rows))])


def plan_one_by_one(pacer: Pacer, messages: Messages, start_s: float) -> Plan:
    """The plan of a batch by `draft_plan`: the plain form, which defines what `plan` returns."""
    check_messages(messages, len(pacer.calendars))
    draft = draft_plan(pacer, message_rows(messages), releases_us(messages, start_s).tolist())
    return plan_of_draft(draft)


def plan_of_draft(draft: Draft) -> Plan:
    """The same as columns."""
    size = len(draft.decisions)
    account, due_us = np.full(size, REFUSED, np.int32), np.zeros(size, np.int64)
    write_decisions(dict(enumerate(draft.decisions)), account, due_us)
    return plan_of(account, due_us)


def message_rows(messages: Messages, at: NDArray[np.int64] | slice = slice(None)) -> list[Message]:
    """The messages at these positions as `admit` takes them."""
    columns = (messages.customer, messages.zone, messages.content, messages.consent)
    return list(zip(*(column[at].tolist() for column in columns), strict=True))


def releases_us(messages: Messages, start_s: float) -> NDArray[np.int64]:
    """When each message may first be offered, in Unix microseconds."""
    if not len(messages) or messages.release_s.max() <= start_s:
        return np.full(len(messages), micros(start_s))
    releases = np.rint(messages.release_s * SECOND).astype(np.int64)
    return np.maximum(releases, micros(start_s))


def write_decisions(
    decisions: dict[int, tuple[int, int]], account: NDArray[np.int32], due_us: NDArray[np.int64]
) -> None:
    """Enters what a counter decided into the columns of a plan."""
    positions = np.fromiter(decisions, np.int64, len(decisions))
    pairs = np.fromiter(chain.from_iterable(decisions.values()), np.int64, 2 * len(decisions))
    account[positions] = pairs[0::2]
    due_us[positions] = pairs[1::2]


def plan_of(account: NDArray[np.int32], due_us: NDArray[np.int64]) -> Plan:
    """The plan with these columns; microseconds survive the way to float seconds and back."""
    due_s = due_us / SECOND
    due_s[account == REFUSED] = np.nan
    return Plan(account, due_s)


def _through_gates(pacer: Pacer, message: Message, now_us: int) -> tuple[int, int]:
    """What `admit` is to return.

    If it is an admission, the latest sends to the same customer and of the same content are put
    by, because `admit` then records the new one in their place.
    """
    customer, zone, content, consent = message
    if not consent or customer in pacer.opted_out:
        return REFUSED, 0
    account, free, due = _earliest(pacer, content, now_us)
    opens, closes = pacer.windows[zone]
    if not opens <= due < closes or customer in pacer.customers.last:
        allowed = _allowed_from(pacer, customer, zone, due)
        if allowed > due:
            return HELD, allowed
    if due > free:
        return HELD_BY_CONTENT, due
    for sends, key in ((pacer.customers, customer), (pacer.contents, content)):
        if key in sends.last:
            sends.put_by(key)
    return account, due


def _book_out_of_turn(pacer: Pacer, message: Message, decision: Send) -> Send:
    """Books an account that is not the first of the queue, if it is an admission at all."""
    index, due_us = decision
    if index >= 0:
        append_sends(pacer, index, [due_us])
        pacer.customers.last[message[0]] = decision
        pacer.contents.last[message[2]] = decision
    return decision


def _earliest(pacer: Pacer, content: int, now_us: int) -> tuple[int, int, int]:
    """The account that can send this content first, from when it is free, and when it may."""
    free, account = pacer.queue[0]
    if free < now_us:
        free = now_us
    latest = pacer.contents.last.get(content)
    if latest is None:
        return account, free, free
    last, last_us = latest
    due = last_us + pacer.content_gap_us
    if last == account or due <= free or not pacer.content_gap_us:
        return account, free, free
    its_free = pacer.accounts[last].free if last >= 0 else CLOSED
    again = max(now_us, its_free) if its_free != CLOSED else NOT_YET
    return (last, again, again) if again <= due else (account, free, due)


def _allowed_from(pacer: Pacer, customer: int, zone: int, due_us: int) -> int:
    """The earliest time from `due_us` on at which window and frequency cap both allow a send."""
    while True:
        opens, closes = pacer.calendars[zone].window(due_us)
        opened = max(due_us, opens)
        due_us = _below_cap_from(pacer, customer, opened)
        if due_us == opened:
            pacer.windows[zone] = opens, closes
            return due_us


def _below_cap_from(pacer: Pacer, customer: int, due_us: int) -> int:
    """The earliest time from `due_us` on that leaves every window within the frequency cap.

    Sends may lie ahead: no run of `cap` neighbouring ones may share a window with the new one.
    """
    times = pacer.customers.times(customer)
    cap, span = pacer.customer_cap
    for first, last in zip(times, times[cap - 1 :], strict=False):
        if max(last, due_us) - min(first, due_us) < span:
            due_us = first + span
    return due_us
