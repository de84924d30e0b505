"""Pacing for messages that meet no other, millions of them: accounts as columns, booked batch after batch.

A message meets no other when nobody else gets its content and its customer's frequency cap cannot bind
(`ready` says whose does not). For such messages `Booking.book` is, to the microsecond, `pacing.plan` followed
by `pacing.commit`; it remembers sends by account alone, not by customer and content.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_admit import NO_ACCOUNT_OPEN
from server.dispatch.pacing_plan import Batch, Waiting
from server.dispatch.pacing_rules import AccountStart, Messages, Rules, check_messages
from server.dispatch.pacing_slots import add_account, fleet_of, remove_account
from server.dispatch.pacing_state import micros, new_pacer


class Booked(NamedTuple):
    """Messages in the order in which they leave, columns of equal length."""

    rows: NDArray[np.intp]  # their places in the batch
    account: NDArray[np.int32]  # index into the accounts
    due_s: NDArray[np.float64]  # Unix seconds, exact to the microsecond


class Ready(NamedTuple):
    """Which of some messages may be booked; those of customers who left are in neither part."""

    rows: NDArray[np.intp]
    held: NDArray[np.intp]  # by the frequency cap
    until_s: NDArray[np.float64]  # of each that is held


class Booking:
    """The accounts of one strategy, as far as they are booked."""

    def __init__(
        self, rules: Rules, accounts: Sequence[AccountStart], zones: Sequence[str], seed: int
    ) -> None:
        """As `pacing.new_pacer`, which raises ValueError with one line on a bad rule or an unknown zone."""
        self._pacer = new_pacer(rules, accounts, zones, seed)
        self._fleet = fleet_of(self._pacer)

    def book(self, zone: NDArray[np.int32], start_s: float) -> Booked:
        """An account and a time for each message, in the order in which they are wanted.

        zone: index into the zones; nothing is due before `start_s` (Unix seconds). Raises ValueError if no
        account is open, or on a zone that is not there.
        """
        size = len(zone)
        nobody = np.zeros(size, np.int64)
        messages = Messages(nobody, zone, nobody, np.ones(size, np.bool_), np.zeros(size))
        check_messages(messages, len(self._pacer.calendars))
        if not len(self._fleet.index):
            raise ValueError(NO_ACCOUNT_OPEN)
        waiting = Waiting()
        waiting.add(micros(start_s), np.arange(size))
        batch = Batch(self._pacer, messages, waiting, self._fleet)
        while waiting:
            batch.fill(*waiting.next())
        batch.book()
        plan = batch.plan()
        rows = np.argsort(plan.due_s, kind="stable")
        return Booked(rows, plan.account.take(rows), plan.due_s.take(rows))

    def close(self, account: int) -> None:
        """A banned or paused account gets nothing more; its index stays taken."""
        remove_account(self._fleet, account)

    def add(self, start: AccountStart, account: int) -> None:
        """One more account, with an index that no other has had."""
        add_account(self._fleet, self._pacer, start, account)


def ready(
    sends_s: NDArray[np.float64],
    leaves_s: NDArray[np.float64],
    customer: NDArray[np.int32],
    now_s: float,
    cap_window_s: float,
) -> Ready:
    """Which of these customers may get one more message at `now_s`, and from when on the others.

    sends_s (customers, cap): the latest `cap` sends of each, done or planned, in any order, -inf where there
    are fewer. With the oldest of them at least a window back no window can hold more than the cap. A pacer
    that knows the time of the new send may let it go earlier, where planned sends lie far ahead.
    leaves_s (customers,): from then on each gets nothing.
    """
    stays = np.flatnonzero(leaves_s[customer] > now_s)
    below_s = sends_s.take(customer.take(stays), axis=0).min(axis=1) + cap_window_s
    is_held = below_s > now_s
    return Ready(stays[~is_held], stays[is_held], below_s[is_held])


def record(sends_s: NDArray[np.float64], customer: NDArray[np.int32], due_s: NDArray[np.float64]) -> None:
    """Enters a send of each customer, who stand here once each, in the place of the oldest."""
    sends_s[customer, sends_s.take(customer, axis=0).argmin(axis=1)] = due_s
