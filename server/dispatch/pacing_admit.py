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
from dataclasses import dataclass
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
HELD = -2  # by the customer's own window
HELD_BY_CONTENT = -3  # equal content left another account too recently
HELD_BY_CAP = -4  # by the customer's frequency cap, or by the window while as many sends are on record

Message = tuple[int, int, int, bool]  # customer, zone index, content hash, consent


def admit(pacer: Pacer, message: Message, now_us: int) -> tuple[int, int]:
    """Decides on one message at `now_us` (Unix microseconds), and books its account if admitted.

    Returns `(account index, due_us)`; HELD, HELD_BY_CONTENT or HELD_BY_CAP and `until_us` if it is
    to be offered again then; `(REFUSED, 0)` without consent. Raises ValueError if no account is open.
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


@dataclass(slots=True)
class Line:
    """Messages that wait for the same, by position; the first is offered again at `until_us`."""

    until_us: int
    messages: deque[tuple[int, Message]]


class Counter:
    """Offers messages one by one, notes the decisions, and keeps the lines of those that wait for the same.

    Messages held by their content stand in one line a content, those held by a frequency cap in one a
    customer. The first alone is offered again; when it is through, the next of the line is offered at once.
    So many equal messages, or many to one customer, cost no more than different ones.
    """

    def __init__(self, pacer: Pacer, hold: Callable[[int, int], None]) -> None:
        """`hold(until_us, position)` is told which messages to offer again, and when."""
        self.pacer = pacer
        self.decisions: dict[int, tuple[int, int]] = {}
        self._hold = hold
        self._by_content: dict[int, Line] = {}
        self._by_customer: dict[int, Line] = {}

    def offer(self, position: int, message: Message, now_us: int) -> None:
        todo = [(position, message)]
        while todo:
            position, message = todo.pop()
            decision = admit(self.pacer, message, now_us)
            held, until_us = decision
            if held == HELD:
                self._hold(until_us, position)
            elif held == HELD_BY_CONTENT:
                self._line_up(self._by_content, message[2], position, message, until_us)
            elif held == HELD_BY_CAP:
                self._line_up(self._by_customer, message[0], position, message, until_us)
            else:
                self.decisions[position] = decision
            if self._by_content and held != HELD_BY_CONTENT:
                todo += _next_after(self._by_content, message[2], position)
            if self._by_customer and held != HELD_BY_CAP:
                todo += _next_after(self._by_customer, message[0], position)

    def _line_up(
        self, lines: dict[int, Line], key: int, position: int, message: Message, until_us: int
    ) -> None:
        line = lines.get(key)
        if line is None:
            lines[key] = Line(until_us, deque([(position, message)]))
        elif line.messages[0][0] == position:
            line.until_us = until_us
        elif until_us >= line.until_us:
            line.messages.append((position, message))
            return
        self._hold(until_us, position)


def _next_after(lines: dict[int, Line], key: int, position: int) -> Sequence[tuple[int, Message]]:
    """Who comes next, if this one was the first of the line; it has left it then."""
    line = lines.get(key)
    if line is None or line.messages[0][0] != position:
        return ()
    line.messages.popleft()
    if not line.messages:
        del lines[key]
        return ()
    return (line.messages[0],)


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
            is_capped = pacer.customers.count(customer) >= pacer.customer_cap[0]
            return HELD_BY_CAP if is_capped else HELD, allowed
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
    cap, span = pacer.customer_cap
    times = pacer.customers.times(customer, due_us - span)
    for first, last in zip(times, times[cap - 1 :], strict=False):
        if max(last, due_us) - min(first, due_us) < span:
            due_us = first + span
    return due_us
